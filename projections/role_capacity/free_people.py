"""Who has so many hours free in each week of a span: found, ranked, and why not the others.

Whoever has most left in their tightest week comes first, then whoever has most in all.
"""

import heapq
from typing import Literal

from msgspec import Struct
from sqlalchemy import Connection

from projections.role_capacity.questions import Question
from projections.role_capacity.weeks_of_people import ListedPerson, PersonWeeks, all_people_weeks

Reason = Literal["not_hired", "left", "off", "too_few_hours"]
REASONS: tuple[Reason, ...] = ("not_hired", "left", "off", "too_few_hours")


class Candidate(Struct, frozen=True):
    """Somebody with the hours that are free, in units; why not, if it is too little."""

    person: ListedPerson
    free_units: tuple[int, ...]
    tightest_week: str
    excluded: Reason | None

    @property
    def least_units(self) -> int:
        """What is free in the tightest week."""
        return min(self.free_units)


class Availability(Struct, frozen=True):
    """The best of those who have the hours, and the nearest of those who have not; all counted."""

    available: list[Candidate]
    available_count: int
    excluded: list[Candidate]
    excluded_count: int


def availability(
    connection: Connection, *, question: Question, needed_units: int, limit: int
) -> Availability:
    """Return who has the hours, and who has not, at most so many of each."""
    available, excluded = _Best(limit), _Best(limit)
    for each in all_people_weeks(connection, question=question):
        candidate = candidate_of(each, question.weeks, needed_units)
        (excluded if candidate.excluded else available).add(candidate)
    return Availability(available.ranked(), available.count, excluded.ranked(), excluded.count)


def candidate_of(found: PersonWeeks, weeks: tuple[str, ...], needed_units: int) -> Candidate:
    """Return what is free of somebody's weeks."""
    free = tuple(max(0, each.capacity_units - each.assigned_units) for each in found.weeks)
    tightest = free.index(min(free))
    state = found.weeks[tightest].state
    reason: Reason | None = None
    if free[tightest] < needed_units:
        reason = state if state in ("not_hired", "left", "off") else "too_few_hours"
    return Candidate(found.person, free, weeks[tightest], reason)


class _Best:
    """The first few of many, without keeping the others."""

    def __init__(self, limit: int) -> None:
        self._limit, self.count = limit, 0
        self._kept: list[tuple[tuple[int, int, int], Candidate]] = []

    def add(self, candidate: Candidate) -> None:
        # Nobody comes twice, so the running number decides before candidates are compared: of
        # equals the one who was there first is better.
        rank = (candidate.least_units, sum(candidate.free_units), -self.count)
        self.count += 1
        if len(self._kept) < self._limit:
            heapq.heappush(self._kept, (rank, candidate))
        elif rank > self._kept[0][0]:
            heapq.heapreplace(self._kept, (rank, candidate))

    def ranked(self) -> list[Candidate]:
        return [each for _, each in sorted(self._kept, key=lambda kept: kept[0], reverse=True)]
