"""Parking: events that a projection could not apply wait in order, and all that depends on them.

What depends on a parked event is what happened later to its aggregate, and what would touch a row
that it was to touch. So a row is as it was before the parked event, never a mixture; and nothing
else waits.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Engine,
    Integer,
    LargeBinary,
    Table,
    Text,
    func,
    insert,
    select,
    update,
)

from projections.database import BOOKKEEPING, Name, metadata, now_us, projection_positions
from projections.log import LogRow
from projections.projection import Key

# A row of a projection: the name of its table, and its key.
RowKey = tuple[str, Key]

parked_events = Table(
    "parked_events",
    metadata,
    Column("projection", Name, primary_key=True),
    Column("position", BigInteger, primary_key=True),
    Column("originator_id", LargeBinary, nullable=False),
    Column("originator_version", Integer, nullable=False),
    Column("topic", Text, nullable=False),
    Column("state", LargeBinary, nullable=False),
    Column("row_keys", LargeBinary, nullable=False),  # what it was to touch, as far as is known
    Column("behind", BigInteger),  # the parked position that it waits for; null: it failed itself
    Column("error", Text, nullable=False),
    Column("traceback", Text, nullable=False),
    Column("parked_at_us", BigInteger, nullable=False),
    Column("skipped", Boolean, nullable=False),  # left out for good, by a person's decision
    info=BOOKKEEPING,
)


class ParkedEvent(msgspec.Struct, frozen=True):
    """An event that a projection has not applied, and why."""

    projection: str
    log_row: LogRow
    row_keys: tuple[RowKey, ...]
    behind: int | None
    error: str
    traceback: str = ""
    parked_at_us: int = 0  # 0: now

    @property
    def position(self) -> int:
        """Where it stands in the log."""
        return self.log_row[0]

    @property
    def originator_id(self) -> bytes:
        """The aggregate to which it happened."""
        return self.log_row[1]

    @property
    def topic(self) -> str:
        """What it is stored as."""
        return self.log_row[3]


class Blocked:
    """What must wait in each projection: aggregates and rows, by the first event parked there.

    Also what is left out when it comes, by projection and position.
    """

    def __init__(
        self,
        parked: Iterable[ParkedEvent] = (),
        left_out: frozenset[tuple[str, int]] = frozenset(),
    ) -> None:
        self.left_out = left_out
        self._by_aggregate: dict[tuple[str, bytes], int] = {}
        self._by_row: dict[RowKey, int] = {}
        for each in parked:
            self.add(each)

    def __bool__(self) -> bool:
        """Return whether any event needs to be looked at by itself."""
        return bool(self._by_aggregate or self.left_out)

    def add(self, parked: ParkedEvent) -> None:
        """Let what depends on an event wait for it."""
        aggregate = (parked.projection, parked.originator_id)
        self._by_aggregate.setdefault(aggregate, parked.position)
        for row_key in parked.row_keys:
            self._by_row.setdefault(row_key, parked.position)

    def behind(self, projection: str, originator_id: bytes, rows: Iterable[RowKey]) -> int | None:
        """Return the position of a parked event for which this one must wait, if any."""
        found = self._by_aggregate.get((projection, originator_id))
        if found is not None or not self._by_row:
            return found
        return next((self._by_row[each] for each in rows if each in self._by_row), None)

    def with_more(self, parked: Iterable[ParkedEvent]) -> "Blocked":
        """Return a copy in which more waits."""
        copied = Blocked(left_out=self.left_out)
        copied._by_aggregate = dict(self._by_aggregate)
        copied._by_row = dict(self._by_row)
        for each in parked:
            copied.add(each)
        return copied


# Storing.


def park(connection: Connection, parked: Sequence[ParkedEvent]) -> None:
    """Keep events for later, and say on the positions of their projections that there are some."""
    if not parked:
        return
    now = connection.scalars(select(now_us(connection))).one()
    connection.execute(insert(parked_events), [_values(each, now) for each in parked])
    note_parked(connection, {each.projection for each in parked})


def note_parked(connection: Connection, names: Iterable[str]) -> None:
    """Write the first parked position where every reader of a projection finds it."""
    for name in names:
        first = _of(select(func.min(parked_events.c.position)), name).scalar_subquery()
        connection.execute(
            update(projection_positions)
            .where(projection_positions.c.name == name)
            .values(parked_from=first)
        )


def parked_of(connection: Connection, names: Sequence[str]) -> list[ParkedEvent]:
    """Return the events that some projections have parked, in the order of the log."""
    columns = parked_events.c
    found = connection.execute(
        select(parked_events)
        .where(columns.projection.in_(names), ~columns.skipped)
        .order_by(columns.position, columns.projection)
    )
    return [
        ParkedEvent(
            row.projection,
            (row.position, row.originator_id, row.originator_version, row.topic, row.state),
            _keys_from(row.row_keys),
            row.behind,
            row.error,
            row.traceback,
            row.parked_at_us,
        )
        for row in found
    ]


def unpark(connection: Connection, name: str, positions: Sequence[int]) -> None:
    """Take out what has been applied."""
    columns = parked_events.c
    connection.execute(
        parked_events.delete().where(columns.projection == name, columns.position.in_(positions))
    )


def leave_out(connection: Connection, name: str, position: int) -> None:
    """Mark a parked event as skipped: it is not applied, nor is anything to wait for it."""
    columns = parked_events.c
    connection.execute(
        update(parked_events)
        .where(columns.projection == name, columns.position == position)
        .values(skipped=True)
    )


def left_out(connection: Connection, name: str) -> set[int]:
    """Return the positions that people decided to skip; a rebuild has to pass them over too."""
    columns = parked_events.c
    found = select(columns.position).where(columns.projection == name, columns.skipped)
    return set(connection.scalars(found))


def left_out_ahead(connection: Connection, names: Sequence[str]) -> frozenset[tuple[str, int]]:
    """Return what is skipped and still to come, as it is where a projection is made anew."""
    columns, positions = parked_events.c, projection_positions.c
    found = connection.execute(
        select(columns.projection, columns.position)
        .join(projection_positions, positions.name == columns.projection)
        .where(columns.projection.in_(names), columns.skipped)
        .where(columns.position > positions.position)
    )
    return frozenset((row.projection, row.position) for row in found)


def copy_left_out(engine: Engine, into: Engine, names: Sequence[str]) -> None:
    """Have the same skipped in another place that holds read models."""
    columns = parked_events.c
    with engine.connect() as connection, into.begin() as copied:
        found = connection.execute(
            select(parked_events).where(columns.projection.in_(names), columns.skipped)
        )
        if rows := [dict(row) for row in found.mappings()]:
            copied.execute(insert(parked_events), rows)


def parked_summary(connection: Connection) -> dict[str, tuple[int, int]]:
    """Return how many events each projection has parked, and since when (in microseconds)."""
    columns = parked_events.c
    found = connection.execute(
        select(columns.projection, func.count(), func.min(columns.parked_at_us))
        .where(~columns.skipped)
        .group_by(columns.projection)
    )
    return {name: (count, since_us) for name, count, since_us in found}


def first_parked(connection: Connection) -> dict[str, int]:
    """Return the first parked position of each projection that has any."""
    columns = projection_positions.c
    found = connection.execute(
        select(columns.name, columns.parked_from)
        .where(columns.parked_from.is_not(None))
        .order_by(columns.name)
    )
    return {row.name: row.parked_from for row in found}


def chain(parked: Sequence[ParkedEvent], positions: Iterable[int]) -> list[ParkedEvent]:
    """Return these events of one projection with all that waits with them, in order."""
    wanted, touched = set(positions), set[object]()
    known = -1
    while known != len(touched):  # until nothing more is touched by what is wanted
        known = len(touched)
        for each in parked:
            touches = {each.originator_id, *each.row_keys}
            if each.position in wanted or not touched.isdisjoint(touches):
                wanted.add(each.position)
                touched |= touches
    return [each for each in parked if each.position in wanted]


def _of(statement: Any, name: str) -> Any:
    return statement.where(parked_events.c.projection == name, ~parked_events.c.skipped)


def _values(parked: ParkedEvent, now: int) -> dict[str, Any]:
    position, originator_id, version, topic, state = parked.log_row
    return {
        "projection": parked.projection,
        "position": position,
        "originator_id": originator_id,
        "originator_version": version,
        "topic": topic,
        "state": _bytes(state),
        "row_keys": msgspec.msgpack.encode(parked.row_keys),
        "behind": parked.behind,
        "error": parked.error,
        "traceback": parked.traceback,
        "parked_at_us": parked.parked_at_us or now,
        "skipped": False,
    }


def _bytes(state: object) -> bytes:
    # SQLite keeps what a foreign hand put there, be it text.
    return state if isinstance(state, bytes) else str(state).encode()


def _keys_from(stored: bytes) -> tuple[RowKey, ...]:
    found = msgspec.msgpack.decode(stored)
    return tuple((table, tuple(key) if isinstance(key, list) else key) for table, key in found)
