"""Whether hours by week and totals are what the JSON of assignments comes to, by department."""

from collections import Counter
from typing import Any

from msgspec import Struct
from sqlalchemy import Connection

from projections.deriving import Stored
from projections.projection import Key
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
from projections.rows import bulk_of


class Drift(Struct, frozen=True):
    """What differs in a department (None: in none): hours by week, and totals; in rows."""

    department_id: int | None
    week_rows: int
    totals: int


class Reconciled(Struct, frozen=True):
    """How much was compared, and what differs."""

    assignments: int
    week_rows: int
    totals_compared: bool  # not where only a sample was looked at
    drift: tuple[Drift, ...]


def reconcile(
    connection: Connection, *, sample: int | None = None, department_id: int | None = None
) -> Reconciled:
    """Compare hours by week, and totals, with what assignments and people come to.

    A `sample` is so many assignments, which say nothing of totals; `department_id` limits what is
    told to one department.
    """
    bulk = {
        table: bulk_of(table, row_class, connection.dialect)
        for table, row_class in role_capacity.rows.items()
    }
    comparison = _Comparison(Stored(connection, bulk))
    comparison.compare_hours(sample)
    if sample is None:
        comparison.compare_totals()
    drift = sorted(
        {*comparison.hours, *comparison.totals}, key=lambda each: (each is None, each or 0)
    )
    return Reconciled(
        comparison.assignments,
        comparison.week_rows,
        sample is None,
        tuple(
            Drift(each, comparison.hours[each], comparison.totals[each])
            for each in drift
            if department_id in (None, each)
        ),
    )


class _Comparison:
    def __init__(self, stored: Stored) -> None:
        self._stored = stored
        self.assignments = self.week_rows = 0
        self.hours: Counter[int | None] = Counter()
        self.totals: Counter[int | None] = Counter()
        self._around = Around(
            *(all_rows(stored, table) for table in (people, departments, projects, project_roles))
        )
        self._expected = Totals()

    def compare_hours(self, sample: int | None) -> None:
        for some in self._stored.all_rows(assignments):
            chosen = list(some.items())
            if sample is not None:
                chosen = chosen[: sample - self.assignments]
            if not chosen:
                return
            self._compare_some(dict(chosen))

    def _compare_some(self, some: dict[Key, Any]) -> None:
        expected = {
            (row.assignment_id, row.week_start): row
            for each in some.values()
            for row in week_rows(each, self._around)
        }
        found: dict[Key, Any] = self._stored.rows_with(week_hours, "assignment_id", list(some))
        self._expected.count_hours(expected.values())
        self.assignments += len(some)
        self.week_rows += len(expected)
        for key in {*expected, *found}:
            if expected.get(key) != found.get(key):
                self.hours[(expected.get(key) or found[key]).department_id] += 1

    def compare_totals(self) -> None:
        off = by_person(all_rows(self._stored, time_off).values())
        for person in self._around.people.values():
            self._expected.count_person(person, off.get(person.person_id, ()), self._around)
        # Other scopes are of verticals, which a department's drift shows in as well.
        departments_by_scope = {scope_of(each, None): each for each in self._around.departments}
        for table, rows in self._expected.rows():
            keys = len(table.primary_key.columns)
            expected = {values[:keys]: values for values in map(_values, rows)}
            for some in self._stored.all_rows(table):
                for key, row in some.items():
                    if expected.pop(key, None) != _values(row):
                        self._count(departments_by_scope, key[0])
            for key in expected:
                self._count(departments_by_scope, key[0])

    def _count(self, departments_by_scope: dict[str, int], scope: str) -> None:
        if scope == "all" or scope in departments_by_scope:
            self.totals[departments_by_scope.get(scope)] += 1


def _values(row: Any) -> tuple[Any, ...]:
    return tuple(getattr(row, name) for name in row.__struct_fields__)
