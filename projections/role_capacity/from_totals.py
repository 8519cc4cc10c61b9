"""The source `rollup`: totals by scope, week and role, whatever the number of assignments."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, case, func, or_, select

from projections.role_capacity.questions import Cell, Figures, Question
from projections.role_capacity.totals import (
    capacity_steps,
    hour_totals,
    placeholder_totals,
    scope_of,
)


def figures(connection: Connection, question: Question) -> Figures:
    """Return what totals say; a question that needs rows is not for them."""
    if question.needs_rows:
        raise ValueError("Totals know neither people nor projects")
    capacity, people = _capacity(connection, question)
    return Figures(
        assigned=_assigned(connection, question),
        capacity=capacity,
        people=people,
        placeholders=_placeholders(connection, question),
    )


def _assigned(connection: Connection, question: Question) -> dict[Cell, int]:
    columns = hour_totals.c
    units: ColumnElement[int] = columns[f"firm_{question.gating}_units"]
    if question.include_tentative:
        units = units + columns[f"tentative_{question.gating}_units"]
    found = select(columns.week_start, columns.role_id, units).where(_scoped(columns, question))
    # All at once: a call to the driver for each row is most of the time.
    rows = connection.execute(found).all()
    return {(week, role_id): units for week, role_id, units in rows}


def _placeholders(connection: Connection, question: Question) -> dict[Any, int]:
    columns = placeholder_totals.c
    units: ColumnElement[int] = columns.firm_units
    if question.include_tentative:
        units = units + columns.tentative_units
    found = select(columns.template, columns.project_role_id, columns.week_start, units).where(
        _scoped(columns, question)
    )
    rows = connection.execute(found).all()
    return {(template, role, week): units for template, role, week, units in rows}


def _scoped(columns: Any, question: Question) -> Any:
    return and_(
        columns.scope == scope_of(question.department_id, question.vertical_id),
        columns.week_start.between(question.weeks[0], question.weeks[-1]),
    )


def _capacity(
    connection: Connection, question: Question
) -> tuple[dict[Cell, int], dict[Cell, int]]:
    columns, (first, last) = capacity_steps.c, (question.weeks[0], question.weeks[-1])
    lasting = and_(columns.kind == question.gating, columns.week_start <= last)
    off = and_(columns.kind == f"{question.gating}_off", columns.week_start.between(first, last))
    # What happened before the first week is one step into it.
    week = case((columns.week_start < first, first), else_=columns.week_start)
    found = connection.execute(
        select(
            columns.kind, week, columns.role_id, func.sum(columns.units), func.sum(columns.people)
        )
        .where(
            columns.scope == scope_of(question.department_id, question.vertical_id),
            or_(lasting, off) if question.include_time_off else lasting,
        )
        .group_by(columns.kind, week, columns.role_id)
    )
    steps, absent = [], {}
    for kind, week_start, role_id, units, people in found.all():
        if kind == question.gating:
            steps.append((week_start, role_id, int(units), int(people)))
        else:
            absent[week_start, role_id] = int(units)
    return climbed(steps, absent, question)


def climbed(
    steps: Iterable[tuple[str, int, int, int]], absent: dict[Cell, int], question: Question
) -> tuple[dict[Cell, int], dict[Cell, int]]:
    """Return capacity and people by cell, from steps: week, role, more units, more people.

    `absent` is taken off in its week alone.
    """
    by_role: dict[int, dict[str, tuple[int, int]]] = {}
    for week, role_id, units, people in steps:
        weeks = by_role.setdefault(role_id, {})
        before = weeks.get(week, (0, 0))
        weeks[week] = (before[0] + units, before[1] + people)
    capacity, heads = {}, {}
    for role_id, weeks in by_role.items():
        units = people = 0
        for week in question.weeks:
            if week in weeks:
                units, people = units + weeks[week][0], people + weeks[week][1]
            capacity[week, role_id] = units - absent.get((week, role_id), 0)
            heads[week, role_id] = people
    return capacity, heads
