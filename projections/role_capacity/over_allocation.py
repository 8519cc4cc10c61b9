"""Who has more to do in a week than they can give, by how much, and what makes it."""

from collections.abc import Sequence

from msgspec import Struct
from sqlalchemy import Connection, Select, and_, case, func, select

from projections.role_capacity.assignment_hours import (
    Counting,
    ListedAssignment,
    counted_of_people,
)
from projections.role_capacity.questions import Question
from projections.role_capacity.tables import people, time_off
from projections.role_capacity.totals import week_hours
from projections.role_capacity.weeks_of_people import (
    ListedPerson,
    PersonWeek,
    PersonWeeks,
    Place,
    people_weeks,
)

_columns = week_hours.c


class OverWeek(Struct, frozen=True):
    """One week with too much in it, and the units of each assignment that count in it."""

    week_start: str
    week: PersonWeek
    assignments: list[tuple[ListedAssignment, int]]

    @property
    def over_units(self) -> int:
        """How much too much it is."""
        return self.week.assigned_units - max(0, self.week.capacity_units)


class OverAllocated(Struct, frozen=True):
    """Somebody with the weeks that hold too much."""

    person: ListedPerson
    weeks: list[OverWeek]


def over_allocated(
    connection: Connection, *, question: Question, limit: int, after: Place | None = None
) -> list[OverAllocated]:
    """Return people with weeks strictly above their capacity, in the order of people."""
    among = _too_much(connection, question)
    found = people_weeks(connection, question=question, limit=limit, after=after, among=among)
    return _explained(connection, found, question)


def _too_much(connection: Connection, question: Question) -> Select[tuple[int]]:
    """Select those with more hours in some week than capacity; hours of every vertical count."""
    capacity, off = people.c.weekly_capacity_units, time_off.c.units
    left = capacity - (func.coalesce(off, 0) if question.include_time_off else 0)
    is_off = and_(
        time_off.c.person_id == _columns.person_id, time_off.c.week_start == _columns.week_start
    )
    counted = Counting(connection, question, everywhere=True).shown
    if question.department_id is not None:  # rows have it in an index
        counted = [*counted, _columns.department_id == question.department_id]
    return (
        select(_columns.person_id)
        .join_from(week_hours, people, _columns.person_id == people.c.person_id)
        .outerjoin(time_off, is_off)
        .where(*counted)
        .group_by(_columns.person_id, _columns.week_start, capacity, off)
        .having(func.sum(_columns.units) > case((left > 0, left), else_=0))
    )


def _explained(
    connection: Connection, found: Sequence[PersonWeeks], question: Question
) -> list[OverAllocated]:
    ids = [each.person.person_id for each in found]
    made_of = counted_of_people(connection, question, ids)
    return [
        OverAllocated(
            each.person,
            [
                OverWeek(week, cell, made_of.get((each.person.person_id, week), []))
                for week, cell in zip(question.weeks, each.weeks, strict=True)
                if cell.state == "over"
            ],
        )
        for each in found
    ]
