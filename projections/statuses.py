"""How projections stand: how far they are, what they could not apply, when they were verified."""

from collections.abc import Callable, Sequence
from datetime import datetime

from msgspec import Struct
from sqlalchemy import Connection, Engine, select

from projections.database import VersionReplaced, now_us, projection_positions, reading
from projections.leases import LeaseStatus, lease_statuses
from projections.log import Log
from projections.parking import parked_summary
from projections.projection import Projection


class ProjectionStatus(Struct, frozen=True):
    """How far a projection has come, how far it is behind, and what is wrong with it."""

    name: str
    version: int
    position: int
    lag_events: int
    lag_seconds: float
    ahead: bool  # it has seen what the ledger no longer holds, and must be rebuilt
    parked_events: int
    parked_from: int | None  # the position of the first
    parked_seconds: float  # since the oldest was parked
    verified_position: int | None  # up to where it was last found complete; None: never
    verified_seconds: float | None  # since then


class _Row(Struct, frozen=True):
    version: int
    position: int
    parked_from: int | None
    verified_position: int | None
    verified_at_us: int | None
    now_us: int


def projection_statuses(
    log: Log, engine: Engine, projections: Sequence[Projection], *, clock: Callable[[], datetime]
) -> list[ProjectionStatus]:
    """Return how projections stand, by name; unused positions count as lag."""
    with reading(engine).connect() as connection:
        rows = _rows(connection)
        parked = parked_summary(connection)
    head = log.head()
    found = []
    for each in sorted(projections, key=lambda each: each.name):
        row = rows.get(each.name)
        if row is None or row.version != each.version:
            raise VersionReplaced(each.name, each.version)
        count, since_us = parked.get(each.name, (0, row.now_us))
        verified_at_us = row.verified_at_us
        found.append(
            ProjectionStatus(
                name=each.name,
                version=each.version,
                position=row.position,
                lag_events=max(0, head - row.position),
                lag_seconds=_lag_seconds(log, row.position, clock),
                ahead=row.position > head,
                parked_events=count,
                parked_from=row.parked_from,
                parked_seconds=max(0.0, (row.now_us - since_us) / 1e6),
                verified_position=row.verified_position,
                verified_seconds=verified_at_us and max(0.0, (row.now_us - verified_at_us) / 1e6),
            )
        )
    return found


def runners(engine: Engine) -> list[LeaseStatus]:
    """Return who follows the ledger, and every other work on read models that is leased."""
    with reading(engine).connect() as connection:
        return lease_statuses(connection)


def _rows(connection: Connection) -> dict[str, _Row]:
    columns = projection_positions.c
    found = connection.execute(
        select(
            columns.name,
            columns.version,
            columns.position,
            columns.parked_from,
            columns.verified_position,
            columns.verified_at_us,
            now_us(connection),
        )
    )
    return {name: _Row(*values) for name, *values in found}


def _lag_seconds(log: Log, position: int, clock: Callable[[], datetime]) -> float:
    waiting = log.first_after(position)
    return 0.0 if waiting is None else max(0.0, (clock() - waiting[1]).total_seconds())
