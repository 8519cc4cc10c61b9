"""What every door answers of people's time: how used it is, who has some left, who has too much."""

import re
from collections.abc import Sequence
from decimal import Decimal

from msgspec import UNSET, Struct, UnsetType

from domain.errors import Invalid
from domain.names import shown
from interfaces.role_capacity import UNITS_PER_HOUR
from interfaces.role_views import AssignmentState, Names, PersonItem, hours, person_item, state_of
from projections.role_capacity import (
    Availability,
    Candidate,
    OverAllocated,
    OverWeek,
    PersonWeek,
    PersonWeeks,
    Question,
    Reason,
    State,
)

MAX_NEEDED_HOURS = 168
_DECIMAL = re.compile(r"[0-9]{1,3}(\.[0-9]{1,4})?")  # as exact as the ledger is

# Utilization.


class UsedWeek(Struct, frozen=True, rename="camel"):
    """One week in hours; `percent` is of the capacity, 0 where there is none."""

    week: str
    state: State
    assigned: float
    capacity: float
    available: float
    percent: float
    tentative: float | UnsetType = UNSET


class UsedSpan(Struct, frozen=True, rename="camel"):
    """All weeks together."""

    assigned: float
    capacity: float
    available: float
    percent: float
    over_weeks: int
    peak_week: str | None
    peak_percent: float


class UtilizationAnswer(Struct, frozen=True, rename="camel"):
    """How much of somebody's time is used."""

    position: int
    person: PersonItem
    weeks: list[UsedWeek]
    total: UsedSpan


def utilization_body(
    found: PersonWeeks, names: Names, *, question: Question, position: int
) -> UtilizationAnswer:
    """Return how used somebody's weeks are."""
    weeks = [
        _used_week(key, week, tentative=question.include_tentative)
        for key, week in zip(question.weeks, found.weeks, strict=True)
    ]
    return UtilizationAnswer(position, person_item(found.person, names), weeks, _span(found, weeks))


def _used_week(key: str, week: PersonWeek, *, tentative: bool) -> UsedWeek:
    return UsedWeek(
        key,
        week.state,
        week.assigned_units / UNITS_PER_HOUR,
        week.capacity_units / UNITS_PER_HOUR,
        _free_units(week) / UNITS_PER_HOUR,
        percent(week.assigned_units, week.capacity_units),
        week.tentative_units / UNITS_PER_HOUR if tentative else UNSET,
    )


def _span(found: PersonWeeks, weeks: Sequence[UsedWeek]) -> UsedSpan:
    assigned = sum(each.assigned_units for each in found.weeks)
    capacity = sum(each.capacity_units for each in found.weeks)
    peak = max(weeks, key=lambda each: each.percent)
    return UsedSpan(
        assigned / UNITS_PER_HOUR,
        capacity / UNITS_PER_HOUR,
        sum(_free_units(each) for each in found.weeks) / UNITS_PER_HOUR,
        percent(assigned, capacity),
        sum(each.state == "over" for each in weeks),
        peak.week if peak.percent else None,
        peak.percent,
    )


def _free_units(week: PersonWeek) -> int:
    return max(0, week.capacity_units - week.assigned_units)


def percent(units: int, capacity_units: int) -> float:
    """Return a share of a capacity; 0 where there is none."""
    return 100 * units / capacity_units if capacity_units > 0 else 0.0


# Availability.


class AvailablePerson(Struct, frozen=True, rename="camel"):
    """Somebody with enough hours; `because` says what their rank goes by."""

    rank: int
    person: PersonItem
    free: list[float]
    least_free: float
    total_free: float
    because: str


class ExcludedPerson(Struct, frozen=True, rename="camel"):
    """Somebody without enough hours in `week`, their tightest; `because` says why."""

    person: PersonItem
    free: list[float]
    week: str
    reason: Reason
    because: str


class AvailabilityAnswer(Struct, frozen=True, rename="camel"):
    """Who has the hours in each week, best first, and the nearest of those who have not."""

    position: int
    week_keys: list[str]
    hours: float
    available: list[AvailablePerson]
    available_count: int
    excluded: list[ExcludedPerson]
    excluded_count: int


def read_needed(text: str) -> int:
    """Return hours that are sought, in units. Raises Invalid."""
    units = int(Decimal(text) * UNITS_PER_HOUR) if _DECIMAL.fullmatch(text) else 0
    if not 0 < units <= MAX_NEEDED_HOURS * UNITS_PER_HOUR:
        detail = f"found {shown(text)}, hours above 0 and up to {MAX_NEEDED_HOURS} are needed"
        raise Invalid(("/hours", f"{detail}, with at most 4 decimals"))
    return units


def availability_body(
    found: Availability, names: Names, *, question: Question, needed_units: int, position: int
) -> AvailabilityAnswer:
    """Return who has the hours, ranked and explained."""
    return AvailabilityAnswer(
        position,
        list(question.weeks),
        needed_units / UNITS_PER_HOUR,
        [_available(rank, each, names) for rank, each in enumerate(found.available, start=1)],
        found.available_count,
        [_excluded(each, names, needed_units) for each in found.excluded],
        found.excluded_count,
    )


def _available(rank: int, found: Candidate, names: Names) -> AvailablePerson:
    least, total = found.least_units / UNITS_PER_HOUR, sum(found.free_units) / UNITS_PER_HOUR
    because = f"{least:g} h free in the tightest week, {found.tightest_week}; {total:g} h in all"
    person = person_item(found.person, names)
    return AvailablePerson(rank, person, hours(found.free_units), least, total, because)


def _excluded(found: Candidate, names: Names, needed_units: int) -> ExcludedPerson:
    assert found.excluded is not None
    needed = needed_units / UNITS_PER_HOUR
    why = {
        "not_hired": "not hired yet",
        "left": "has left",
        "off": "off",
        "too_few_hours": f"{found.least_units / UNITS_PER_HOUR:g} h free, {needed:g} h are needed",
    }[found.excluded]
    return ExcludedPerson(
        person_item(found.person, names),
        hours(found.free_units),
        found.tightest_week,
        found.excluded,
        f"{found.tightest_week}: {why}",
    )


# Over-allocation.


class OverAssignment(Struct, frozen=True, rename="camel"):
    """What an assignment has in a week with too much."""

    assignment_id: int
    project_id: int | None
    project_name: str
    state: AssignmentState
    hours: float


class OverWeekItem(Struct, frozen=True, rename="camel"):
    """A week with too much; `elsewhere` are hours in verticals that the caller does not see."""

    week: str
    assigned: float
    capacity: float
    over: float
    assignments: list[OverAssignment]
    elsewhere: float


class OverAllocatedPerson(Struct, frozen=True, rename="camel"):
    person: PersonItem
    weeks: list[OverWeekItem]


class OverAllocationAnswer(Struct, frozen=True, rename="camel"):
    """People with weeks strictly above their capacity; `next` is the cursor of the next page."""

    position: int
    week_keys: list[str]
    people: list[OverAllocatedPerson]
    next: str | None


def over_allocation_body(
    found: Sequence[OverAllocated],
    names: Names,
    *,
    question: Question,
    position: int,
    follows: str | None,
    only_vertical: int | None,
) -> OverAllocationAnswer:
    """Return who has too much; assignments of one vertical alone are named, if one is given."""
    told = [
        OverAllocatedPerson(
            person_item(each.person, names),
            [_over_week(week, only_vertical) for week in each.weeks],
        )
        for each in found
    ]
    return OverAllocationAnswer(position, list(question.weeks), told, follows)


def _over_week(found: OverWeek, only_vertical: int | None) -> OverWeekItem:
    named = [
        (about, units)
        for about, units in found.assignments
        if only_vertical in (None, about.vertical_id)
    ]
    elsewhere = found.week.assigned_units - sum(units for _, units in named)
    return OverWeekItem(
        found.week_start,
        found.week.assigned_units / UNITS_PER_HOUR,
        found.week.capacity_units / UNITS_PER_HOUR,
        found.over_units / UNITS_PER_HOUR,
        [
            OverAssignment(
                about.assignment_id,
                about.project_id,
                about.project_name,
                state_of(about),
                units / UNITS_PER_HOUR,
            )
            for about, units in named
        ],
        elsewhere / UNITS_PER_HOUR,
    )
