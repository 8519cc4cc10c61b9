"""Bringing a version beside further by pages, with the rules and statements of following."""

from collections.abc import Callable, Sequence

from msgspec.structs import replace
from sqlalchemy import Connection, Engine, Table

from projections.beside import Copy, bulk_beside, change_copies
from projections.completeness import applied
from projections.deriving import Stored, copied, derive
from projections.folding import Fold, Rulebook, Step
from projections.left_out import LeftOut
from projections.log import Log
from projections.projection import Projection
from projections.rows import BulkRows

PAGE_POSITIONS = 5_000


def catch_up(
    log: Log,
    engine: Engine,
    projections: Sequence[Projection],
    copies: Sequence[Copy],
    *,
    up_to: int,
    left_out: LeftOut,
    progress: Callable[[int], object],
) -> list[Copy]:
    """Apply the log to versions at one and the same position; return them as they then are.

    Raises EventFailed and Overtaken, with whole pages applied.
    """
    rulebook = Rulebook(projections)
    with engine.connect() as connection:
        bulk = bulk_beside(connection, projections, copies[0].place)
    while (after := copies[0].position) < up_to:
        reached = min(after + PAGE_POSITIONS, up_to)
        page = log.page(after, reached)
        read = copies[0].applied + applied(page)
        with engine.begin() as connection:
            moved = {
                "position": reached,
                "applied_events": read.events,
                "applied_digest": read.digest,
            }
            # First, so that whoever has taken over is found out before anything is written.
            change_copies(connection, copies, **moved)
            _apply(connection, rulebook, bulk, left_out.steps(rulebook, page))
        copies = [replace(copy, **moved) for copy in copies]
        progress(reached)
    return list(copies)


def _apply(
    connection: Connection, rulebook: Rulebook, bulk: dict[Table, BulkRows], steps: list[Step]
) -> None:
    fold = Fold(rulebook.tables)
    for table, keys in fold.wanted(steps).items():
        fold.rows[table] = bulk[table].load(connection, keys)
    before = copied(rulebook.projections, fold.rows)
    fold.run(steps)
    derive(rulebook.projections, before, fold.rows, Stored(connection, bulk))
    for table, rows in fold.rows.items():
        bulk[table].write(connection, rows)
