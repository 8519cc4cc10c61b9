"""What every door answers of the views behind the report: people week by week, and drill-downs.

Names come in from outside, opened for this answer alone; whoever was forgotten keeps their id.
"""

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Literal

from msgspec import UNSET, Struct, UnsetType

from application.assignments import PersonNames
from interfaces.role_capacity import UNITS_PER_HOUR
from projections.role_capacity import (
    AssignmentDrill,
    AssignmentHours,
    ListedAssignment,
    ListedPerson,
    PersonDrill,
    PersonWeek,
    PersonWeeks,
    PlaceholderShare,
    Question,
    RoleDrill,
    State,
)

AssignmentState = Literal["firm", "tentative", "ended"]
Names = Mapping[int, str]


class PersonItem(Struct, frozen=True, rename="camel"):
    """Somebody; a name that was forgotten reads so, and the id stays."""

    person_id: int
    name: str
    role_id: int | None
    role_name: str
    department_id: int | None
    department_name: str
    is_active: bool


class HeatCell(Struct, frozen=True):
    """One week of somebody, in hours; `tentative`, where asked for, is part of `assigned`."""

    state: State
    assigned: float
    capacity: float
    tentative: float | UnsetType = UNSET


class HeatmapPerson(Struct, frozen=True, rename="camel"):
    person_id: int
    name: str
    role_id: int | None
    role_name: str
    department_id: int | None
    department_name: str
    weekly_capacity: float
    cells: list[HeatCell]


class HeatmapAnswer(Struct, frozen=True, rename="camel"):
    """People in the order of their roles; `next` is the cursor of the next page, or null."""

    position: int
    week_keys: list[str]
    people: list[HeatmapPerson]
    next: str | None


class CountedAssignment(Struct, frozen=True, rename="camel"):
    """An assignment with the hours of it that count, for each week."""

    assignment_id: int
    project_id: int | None
    project_name: str
    client: str
    state: AssignmentState
    probability_percent: int
    hours: list[float]


class RoleDrillPerson(Struct, frozen=True, rename="camel"):
    """What somebody brings to the role's figures, for each week."""

    person_id: int
    name: str
    department_id: int | None
    department_name: str
    assigned: list[float]
    capacity: list[float]


class RoleDrillPlaceholder(Struct, frozen=True, rename="camel"):
    """Hours that nobody has yet: `projected` is this role's part of `hours`."""

    assignment_id: int
    project_id: int | None
    project_name: str
    client: str
    state: AssignmentState
    project_role_id: int
    project_role_name: str
    shared_by_roles: int
    hours: list[float]
    projected: list[float]


class RoleDrillAnswer(Struct, frozen=True, rename="camel"):
    """One role of the report, and what makes its figures; those are of all pages."""

    position: int
    role_id: int
    role_name: str
    is_active: bool
    week_keys: list[str]
    assigned: list[float]
    projected: list[float]
    demand: list[float]
    capacity: list[float]
    people: list[int]
    by_person: list[RoleDrillPerson]
    placeholders: list[RoleDrillPlaceholder]
    next: str | None


class PersonDrillAnswer(Struct, frozen=True, rename="camel"):
    """What somebody brings to the report, and the assignments that make it."""

    position: int
    person: PersonItem
    week_keys: list[str]
    assigned: list[float]
    capacity: list[float]
    assignments: list[CountedAssignment]
    next: str | None


class AssignmentDrillAnswer(Struct, frozen=True, rename="camel"):
    """One assignment: `hours` are those that count, `set_hours` all that were set."""

    position: int
    assignment_id: int
    state: AssignmentState
    probability_percent: int
    person: PersonItem | None
    project_id: int | None
    project_name: str
    client: str
    department_id: int | None
    project_role_id: int | None
    project_role_name: str
    week_keys: list[str]
    hours: list[float]
    set_hours: list[float]


def opened(names: PersonNames, people: Iterable[ListedPerson]) -> dict[int, str]:
    """Return the names of people, with one question to the keys; it waits for the database."""
    ciphers = {each.person_id: each.name_cipher for each in people}
    return names.open(ciphers) if ciphers else {}


def hours(units: Sequence[int | Fraction]) -> list[float]:
    """Return units as hours; each is rounded once, by its own division."""
    return [float(each / UNITS_PER_HOUR) for each in units]


def heatmap_body(
    found: Sequence[PersonWeeks],
    names: Names,
    *,
    question: Question,
    position: int,
    follows: str | None,
) -> HeatmapAnswer:
    """Return a page of people."""
    told = [_heatmap_person(each, names, question) for each in found]
    return HeatmapAnswer(position, list(question.weeks), told, follows)


def _heatmap_person(found: PersonWeeks, names: Names, question: Question) -> HeatmapPerson:
    person = found.person
    return HeatmapPerson(
        person.person_id,
        names[person.person_id],
        person.role_id,
        person.role_name,
        person.department_id,
        person.department_name,
        person.weekly_capacity_units / UNITS_PER_HOUR,
        [heat_cell(each, tentative=question.include_tentative) for each in found.weeks],
    )


def heat_cell(week: PersonWeek, *, tentative: bool) -> HeatCell:
    """Return one week as it is sent."""
    return HeatCell(
        week.state,
        week.assigned_units / UNITS_PER_HOUR,
        week.capacity_units / UNITS_PER_HOUR,
        week.tentative_units / UNITS_PER_HOUR if tentative else UNSET,
    )


def person_item(person: ListedPerson, names: Names) -> PersonItem:
    """Return somebody as they are named in answers."""
    return PersonItem(
        person.person_id,
        names[person.person_id],
        person.role_id,
        person.role_name,
        person.department_id,
        person.department_name,
        person.is_active,
    )


def state_of(assignment: ListedAssignment) -> AssignmentState:
    """Return how sure an assignment is."""
    if not assignment.is_active:
        return "ended"
    return "firm" if assignment.probability_percent >= 100 else "tentative"


def counted_assignment(found: AssignmentHours) -> CountedAssignment:
    """Return an assignment with its hours."""
    about = found.assignment
    return CountedAssignment(
        about.assignment_id,
        about.project_id,
        about.project_name,
        about.client,
        state_of(about),
        about.probability_percent,
        hours(found.units),
    )


def role_body(
    found: RoleDrill, names: Names, *, question: Question, position: int, follows: str | None
) -> RoleDrillAnswer:
    """Return a role with a page of what makes it."""
    demand = [a + b for a, b in zip(found.assigned, found.projected, strict=True)]
    return RoleDrillAnswer(
        position,
        found.role_id,
        found.role_name,
        found.is_active,
        list(question.weeks),
        hours(found.assigned),
        hours(found.projected),
        hours(demand),
        hours(found.capacity),
        list(found.heads),
        [
            RoleDrillPerson(
                each.person.person_id,
                names[each.person.person_id],
                each.person.department_id,
                each.person.department_name,
                hours(each.assigned),
                hours(each.capacity),
            )
            for each in found.people
        ],
        [_placeholder(each) for each in found.placeholders],
        follows,
    )


def _placeholder(found: PlaceholderShare) -> RoleDrillPlaceholder:
    about = found.hours.assignment
    assert about.project_role_id is not None  # else it serves nothing, and no role has a part
    return RoleDrillPlaceholder(
        about.assignment_id,
        about.project_id,
        about.project_name,
        about.client,
        state_of(about),
        about.project_role_id,
        about.project_role_name,
        len(found.role_ids),
        hours(found.hours.units),
        hours(found.projected),
    )


def person_body(
    found: PersonDrill, names: Names, *, question: Question, position: int, follows: str | None
) -> PersonDrillAnswer:
    """Return somebody with a page of their assignments."""
    return PersonDrillAnswer(
        position,
        person_item(found.person, names),
        list(question.weeks),
        hours(found.assigned),
        hours(found.capacity),
        [counted_assignment(each) for each in found.assignments],
        follows,
    )


def assignment_body(
    found: AssignmentDrill, names: Names, *, question: Question, position: int
) -> AssignmentDrillAnswer:
    """Return an assignment."""
    about = found.assignment
    return AssignmentDrillAnswer(
        position,
        about.assignment_id,
        state_of(about),
        about.probability_percent,
        None if found.person is None else person_item(found.person, names),
        about.project_id,
        about.project_name,
        about.client,
        about.department_id,
        about.project_role_id,
        about.project_role_name,
        list(question.weeks),
        hours(found.counted),
        hours(found.set_units),
    )
