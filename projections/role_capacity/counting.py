"""What planning rows come to: hours by week, and the totals of a set of assignments or people.

Pure functions of source rows. The same ones make the rows of a rebuild and the changes of a page.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from sqlalchemy import Table

from projections.projection import Key, Row
from projections.role_capacity.by_week import by_week
from projections.role_capacity.tables import (
    AssignmentRow,
    DepartmentRow,
    PersonRow,
    ProjectRoleRow,
    ProjectRow,
    TimeOffRow,
)
from projections.role_capacity.totals import (
    TOTALS,
    WeekHoursRow,
    capacity_steps,
    hour_totals,
    placeholder_totals,
    scope_of,
)

FIRM_PERCENT = 100
IN_NO_CASE, IN_HIRE_WEEK, IN_ANY_CASE = 0, 1, 2

Sums = dict[Any, list[int]]


class Around(NamedTuple):
    """The rows that assignments and people refer to, by their ids; some may be missing."""

    people: Mapping[Key, Any]
    departments: Mapping[Key, Any]
    projects: Mapping[Key, Any]
    project_roles: Mapping[Key, Any]


def week_rows(
    assignment: AssignmentRow, around: Around, *, weeks: Collection[str] | None = None
) -> list[WeekHoursRow]:
    """Return the hours of an assignment by week, or in some weeks, with what reports ask for."""
    units_by_week = by_week(assignment.weekly_hours)
    if weeks is not None:
        units_by_week = {week: units_by_week[week] for week in weeks if week in units_by_week}
    if not units_by_week:
        return []
    changed_at_us = assignment.changed_at_us
    earlier = by_week(assignment.changed_earlier_us_by_week)
    person: PersonRow | None = around.people.get(assignment.person_id)
    project: ProjectRow | None = around.projects.get(assignment.project_id)
    project_role: ProjectRoleRow | None = around.project_roles.get(assignment.project_role_id)
    department_id, role_id = assignment.department_id, None
    if assignment.person_id is not None:
        department_id, role_id = (person.department_id, person.role_id) if person else (None, None)
    gates = _gates_in_all(assignment, person, units_by_week)
    # By place, not by name: there are millions of them.
    return [
        WeekHoursRow(
            assignment.assignment_id,
            week,
            assignment.person_id,
            role_id,
            department_id,
            assignment.project_id,
            project.vertical_id if project else None,
            assignment.project_role_id,
            project_role.department_id if project_role else None,
            project.template_id if project else None,
            int(assignment.probability_percent < FIRM_PERCENT),
            _gates(person, week) if gates is None else gates,
            units,
            earlier.get(week, changed_at_us),
        )
        for week, units in units_by_week.items()
    ]


def _gates_in_all(
    assignment: AssignmentRow, person: PersonRow | None, weeks: Collection[str]
) -> int | None:
    """Return what is so in all of these weeks; None: that depends on the week."""
    if not assignment.is_active:
        return IN_NO_CASE
    if assignment.person_id is None:
        return IN_ANY_CASE if assignment.project_role_id is not None else IN_NO_CASE
    if person is None or not person.is_active:
        return IN_NO_CASE
    if person.strict_from <= min(weeks) and max(weeks) < person.strict_until:
        return IN_ANY_CASE
    return None


def _gates(person: PersonRow | None, week: str) -> int:
    if person is None:
        return IN_NO_CASE
    if person.strict_from <= week < person.strict_until:
        return IN_ANY_CASE
    counts = person.hire_week_from <= week < person.hire_week_until
    return IN_HIRE_WEEK if counts else IN_NO_CASE


class Totals:
    """Sums of figures, kept as narrow as they come and spread over all scopes at the end."""

    def __init__(self) -> None:
        self._hours: Sums = {}
        self._placeholders: Sums = {}
        self._steps: Sums = {}

    def count_hours(self, rows: Iterable[WeekHoursRow], sign: int = 1) -> None:
        """Count hours in, or with sign -1 out."""
        for row in rows:
            if not row.gates:
                continue
            units, tentative = sign * row.units, row.is_tentative
            if row.person_id is None:
                figures = self._placeholders.setdefault(_placeholder_key(row), [0, 0])
                figures[tentative] += units
            elif row.role_id is not None:
                key = (row.department_id, row.vertical_id, row.week_start, row.role_id)
                figures = self._hours.setdefault(key, [0, 0, 0, 0])
                figures[2 * tentative] += units
                if row.gates == IN_ANY_CASE:
                    figures[2 * tentative + 1] += units

    def count_person(
        self, person: PersonRow, off: Iterable[TimeOffRow], around: Around, sign: int = 1
    ) -> None:
        """Count the capacity of a person in, or with sign -1 out."""
        if person.role_id is None or not person.is_active:
            return
        department: DepartmentRow | None = around.departments.get(person.department_id)
        place = (person.department_id, department and department.vertical_id)
        units, off = sign * person.weekly_capacity_units, list(off)
        for kind, first, end in (
            ("hire_week", person.hire_week_from, person.hire_week_until),
            ("strict", person.strict_from, person.strict_until),
        ):
            if first >= end:
                continue
            self._step((*place, kind, first, person.role_id), units, sign)
            self._step((*place, kind, end, person.role_id), -units, -sign)
            for each in off:
                if first <= each.week_start < end:
                    key = (*place, f"{kind}_off", each.week_start, person.role_id)
                    self._step(key, sign * each.units, 0)

    def include(self, others: "Totals") -> None:
        """Count in what others have counted."""
        for mine, theirs in (
            (self._hours, others._hours),
            (self._placeholders, others._placeholders),
            (self._steps, others._steps),
        ):
            for key, figures in theirs.items():
                _add(mine, key, figures)

    def _step(self, key: tuple[Any, ...], units: int, people: int) -> None:
        figures = self._steps.setdefault(key, [0, 0])
        figures[0] += units
        figures[1] += people

    def spread(self) -> dict[Table, Sums]:
        """Return the figures by table and key; those that come to nothing are left out."""
        found: dict[Table, Sums] = {}
        for table, sums in (
            (hour_totals, self._hours),
            (placeholder_totals, self._placeholders),
            (capacity_steps, self._steps),
        ):
            spread: Sums = {}
            for (place, vertical_id, *rest), figures in sums.items():
                if any(figures):
                    for scope in _scopes(place, vertical_id):
                        _add(spread, (scope, *rest), figures)
            found[table] = {key: figures for key, figures in spread.items() if any(figures)}
        return found

    def rows(self) -> Iterator[tuple[Table, list[Row]]]:
        """Return the figures as rows, in the order of their keys."""
        for table, sums in self.spread().items():
            row_class = TOTALS[table]
            yield table, [row_class(*key, *sums[key]) for key in sorted(sums)]


def _placeholder_key(row: WeekHoursRow) -> tuple[Any, ...]:
    # It is looked for in its own department and in that of the project role.
    places = {row.department_id, row.project_role_department_id} - {None}
    template = "" if row.template_id is None else str(row.template_id)
    return (frozenset(places), row.vertical_id, row.week_start, template, row.project_role_id)


def _scopes(place: Any, vertical_id: int | None) -> set[str]:
    places = place if isinstance(place, frozenset) else {place}
    return {
        scope_of(department, vertical)
        for department in {None, *places}
        for vertical in {None, vertical_id}
    }


def _add(sums: Sums, key: tuple[Any, ...], figures: list[int]) -> None:
    known = sums.get(key)
    sums[key] = (
        list(figures) if known is None else [a + b for a, b in zip(known, figures, strict=True)]
    )
