"""What each person has to do in each week, against what they have to give; page by page.

People stand in the order of their roles, and within a role by their ids. Their own department says
to which vertical they belong; all their hours count, whichever vertical the project is of, because
somebody who is busy elsewhere is not free here.
"""

from array import array
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct
from msgspec.structs import replace
from sqlalchemy import ColumnElement, Connection, Select, func, literal, select, tuple_

from projections.role_capacity.from_week_rows import shown_hours
from projections.role_capacity.hiding import hidden_projects
from projections.role_capacity.questions import Question
from projections.role_capacity.tables import (
    assignments,
    departments,
    name_ciphers,
    people,
    roles,
    time_off,
)
from projections.role_capacity.totals import week_hours

State = Literal["free", "partial", "full", "over", "off", "not_hired", "left"]
STATES: tuple[State, ...] = ("free", "partial", "full", "over", "off", "not_hired", "left")

_PEOPLE_AT_ONCE, _CELLS_AT_ONCE = 500, 5_000
_NO_ROLE = 2**62  # whoever has none stands last

_Number = Annotated[int, Meta(ge=-(2**62), le=2**62)]
_Text = Annotated[str, Meta(pattern=r"\A[^\x00]*\Z")]
Place = tuple[_Number, _Text, _Number, _Number]  # where somebody stands in the order of all


class ListedPerson(Struct, frozen=True):
    """Somebody, without a name that could be read here."""

    person_id: int
    role_id: int | None
    role_name: str
    department_id: int | None
    department_name: str
    vertical_id: int | None
    is_active: bool
    weekly_capacity_units: int
    first_week: str  # that counts; empty: since ever
    until_week: str  # from which on no week counts any more
    name_cipher: bytes
    place: Place


# Of each person the firm hours of all weeks, and then the tentative ones.
_Hours = dict[int, "array[int]"]


class PersonWeek(Struct, frozen=True):
    """What somebody has to do in one week, in units; `tentative_units` are part of the assigned."""

    state: State
    assigned_units: int
    tentative_units: int
    capacity_units: int


class PersonWeeks(Struct, frozen=True):
    """Somebody, with each week of a question in its order."""

    person: ListedPerson
    weeks: tuple[PersonWeek, ...]


def people_weeks(
    connection: Connection,
    *,
    question: Question,
    limit: int,
    after: Place | None = None,
    among: Select[tuple[int]] | None = None,
) -> list[PersonWeeks]:
    """Return the active people of a question, at most so many, from behind a place on.

    With `among`, a selection of ids, only those.
    """
    found = listed_people(question).where(people.c.is_active == 1, *_wanted(question))
    if after is not None:
        found = found.where(tuple_(*_PLACE) > tuple_(*map(literal, after)))
    if among is not None:
        found = found.where(people.c.person_id.in_(among))
    rows = connection.execute(found.order_by(*_PLACE).limit(limit))
    return weeks_of(connection, [listed_person(row) for row in rows], question)


def all_people_weeks(connection: Connection, *, question: Question) -> Iterator[PersonWeeks]:
    """Return all active people of a question, some in memory at a time.

    Their hours are all there, as one number for each person and week: to look them up for some
    people at a time takes ten times as long.
    """
    hours = _hours(connection, question, None)
    found = listed_people(question).where(people.c.is_active == 1, *_wanted(question))
    rows = connection.execute(found.order_by(*_PLACE))
    for some in rows.partitions(_PEOPLE_AT_ONCE):
        yield from _with_weeks(connection, [listed_person(row) for row in some], question, hours)


def one_person_weeks(
    connection: Connection, *, question: Question, person_id: int
) -> PersonWeeks | None:
    """Return one person, active or not; None if there is nobody of this id."""
    row = connection.execute(
        listed_people(question).where(people.c.person_id == person_id)
    ).one_or_none()
    everywhere = replace(question, department_id=None)
    return None if row is None else weeks_of(connection, [listed_person(row)], everywhere)[0]


def state_of(
    person: ListedPerson, week: str, *, assigned_units: int, capacity_units: int, off_units: int
) -> State:
    """Return how a week stands with somebody.

    Hours beyond the capacity come first, also in a week that is wholly off: nobody is to miss them.
    """
    if not person.is_active:
        return "left"
    if not person.first_week <= week < person.until_week:
        return "not_hired" if week < person.first_week else "left"
    if assigned_units > max(0, capacity_units):
        return "over"
    if capacity_units <= 0:
        return "off" if off_units else "full"
    if not assigned_units:
        return "free"
    return "full" if assigned_units == capacity_units else "partial"


def weeks_of(
    connection: Connection, listed: Sequence[ListedPerson], question: Question
) -> list[PersonWeeks]:
    """Return people with their weeks: three questions, however many they are."""
    ids = [each.person_id for each in listed]
    if not ids:
        return []
    return _with_weeks(connection, listed, question, _hours(connection, question, ids))


def _with_weeks(
    connection: Connection, listed: Sequence[ListedPerson], question: Question, hours: _Hours
) -> list[PersonWeeks]:
    off = time_off_of(connection, [each.person_id for each in listed], question)
    nothing = array("q", bytes(16 * len(question.weeks)))
    found = []
    for each in listed:
        theirs = hours.get(each.person_id, nothing)
        weeks = zip(question.weeks, theirs, theirs[len(question.weeks) :], strict=False)
        found.append(PersonWeeks(each, tuple(_week(each, *week, off) for week in weeks)))
    return found


def _week(
    person: ListedPerson, week: str, firm: int, tentative: int, off: dict[tuple[int, str], int]
) -> PersonWeek:
    absent = off.get((person.person_id, week), 0)
    counts = person.is_active and person.first_week <= week < person.until_week
    capacity = person.weekly_capacity_units - absent if counts else 0
    assigned = firm + tentative
    state = state_of(
        person, week, assigned_units=assigned, capacity_units=capacity, off_units=absent
    )
    return PersonWeek(state, assigned, tentative, capacity)


def _hours(connection: Connection, question: Question, ids: Sequence[int] | None) -> _Hours:
    """Return hours by person, of these people or of all whom the question is about."""
    columns, many = week_hours.c, len(question.weeks)
    everywhere = replace(question, vertical_id=None)
    counted = shown_hours(everywhere, hidden_projects(connection, question.hidden_words))
    asked = select(
        columns.person_id, columns.week_start, columns.is_tentative, func.sum(columns.units)
    ).where(columns.person_id.is_not(None), *counted)
    if question.department_id is not None:  # rows have it in the index that answers this alone
        asked = asked.where(columns.department_id == question.department_id)
    elif ids is not None:
        theirs = assignments.c.assignment_id == columns.assignment_id
        asked = asked.join(assignments, theirs).where(assignments.c.person_id.in_(ids))
    if ids is not None:
        asked = asked.where(columns.person_id.in_(ids))
    places = {week: place for place, week in enumerate(question.weeks)}
    hours: _Hours = {}
    grouped = asked.group_by(columns.person_id, columns.week_start, columns.is_tentative)
    for person_id, week, tentative, units in connection.execute(
        grouped, execution_options={"yield_per": _CELLS_AT_ONCE}
    ):
        theirs_by_week = hours.get(person_id)
        if theirs_by_week is None:
            theirs_by_week = hours[person_id] = array("q", bytes(16 * many))
        theirs_by_week[tentative * many + places[week]] = int(units)
    return hours


def time_off_of(
    connection: Connection, ids: list[int], question: Question
) -> dict[tuple[int, str], int]:
    """Return the units that people are off, by person and week."""
    if not question.include_time_off:
        return {}
    found = connection.execute(
        select(time_off).where(
            time_off.c.person_id.in_(ids),
            time_off.c.week_start.between(question.weeks[0], question.weeks[-1]),
        )
    )
    return {(row.person_id, row.week_start): row.units for row in found}


# Who there is.

_PLACE: tuple[ColumnElement[Any], ...] = (
    func.coalesce(roles.c.sort_order, _NO_ROLE),
    func.coalesce(roles.c.name, ""),
    func.coalesce(people.c.role_id, 0),
    people.c.person_id,
)


def listed_people(question: Question) -> Any:
    """Select people as they are listed, whoever they are."""
    columns = people.c
    return (
        select(
            columns.person_id,
            columns.role_id,
            roles.c.name.label("role_name"),
            columns.department_id,
            departments.c.name.label("department_name"),
            departments.c.vertical_id,
            columns.is_active,
            columns.weekly_capacity_units,
            columns[f"{question.gating}_from"].label("first_week"),
            columns[f"{question.gating}_until"].label("until_week"),
            name_ciphers.c.name_cipher,
            roles.c.sort_order,
        )
        .select_from(people)
        .outerjoin(roles, roles.c.role_id == columns.role_id)
        .outerjoin(departments, departments.c.department_id == columns.department_id)
        .outerjoin(name_ciphers, name_ciphers.c.person_id == columns.person_id)
    )


def listed_person(row: Any) -> ListedPerson:
    """Return a person from a row of `listed_people`."""
    sort_order = _NO_ROLE if row.sort_order is None else row.sort_order
    return ListedPerson(
        person_id=row.person_id,
        role_id=row.role_id,
        role_name=row.role_name or "",
        department_id=row.department_id,
        department_name=row.department_name or "",
        vertical_id=row.vertical_id,
        is_active=bool(row.is_active),
        weekly_capacity_units=row.weekly_capacity_units,
        first_week=row.first_week,
        until_week=row.until_week,
        name_cipher=row.name_cipher or b"",
        place=(sort_order, row.role_name or "", row.role_id or 0, row.person_id),
    )


def _wanted(question: Question) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if question.department_id is not None:
        conditions.append(people.c.department_id == question.department_id)
    if question.vertical_id is not None:
        conditions.append(departments.c.vertical_id == question.vertical_id)
    if question.role_ids:
        conditions.append(people.c.role_id.in_(question.role_ids))
    return conditions
