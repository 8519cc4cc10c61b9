"""What a cell of the report is made of: a role's people and placeholders, then their assignments.

Each level sums up, exactly, to the cell of the level above it: the same hours count, by the same
conditions, and capacity is that of the same people.
"""

from fractions import Fraction
from typing import Annotated, Any

from msgspec import Meta, Struct
from sqlalchemy import ColumnElement, Connection, and_, func, or_, select, tuple_

from domain.assignments import PersonNotFound, RoleNotFound
from projections.role_capacity.assignment_hours import (
    AssignmentHours,
    Counting,
    counted_assignments,
)
from projections.role_capacity.from_week_rows import busy_people
from projections.role_capacity.questions import LEAST_IN_WEEKS, LEAST_UNITS, Question
from projections.role_capacity.reports import mappings_of, role_capacity_report, split
from projections.role_capacity.tables import assignments, departments, people, roles
from projections.role_capacity.totals import week_hours
from projections.role_capacity.weeks_of_people import (
    ListedPerson,
    listed_people,
    listed_person,
    time_off_of,
)

_columns = week_hours.c
_NO_TEMPLATE = -1

Units = tuple[int, ...]
_AnId = Annotated[int, Meta(ge=-1, le=2**63 - 1)]


class RoleCursor(Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """The last person and the last placeholder of a page."""

    person_id: _AnId = -1
    assignment_id: _AnId = -1


class PersonShare(Struct, frozen=True):
    """What one person brings to the cells of a role, in units by week."""

    person: ListedPerson
    assigned: Units
    capacity: Units


class PlaceholderShare(Struct, frozen=True):
    """What a role has of hours that nobody has yet; these are shared by some roles evenly."""

    hours: AssignmentHours
    role_ids: tuple[int, ...]

    @property
    def projected(self) -> tuple[Fraction, ...]:
        """The role's own part, in exact units by week."""
        return tuple(Fraction(units, len(self.role_ids)) for units in self.hours.units)


class RoleDrill(Struct, frozen=True):
    """One row of the report, and a page of what it is made of."""

    role_id: int
    role_name: str
    is_active: bool
    assigned: Units
    projected: tuple[Fraction, ...]
    capacity: Units
    heads: Units
    people: list[PersonShare]
    placeholders: list[PlaceholderShare]
    follows: RoleCursor | None


class PersonDrill(Struct, frozen=True):
    """What one person brings to the report, and a page of the assignments that make it."""

    person: ListedPerson
    is_seen: bool  # whether they belong to the vertical that is asked about, or have hours in it
    assigned: Units
    capacity: Units
    assignments: list[AssignmentHours]
    follows: int | None  # the last assignment of the page, if there are more


def role_drill(
    connection: Connection,
    *,
    question: Question,
    role_id: int,
    limit: int,
    after: RoleCursor | None = None,
) -> RoleDrill:
    """Return a role's row, and people and placeholders up to a limit. Raises RoleNotFound."""
    role = connection.execute(select(roles).where(roles.c.role_id == role_id)).one_or_none()
    if role is None:
        raise RoleNotFound(role_id)
    after = after or RoleCursor()
    people_found = _people_of(connection, question, role_id, after.person_id, limit + 1)
    placeholders = _placeholders_of(connection, question, role_id, after.assignment_id, limit + 1)
    shares = _shares(connection, people_found[:limit], question)
    figures = role_capacity_report(connection, question=question).report.figures
    projected, _ = split(figures.placeholders, mappings_of(connection))

    def row(figures: Any, nothing: Any = 0) -> tuple[Any, ...]:
        return tuple(figures.get((week, role_id), nothing) for week in question.weeks)

    return RoleDrill(
        role_id,
        role.name,
        bool(role.is_active),
        assigned=row(figures.assigned),
        projected=row(projected, Fraction()),
        capacity=row(figures.capacity),
        heads=row(figures.people),
        people=shares,
        placeholders=placeholders[:limit],
        follows=_behind(after, shares, placeholders[:limit])
        if max(len(people_found), len(placeholders)) > limit
        else None,
    )


def _behind(
    after: RoleCursor, shares: list[PersonShare], placeholders: list[PlaceholderShare]
) -> RoleCursor:
    person_id = shares[-1].person.person_id if shares else after.person_id
    if not placeholders:
        return RoleCursor(person_id, after.assignment_id)
    return RoleCursor(person_id, placeholders[-1].hours.assignment.assignment_id)


def person_drill(
    connection: Connection, *, question: Question, person_id: int, limit: int, after: int = -1
) -> PersonDrill:
    """Return what a person brings to their role's cells. Raises PersonNotFound."""
    found = listed_people(question).where(people.c.person_id == person_id)
    row = connection.execute(found).one_or_none()
    if row is None:
        raise PersonNotFound(person_id)
    person = listed_person(row)
    [share] = _shares(connection, [person], question)
    # Rows of hours have no index by person; assignments have.
    theirs = select(assignments.c.assignment_id).where(assignments.c.person_id == person_id)
    conditions = [
        *Counting(connection, question).of_people,
        _columns.assignment_id.in_(theirs),
    ]
    listed = (
        counted_assignments(connection, question, conditions, after=after, limit=limit + 1)
        if any(share.assigned)
        else []
    )
    return PersonDrill(
        person,
        is_seen=any(share.assigned) or question.vertical_id in (None, person.vertical_id),
        assigned=share.assigned,
        capacity=share.capacity,
        assignments=listed[:limit],
        follows=listed[limit - 1].assignment.assignment_id if len(listed) > limit else None,
    )


# People of a role.


def _people_of(
    connection: Connection, question: Question, role_id: int, after: int, limit: int
) -> list[ListedPerson]:
    """Return those who bring capacity, or hours in these weeks."""
    counted = Counting(connection, question).of_people
    # Weeks by name: the index of weeks has roles behind.
    in_role = [_columns.week_start.in_(question.weeks), _columns.role_id == role_id]
    working = select(_columns.person_id).where(*in_role, *counted)
    wanted: list[ColumnElement[bool]] = [
        people.c.role_id == role_id,
        people.c.is_active == 1,
        people.c.person_id > after,
        or_(_bring_capacity(question), people.c.person_id.in_(working)),
    ]
    if question.department_id is not None:
        wanted.append(people.c.department_id == question.department_id)
    if question.filter_out_lt5h:
        wanted.append(people.c.person_id.in_(busy_people(question, counted)))
    found = listed_people(question).where(*wanted).order_by(people.c.person_id).limit(limit)
    return [listed_person(row) for row in connection.execute(found)]


def _bring_capacity(question: Question) -> ColumnElement[bool]:
    first, until = people.c[f"{question.gating}_from"], people.c[f"{question.gating}_until"]
    span = (first < until, first <= question.weeks[-1], until > question.weeks[0])
    if question.vertical_id is None:
        return and_(*span)
    return and_(*span, departments.c.vertical_id == question.vertical_id)


def _shares(
    connection: Connection, listed: list[ListedPerson], question: Question
) -> list[PersonShare]:
    ids = [each.person_id for each in listed]
    hours = _hours(connection, ids, question)
    off = time_off_of(connection, ids, question)
    return [_share(each, hours, off, question) for each in listed]


def _share(
    person: ListedPerson,
    hours: dict[tuple[int, str], int],
    off: dict[tuple[int, str], int],
    question: Question,
) -> PersonShare:
    keys = [(person.person_id, week) for week in question.weeks]
    assigned = tuple(hours.get(key, 0) for key in keys)
    is_idle = max(assigned[:LEAST_IN_WEEKS]) < LEAST_UNITS
    if question.filter_out_lt5h and is_idle:
        return PersonShare(person, (0,) * len(keys), (0,) * len(keys))
    counts = _counts(person, question)
    capacity = tuple(
        person.weekly_capacity_units - off.get(key, 0)
        if counts and person.first_week <= key[1] < person.until_week
        else 0
        for key in keys
    )
    return PersonShare(person, assigned, capacity)


def _counts(person: ListedPerson, question: Question) -> bool:
    """Return whether the capacity of somebody counts in a question."""
    return (
        person.is_active
        and person.role_id is not None
        and question.department_id in (None, person.department_id)
        and question.vertical_id in (None, person.vertical_id)
    )


def _hours(
    connection: Connection, ids: list[int], question: Question
) -> dict[tuple[int, str], int]:
    columns = week_hours.c
    of_these = select(assignments.c.assignment_id).where(assignments.c.person_id.in_(ids))
    found = connection.execute(
        select(columns.person_id, columns.week_start, func.sum(columns.units))
        .where(columns.assignment_id.in_(of_these), *Counting(connection, question).of_people)
        .group_by(columns.person_id, columns.week_start)
    )
    return {(person_id, week): int(units) for person_id, week, units in found}


# Placeholders of a role.


def _placeholders_of(
    connection: Connection, question: Question, role_id: int, after: int, limit: int
) -> list[PlaceholderShare]:
    """Return the hours that nobody has yet and that this role serves, among others or alone."""
    serving = {
        (int(template) if template else None, project_role_id): tuple(role_ids)
        for (template, project_role_id), role_ids in mappings_of(connection).items()
        if role_id in role_ids
    }
    if not serving:
        return []
    keys = [(_NO_TEMPLATE if each is None else each, role) for each, role in serving]
    template = func.coalesce(_columns.template_id, _NO_TEMPLATE)
    counted = [
        *Counting(connection, question).of_placeholders,
        tuple_(template, _columns.project_role_id).in_(keys),
    ]
    found = counted_assignments(connection, question, counted, after=after, limit=limit)
    return [
        PlaceholderShare(
            each, serving[each.assignment.template_id, each.assignment.project_role_id]
        )
        for each in found
        if each.assignment.project_role_id is not None
    ]
