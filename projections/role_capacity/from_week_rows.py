"""The source `normalized`: one row for each assignment and week, summed by the database."""

from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, func, or_, select

from projections.role_capacity.from_totals import climbed
from projections.role_capacity.hiding import hidden_projects
from projections.role_capacity.questions import (
    LEAST_IN_WEEKS,
    LEAST_UNITS,
    Cell,
    Figures,
    Question,
)
from projections.role_capacity.tables import departments, people, time_off
from projections.role_capacity.totals import week_hours

_columns = week_hours.c
_units = func.sum(_columns.units)


def figures(connection: Connection, question: Question) -> Figures:
    """Return what the hours by assignment and week come to."""
    hidden = hidden_projects(connection, question.hidden_words)
    shown = shown_hours(question, hidden)
    of_people = [*shown, *hours_of_people(question)]
    kept = busy_people(question, of_people) if question.filter_out_lt5h else None
    capacity, heads = capacity_of(connection, question, kept)
    return Figures(
        assigned=_assigned(connection, of_people, kept),
        capacity=capacity,
        people=heads,
        placeholders=_placeholders(connection, question, shown),
    )


def shown_hours(question: Question, hidden: list[int]) -> list[ColumnElement[bool]]:
    """Return what hours must be to count in an answer, whosever they are."""
    conditions: list[ColumnElement[bool]] = [
        _columns.week_start.between(question.weeks[0], question.weeks[-1]),
        _columns.gates >= (1 if question.gating == "hire_week" else 2),
    ]
    if question.vertical_id is not None:
        conditions.append(_columns.vertical_id == question.vertical_id)
    if not question.include_tentative:
        conditions.append(_columns.is_tentative == 0)
    if hidden:
        conditions.append(or_(_columns.project_id.is_(None), _columns.project_id.not_in(hidden)))
    return conditions


def hours_of_people(question: Question) -> list[ColumnElement[bool]]:
    """Return what hours must be, beside being shown, to count as assigned."""
    conditions: list[ColumnElement[bool]] = [
        _columns.person_id.is_not(None),
        _columns.role_id.is_not(None),
    ]
    if question.department_id is not None:
        conditions.append(_columns.department_id == question.department_id)
    return conditions


def busy_people(question: Question, of_people: list[ColumnElement[bool]]) -> Select[Any]:
    """Select the people who have enough hours in one of the first weeks."""
    first_weeks = question.weeks[:LEAST_IN_WEEKS]
    return (
        select(_columns.person_id)
        .where(*of_people, _columns.week_start <= first_weeks[-1])
        .group_by(_columns.person_id, _columns.week_start)
        .having(_units >= LEAST_UNITS)
    )


def _assigned(
    connection: Connection, of_people: list[ColumnElement[bool]], kept: Select[Any] | None
) -> dict[Cell, int]:
    found = select(_columns.week_start, _columns.role_id, _units).where(*of_people)
    if kept is not None:
        found = found.where(_columns.person_id.in_(kept))
    rows = connection.execute(found.group_by(_columns.week_start, _columns.role_id))
    return {(week, role_id): int(units) for week, role_id, units in rows.all()}


def _placeholders(
    connection: Connection, question: Question, shown: list[ColumnElement[bool]]
) -> dict[Any, int]:
    template, role, week = _columns.template_id, _columns.project_role_id, _columns.week_start
    found = select(template, role, week, _units).where(*shown, _columns.person_id.is_(None))
    if (wanted := question.department_id) is not None:
        its_own, of_role = _columns.department_id, _columns.project_role_department_id
        found = found.where(or_(its_own == wanted, of_role == wanted))
    rows = connection.execute(found.group_by(template, role, week))
    return {
        ("" if template_id is None else str(template_id), role_id, week_start): int(units)
        for template_id, role_id, week_start, units in rows
    }


# Capacity, which other sources ask for in the same way.


def capacity_of(
    connection: Connection, question: Question, kept: Any | None
) -> tuple[dict[Cell, int], dict[Cell, int]]:
    """Return capacity and people by cell, of people as they are; `kept` selects who counts."""
    first, until = people.c[f"{question.gating}_from"], people.c[f"{question.gating}_until"]
    counted = [people.c.is_active == 1, people.c.role_id.is_not(None), first < until]
    if question.department_id is not None:
        counted.append(people.c.department_id == question.department_id)
    if question.vertical_id is not None:
        of_vertical = departments.c.vertical_id == question.vertical_id
        counted.append(
            people.c.department_id.in_(select(departments.c.department_id).where(of_vertical))
        )
    if kept is not None:
        counted.append(people.c.person_id.in_(kept))
    units, heads = func.sum(people.c.weekly_capacity_units), func.count()
    found = connection.execute(
        select(people.c.role_id, first, until, units, heads)
        .where(*counted)
        .group_by(people.c.role_id, first, until)
    )
    steps = []
    for role_id, begin, end, more, persons in found.all():
        steps.append((max(begin, question.weeks[0]), role_id, int(more), persons))
        steps.append((max(end, question.weeks[0]), role_id, -int(more), -persons))
    absent = _absent(connection, question, counted, (first, until))
    return climbed(steps, absent, question)


def _absent(
    connection: Connection, question: Question, counted: list[Any], span: tuple[Any, Any]
) -> dict[Cell, int]:
    if not question.include_time_off:
        return {}
    week, (first, until) = time_off.c.week_start, span
    taken = and_(
        week.between(question.weeks[0], question.weeks[-1]), week >= first, week < until, *counted
    )
    found = (
        select(week, people.c.role_id, func.sum(time_off.c.units))
        .join_from(time_off, people, time_off.c.person_id == people.c.person_id)
        .where(taken)
        .group_by(week, people.c.role_id)
    )
    return {(week, role): int(units) for week, role, units in connection.execute(found)}
