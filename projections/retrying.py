"""Retrying what was parked, and leaving out for good what a person decided to skip."""

from collections.abc import Sequence
from typing import NamedTuple

from msgspec.structs import replace
from sqlalchemy import Connection, Engine

from projections.careful import CarefulPage
from projections.database import fenced
from projections.folding import Rulebook
from projections.page_writes import PageWrites, Rows
from projections.parking import (
    Blocked,
    ParkedEvent,
    chain,
    leave_out,
    note_parked,
    park,
    parked_of,
    unpark,
)
from projections.projection import Projection
from projections.turns import paused


class NotParked(LookupError):
    """A projection has parked no event at this position."""

    def __init__(self, projection: str, position: int) -> None:
        self.projection, self.position = projection, position
        super().__init__(f"{projection} has parked no event at position {position}")


class Overtaken(RuntimeError):
    """Another took the lease while parked events were applied; nothing was changed."""

    def __init__(self) -> None:
        super().__init__("Another process took over while parked events were applied; try again")


class Retried(NamedTuple):
    """What came of it: positions applied, what is parked still of what was tried, and the rows."""

    applied: list[int]
    parked: list[ParkedEvent]
    rows: Rows


def retry_parked(
    engine: Engine,
    writes: PageWrites,
    projections: Sequence[Projection],
    projection: Projection,
    *,
    position: int | None = None,
    skip: bool = False,
) -> Retried:
    """Apply a parked event of one of the projections, and all that waits with it, in order.

    Without a position, all; with `skip` that one event is left out. In one transaction, while
    whoever follows stands by. Raises NotParked and Overtaken.
    """
    with paused(engine, projections) as lease, engine.begin() as connection:
        if not fenced(connection, projections, epoch=lease.epoch):
            raise Overtaken
        parked = parked_of(connection, [projection.name])
        if position is not None and position not in {each.position for each in parked}:
            raise NotParked(projection.name, position)
        chosen = parked if position is None else chain(parked, [position])
        others = Blocked(each for each in parked if each not in chosen)
        if skip and position is not None:
            leave_out(connection, projection.name, position)
            chosen = [each for each in chosen if each.position != position]
        careful = CarefulPage(connection, writes, Rulebook([projection]), others)
        _apply(connection, projection.name, careful, chosen)
    still = {each.position for each in careful.parked}
    applied = [each.position for each in chosen if each.position not in still]
    return Retried(applied, careful.parked, careful.rows)


def _apply(
    connection: Connection, name: str, careful: CarefulPage, chosen: Sequence[ParkedEvent]
) -> None:
    unpark(connection, name, [each.position for each in chosen])
    careful.run([each.log_row for each in chosen])
    since = {each.position: each.parked_at_us for each in chosen}
    park(connection, [replace(each, parked_at_us=since[each.position]) for each in careful.parked])
    note_parked(connection, [name])
