"""From which rows of planning a derived row follows: so its events are found."""

from collections.abc import Callable, Iterable
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, and_, or_, select

from domain.aggregate import Event
from domain.assignments import Assignment
from projections.projection import Key, MadeOf
from projections.role_capacity.tables import (
    assignments,
    departments,
    people,
    project_roles,
    projects,
    time_off,
)
from projections.role_capacity.totals import (
    capacity_steps,
    hour_totals,
    placeholder_totals,
    week_hours,
)

_hours = week_hours.c
_OFF = "_off"


def made_of(connection: Connection, table: Table, key: Key) -> MadeOf:
    """Return the source rows of a derived row, of which all that matters to it is in their events.

    Other rows that once counted in it, and do so no more, are none of them.
    """
    return _MADE_OF[table](connection, *key)


def _of_week(connection: Connection, assignment_id: int, week: str) -> MadeOf:
    found = select(week_hours).where(
        _hours.assignment_id == assignment_id, _hours.week_start == week
    )
    return MadeOf(_rows(connection.execute(found)), _not_of_other_weeks(week))


def _of_hours(connection: Connection, scope: str, week: str, role_id: int) -> MadeOf:
    counted = [_hours.person_id.is_not(None), _hours.role_id == role_id]
    department_id, _ = _places(scope)
    if department_id is not None:
        counted.append(_hours.department_id == department_id)
    return _of_total(connection, scope, week, counted)


def _of_placeholders(
    connection: Connection, scope: str, week: str, template: str, project_role_id: int
) -> MadeOf:
    template_id = int(template) if template else None
    counted = [
        _hours.person_id.is_(None),
        _hours.project_role_id == project_role_id,
        _hours.template_id.is_(None) if template_id is None else _hours.template_id == template_id,
    ]
    department_id, _ = _places(scope)
    if department_id is not None:
        own, of_role = _hours.department_id, _hours.project_role_department_id
        counted.append(or_(own == department_id, of_role == department_id))
    return _of_total(connection, scope, week, counted)


def _of_total(
    connection: Connection, scope: str, week: str, counted: list[ColumnElement[bool]]
) -> MadeOf:
    _, vertical_id = _places(scope)
    if vertical_id is not None:
        counted.append(_hours.vertical_id == vertical_id)
    found = select(week_hours).where(_hours.week_start == week, _hours.gates > 0, *counted)
    return MadeOf(_rows(connection.execute(found)), _not_of_other_weeks(week))


def _rows(found: Iterable[Any]) -> dict[Table, set[Key]]:
    """Return what rows of hours were joined from."""
    rows: dict[Table, set[Key]] = {
        assignments: set(), people: set(), projects: set(), project_roles: set()
    }  # fmt: skip
    for row in found:
        rows[assignments].add(row.assignment_id)
        rows[people].add(row.person_id)
        rows[projects].add(row.project_id)
        rows[project_roles].add(row.project_role_id)
    return {table: keys - {None} for table, keys in rows.items()}


def _not_of_other_weeks(week: str) -> Callable[[Event], bool]:
    def concerns(event: Event) -> bool:
        return not isinstance(event, Assignment.HoursSet) or week in dict(event.weeks)

    return concerns


def _of_capacity(connection: Connection, scope: str, kind: str, week: str, role_id: int) -> MadeOf:
    gating, is_off = kind.removesuffix(_OFF), kind.endswith(_OFF)
    first, until = people.c[f"{gating}_from"], people.c[f"{gating}_until"]
    department_id, vertical_id = _places(scope)
    counted = [people.c.role_id == role_id, people.c.is_active == 1, first < until]
    if department_id is not None:
        counted.append(people.c.department_id == department_id)
    if vertical_id is not None:
        counted.append(departments.c.vertical_id == vertical_id)
    found = (
        select(people.c.person_id, people.c.department_id)
        .select_from(people)
        .outerjoin(departments, departments.c.department_id == people.c.department_id)
    )
    if is_off:
        taken = and_(time_off.c.person_id == people.c.person_id, time_off.c.week_start == week)
        found = found.join(time_off, taken).where(first <= week, week < until)
    else:
        found = found.where(or_(first == week, until == week))
    rows = connection.execute(found.where(*counted)).all()
    sources: dict[Table, set[Key]] = {
        people: {row.person_id for row in rows},
        departments: {row.department_id for row in rows} - {None},
    }
    if is_off:
        sources[time_off] = {(row.person_id, week) for row in rows}
    return MadeOf(sources, lambda _: True)


def _places(scope: str) -> tuple[int | None, int | None]:
    """Return the department and the vertical of a scope, as `scope_of` has written them."""
    if scope == "all":
        return None, None
    department, _, vertical = scope.partition("v")
    return (
        int(department.removeprefix("d")) if department else None,
        int(vertical) if vertical else None,
    )


_MADE_OF: dict[Table, Callable[..., MadeOf]] = {
    week_hours: _of_week,
    hour_totals: _of_hours,
    placeholder_totals: _of_placeholders,
    capacity_steps: _of_capacity,
}
