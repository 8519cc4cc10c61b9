"""Verifying that projections have read every event, and that their rows are what the rules make.

The first is told by the count and the digest that it keeps, beside those of the log. The second
takes a rebuild in a scratch file, which is compared row by row while whoever follows stands by.
"""

import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from msgspec import Struct
from msgspec.structs import astuple
from sqlalchemy import Connection, Engine, Table, select, update

from projections.completeness import Applied, applied
from projections.database import (
    create_tables,
    fenced,
    now_us,
    open_read_models,
    projection_positions,
    reading,
)
from projections.leases import Lease, renew
from projections.log import Log
from projections.page_writes import page_writes_of
from projections.parking import copy_left_out, parked_summary
from projections.projection import Key, Projection
from projections.retrying import Overtaken
from projections.rows import BulkRows
from projections.turns import paused

WINDOW_POSITIONS = 5_000
CHUNK_ROWS = 1_000
MOST_EXAMPLES = 20
PAUSE_LEASE_SECONDS = 60.0
RENEW_SECONDS = 10.0

CatchUp = Callable[[Engine, int], object]


class RowDifference(Struct, frozen=True):
    """One row that is not what the rules make of the log."""

    table: str
    key: str
    found: dict[str, str] | None  # the columns that differ; None: there is no such row
    expected: dict[str, str] | None


class Verification(Struct, frozen=True):
    """What was found of one projection, at its position."""

    name: str
    position: int
    read_events: int
    log_events: int
    complete: bool  # it has read every event up to its position, and each once
    parked: int
    deep: bool
    different_rows: int
    examples: tuple[RowDifference, ...]

    @property
    def sound(self) -> bool:
        """Whether nothing is wrong; what is parked is known, and said elsewhere."""
        return self.complete and not self.different_rows


class _Stand(Struct, frozen=True):
    projection: Projection
    position: int
    read: Applied


def verify(log: Log, engine: Engine, projections: Sequence[Projection]) -> list[Verification]:
    """Compare what projections have read with the log, while they go on."""
    with reading(engine).connect() as connection:
        stands, parked = _stands(connection, projections), parked_summary(connection)
    found = _read_by(log, [each.position for each in stands])
    verified = [_verification(each, found[each.position], parked) for each in stands]
    _note_verified(engine, verified)
    return verified


def verify_deep(
    log: Log,
    engine: Engine,
    projections: Sequence[Projection],
    chosen: Sequence[Projection],
    catch_up: CatchUp,
) -> list[Verification]:
    """Do the same, and compare all rows of the chosen with those of a rebuild.

    `catch_up` brings the chosen, in another place, to a position. Raises Overtaken.
    """
    with _scratch(engine, chosen) as scratch:
        with reading(engine).connect() as connection:
            reached = min(each.position for each in _stands(connection, chosen))
        catch_up(scratch, reached)  # the long part, for which nobody stands by
        with paused(engine, projections, ttl_seconds=PAUSE_LEASE_SECONDS) as lease:
            with reading(engine).connect() as connection:
                stands, parked = _stands(connection, chosen), parked_summary(connection)
            verified = []
            for each in sorted(stands, key=lambda stand: stand.position):
                catch_up(scratch, each.position)
                compared = _Comparison(engine, scratch, lease)
                compared.run(each.projection)
                log_read = _read_by(log, [each.position])[each.position]
                verified.append(_verification(each, log_read, parked, compared))
            with engine.begin() as connection:
                if not fenced(connection, projections, epoch=lease.epoch):
                    raise Overtaken
        _note_verified(engine, verified)
        return verified


def _stands(connection: Connection, projections: Sequence[Projection]) -> list[_Stand]:
    columns = projection_positions.c
    found = connection.execute(
        select(columns.name, columns.position, columns.applied_events, columns.applied_digest)
    )
    rows = {row.name: row for row in found}
    return [
        _Stand(
            each,
            rows[each.name].position,
            Applied(rows[each.name].applied_events, rows[each.name].applied_digest),
        )
        for each in projections
    ]


def _read_by(log: Log, positions: Sequence[int]) -> dict[int, Applied]:
    """Return the count and digest of the log up to each position, reading it once."""
    after, read, found = 0, Applied(), {}
    for position in sorted(set(positions)):
        while after < position:
            up_to = min(after + WINDOW_POSITIONS, position)
            read += applied(log.page(after, up_to))
            after = up_to
        found[position] = read
    return found


def _verification(
    stand: _Stand,
    log_read: Applied,
    parked: Mapping[str, tuple[int, int]],
    compared: "_Comparison | None" = None,
) -> Verification:
    name = stand.projection.name
    return Verification(
        name=name,
        position=stand.position,
        read_events=stand.read.events,
        log_events=log_read.events,
        complete=stand.read == log_read,
        parked=parked.get(name, (0, 0))[0],
        deep=compared is not None,
        different_rows=0 if compared is None else compared.different_rows,
        examples=() if compared is None else tuple(compared.examples),
    )


def _note_verified(engine: Engine, verified: Sequence[Verification]) -> None:
    columns = projection_positions.c
    with engine.begin() as connection:
        for each in verified:
            if each.sound:
                connection.execute(
                    update(projection_positions)
                    .where(columns.name == each.name)
                    .values(verified_at_us=now_us(connection), verified_position=each.position)
                )


# Comparing rows.


@contextmanager
def _scratch(engine: Engine, projections: Sequence[Projection]) -> Iterator[Engine]:
    """An empty place for read models, in which what people skipped is skipped as well."""
    with tempfile.TemporaryDirectory(prefix="capacity-verify-") as folder:
        scratch = open_read_models(f"sqlite:///{Path(folder) / 'scratch.db'}")
        try:
            create_tables(scratch, projections)
            copy_left_out(engine, scratch, [each.name for each in projections])
            yield scratch
        finally:
            scratch.dispose()


class _Comparison:
    """Compares the rows of projections in two places, by the thousand and in no order."""

    def __init__(self, engine: Engine, scratch: Engine, lease: Lease) -> None:
        self.different_rows = 0
        self.examples: list[RowDifference] = []
        self._engine, self._scratch, self._lease = engine, scratch, lease
        self._renew_at = time.monotonic() + RENEW_SECONDS

    def run(self, projection: Projection) -> None:
        """Count the rows that differ, and keep the first of them."""
        here = page_writes_of(self._engine, [projection]).bulk
        there = page_writes_of(self._scratch, [projection]).bulk
        for table in projection.rows:
            for expected in _chunks(self._scratch, there[table]):
                self._compare(table, self._loaded(self._engine, here[table], expected), expected)
            for found in _chunks(self._engine, here[table]):
                expected = self._loaded(self._scratch, there[table], found)
                self._compare(
                    table, {key: row for key, row in found.items() if key not in expected}, {}
                )

    def _compare(self, table: Table, found: Mapping[Key, Any], expected: Mapping[Key, Any]) -> None:
        for key in [*expected, *(key for key in found if key not in expected)]:
            if found.get(key) != expected.get(key):
                self.different_rows += 1
                if len(self.examples) < MOST_EXAMPLES:
                    self.examples.append(_difference(table, key, found.get(key), expected.get(key)))
        if time.monotonic() >= self._renew_at:
            self._renew_at = time.monotonic() + RENEW_SECONDS
            with self._engine.begin() as connection:
                if not renew(connection, self._lease):
                    raise Overtaken

    def _loaded(self, engine: Engine, bulk: BulkRows, like: Mapping[Key, Any]) -> dict[Key, Any]:
        with reading(engine).connect() as connection:
            return bulk.load(connection, list(like))


def _chunks(engine: Engine, bulk: BulkRows) -> Iterator[dict[Key, Any]]:
    with reading(engine).connect() as connection:
        streamed = connection.execution_options(yield_per=CHUNK_ROWS).execute(bulk.table.select())
        for rows in streamed.partitions():
            yield bulk.keyed(rows)


def _difference(table: Table, key: Key, found: Any, expected: Any) -> RowDifference:
    names = table.columns.keys()
    values = [None if row is None else astuple(row) for row in (found, expected)]
    shown = [
        name
        for place, name in enumerate(names)
        if None in values or values[0][place] != values[1][place]  # type: ignore[index] # not None
    ]
    both = [
        None if row is None else {name: repr(row[names.index(name)]) for name in shown}
        for row in values
    ]
    return RowDifference(table.name, repr(key), both[0], both[1])
