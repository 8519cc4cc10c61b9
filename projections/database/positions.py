"""How far each projection has come, and whose writes move it on."""

import time
from collections.abc import Sequence

from sqlalchemy import Connection, Update, bindparam, select, tuple_, update
from sqlalchemy.sql.elements import ColumnElement

from projections.completeness import DIGESTS, Applied
from projections.database.tables import BOOKKEEPING, metadata, now_us, projection_positions
from projections.projection import Projection


class VersionReplaced(RuntimeError):
    """Another version of the program has built the tables of a projection its own way."""

    def __init__(self, name: str, version: int) -> None:
        self.name, self.version = name, version
        super().__init__(f"Projection {name} is no longer at version {version}: another runs it")


def read_positions(connection: Connection, projections: Sequence[Projection]) -> dict[str, int]:
    """Return how far each projection has come. Raises VersionReplaced."""
    found = connection.execute(
        select(
            projection_positions.c.name,
            projection_positions.c.version,
            projection_positions.c.position,
        )
    )
    positions = {(name, version): position for name, version, position in found}
    for projection in projections:
        if (projection.name, projection.version) not in positions:
            raise VersionReplaced(projection.name, projection.version)
    return {each.name: positions[each.name, each.version] for each in projections}


def standing(connection: Connection, name: str) -> tuple[int, int | None]:
    """Return the position that answers show, and the first that is parked before it, if any."""
    columns = projection_positions.c
    found = connection.execute(
        select(columns.position, columns.parked_from).where(columns.name == name)
    ).one_or_none()
    return (0, None) if found is None else (found.position, found.parked_from)


def move_positions(
    connection: Connection,
    projections: Sequence[Projection],
    *,
    expected: int,
    position: int,
    epoch: int,
    applied: Applied,
) -> bool:
    """Move projections on; False, and nothing may be kept, unless all stood where expected.

    They must also still be those of the lease with this epoch.
    """
    moved = connection.execute(
        _MOVE,
        {
            "keys": _keys(projections),
            "expected": expected,
            "expected_epoch": epoch,
            "new_position": position,
            "more_events": applied.events,
            "more_digest": applied.digest,
            "now": time.time_ns() // 1_000,
        },
    )
    return moved.rowcount == len(projections)


def place_positions(
    connection: Connection, projections: Sequence[Projection], *, position: int, applied: Applied
) -> bool:
    """Put projections at a position, wherever they stood; who followed must begin anew.

    False, and nothing may be kept, unless all are there with their version.
    """
    placed = connection.execute(
        update(projection_positions)
        .where(_these(projections))
        .values(
            position=position,
            updated_at_us=now_us(connection),
            epoch=0,
            applied_events=applied.events,
            applied_digest=applied.digest % DIGESTS,
            parked_from=None,
        )
    )
    for each in projections:
        forget_what_is_kept_about(connection, each, for_good=False)
    return placed.rowcount == len(projections)


def fence(connection: Connection, projections: Sequence[Projection], *, epoch: int) -> None:
    """Take the writes of one epoch only, from now on; waits for a write under way."""
    connection.execute(update(projection_positions).where(_these(projections)).values(epoch=epoch))


def fenced(connection: Connection, projections: Sequence[Projection], *, epoch: int) -> bool:
    """Return whether all projections take writes of this epoch, and hold others off until the end.

    Of the transaction, which in SQLite has locked the whole file by now.
    """
    columns = projection_positions.c
    found = connection.scalars(
        select(columns.name).where(_these(projections), columns.epoch == epoch).with_for_update()
    )
    return len(found.all()) == len(projections)


def forget_what_is_kept_about(
    connection: Connection, projection: Projection, *, for_good: bool = True
) -> None:
    """Forget what is parked; what people skipped only with the rules that needed it."""
    for table in metadata.sorted_tables:
        if table.info == BOOKKEEPING and "projection" in table.columns:
            forgotten = table.delete().where(table.c.projection == projection.name)
            if not for_good:
                forgotten = forgotten.where(~table.c.skipped)
            connection.execute(forgotten)


def _these(projections: Sequence[Projection]) -> ColumnElement[bool]:
    columns = projection_positions.c
    return tuple_(columns.name, columns.version).in_(_keys(projections))


def _keys(projections: Sequence[Projection]) -> list[tuple[str, int]]:
    return [(each.name, each.version) for each in projections]


def _move() -> Update:
    columns = projection_positions.c
    return (
        update(projection_positions)
        .where(
            tuple_(columns.name, columns.version).in_(bindparam("keys", expanding=True)),
            columns.position == bindparam("expected"),
            columns.epoch == bindparam("expected_epoch"),
        )
        .values(
            position=bindparam("new_position"),
            updated_at_us=bindparam("now"),
            applied_events=columns.applied_events + bindparam("more_events"),
            applied_digest=(columns.applied_digest + bindparam("more_digest")) % DIGESTS,
        )
    )


_MOVE = _move()
