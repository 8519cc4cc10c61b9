"""Making hours by week and totals right again in place, from planning as it stands; in chunks.

A rebuild makes them from the events, with everything else. This is for one department, or for
less work: what is right is left alone, so doing it twice changes nothing the second time, and what
was interrupted is ended by doing it again. Whoever follows stands by meanwhile; questions do not.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from msgspec import Struct
from sqlalchemy import Connection, Engine, Table, select

from projections.database import fenced
from projections.deriving import Stored
from projections.leases import Lease, renew
from projections.projection import Key, Projection, Row
from projections.retrying import Overtaken
from projections.role_capacity.counting import Around, Totals, week_rows
from projections.role_capacity.derivation import all_rows, by_person
from projections.role_capacity.rules import role_capacity
from projections.role_capacity.tables import (
    assignments,
    departments,
    people,
    project_roles,
    projects,
    time_off,
)
from projections.role_capacity.totals import scope_of, week_hours
from projections.rows import BulkRows, bulk_of
from projections.turns import paused


class Mended(Struct, frozen=True):
    """How many assignments were looked at, and how many rows were not right."""

    assignments: int
    week_rows: int
    totals: int


def mend(
    engine: Engine,
    projections: Sequence[Projection],
    *,
    department_id: int | None = None,
    chunk: int,
) -> Mended:
    """Make derived rows right, of one department or of all; so many assignments at a time.

    `projections` are all that are followed together. Raises Overtaken.
    """
    with paused(engine, projections) as lease:
        mending = _Mending(engine, projections, lease, department_id)
        mending.mend_hours(chunk)
        mending.mend_totals()
    return Mended(mending.assignments, mending.week_rows, mending.totals)


class _Mending:
    def __init__(
        self,
        engine: Engine,
        projections: Sequence[Projection],
        lease: Lease,
        department_id: int | None,
    ) -> None:
        self._engine, self._projections, self._lease = engine, projections, lease
        self._department_id = department_id
        self._bulk: dict[Table, BulkRows] = {
            table: bulk_of(table, row_class, engine.dialect)
            for table, row_class in role_capacity.rows.items()
        }
        self._expected = Totals()
        self.assignments = self.week_rows = self.totals = 0

    def mend_hours(self, chunk: int) -> None:
        after: int | None = -1
        around = None
        while after is not None:
            with self._engine.begin() as connection:
                stored = self._mine(connection)
                around = around or _around(stored)
                after = self._mend_some(connection, stored, around, after, chunk)

    def _mine(self, connection: Connection) -> Stored:
        """Return what is stored, which nobody else changes until the end of the transaction."""
        mine = renew(connection, self._lease)
        if not (mine and fenced(connection, self._projections, epoch=self._lease.epoch)):
            raise Overtaken
        return Stored(connection, self._bulk)

    def _mend_some(
        self, connection: Connection, stored: Stored, around: Around, after: int, chunk: int
    ) -> int | None:
        column = assignments.c.assignment_id
        page = select(column).where(column > after).order_by(column).limit(chunk)
        ids = list(connection.scalars(page))
        expected = {
            (row.assignment_id, row.week_start): row
            for each in stored.rows(assignments, ids).values()
            for row in week_rows(_known(each), around)
        }
        found = stored.rows_with(week_hours, "assignment_id", ids)
        self._expected.count_hours(expected.values())
        wrong: dict[Key, Row | None] = {
            key: expected.get(key)
            for key in sorted({*expected, *found})
            if expected.get(key) != found.get(key)
            and self._concerns(_known(expected.get(key) or found.get(key)).department_id)
        }
        self._write(connection, week_hours, wrong)
        self.assignments += len(ids)
        self.week_rows += len(wrong)
        return ids[-1] if len(ids) == chunk else None

    def mend_totals(self) -> None:
        with self._engine.begin() as connection:
            stored = self._mine(connection)
            around = _around(stored)
            off = by_person(all_rows(stored, time_off).values())
            for person in around.people.values():
                self._expected.count_person(person, off.get(person.person_id, ()), around)
            for table, rows in self._expected.rows():
                wrong = dict(self._wrong(table, rows, stored))
                self._write(connection, table, wrong)
                self.totals += len(wrong)

    def _wrong(
        self, table: Table, rows: Sequence[Row], stored: Stored
    ) -> Iterator[tuple[Key, Row | None]]:
        expected = self._bulk[table].keyed(map(_values, rows))
        for some in stored.all_rows(table):
            for key, row in some.items():
                right = expected.pop(key, None)
                if right != row and self._holds(key[0]):
                    yield key, right
        yield from ((key, row) for key, row in expected.items() if self._holds(key[0]))

    def _concerns(self, department_id: int | None) -> bool:
        return self._department_id in (None, department_id)

    def _holds(self, scope: str) -> bool:
        """Return whether a total has figures of the department: its own, and those of all."""
        if self._department_id is None or not scope.startswith("d"):
            return True
        own = scope_of(self._department_id, None)
        return scope == own or scope.startswith(f"{own}v")

    def _write(self, connection: Connection, table: Table, rows: dict[Key, Row | None]) -> None:
        if rows:
            self._bulk[table].write(connection, rows)


def _around(stored: Stored) -> Around:
    tables = (people, departments, projects, project_roles)
    return Around(*(all_rows(stored, table) for table in tables))


def _known(row: Any) -> Any:
    assert row is not None  # only rows that exist are returned for these keys
    return row


def _values(row: Any) -> tuple[Any, ...]:
    return tuple(getattr(row, name) for name in row.__struct_fields__)
