"""Assignments: whose hours, or which project role's, go into which project, week by week."""

from collections.abc import Mapping
from uuid import UUID

from msgspec import Struct
from msgspec.structs import asdict

from domain.aggregate import Aggregate, Event, evolves
from domain.assignments.weeks import WeekUnits, changes_to, merged
from domain.errors import NotFound, Refused
from domain.identity import identity_once

FIRM_PERCENT = 100


class AssignmentNotFound(NotFound):
    """No assignment has this id."""

    code = "assignment-not-found"

    def __init__(self, assignment_id: int) -> None:
        self.assignment_id = assignment_id
        super().__init__(f"Assignment {assignment_id} is not known")


class PreHireWeekLocked(Refused):
    """Hours would stand before the week in which the person is hired."""

    code = "pre-hire-week-locked"
    original_code = "PRE_HIRE_WEEK_LOCKED"

    def __init__(self, assignment_id: int, weeks: tuple[str, ...], hire_week: str) -> None:
        self.assignment_id, self.weeks, self.hire_week = assignment_id, weeks, hire_week
        self.field = f"weekly_hours/{weeks[0]}"
        super().__init__(
            "Cannot assign hours before employee hire week: assignment "
            f"{assignment_id} has hours in the week of {weeks[0]}"
            f"{f' and {len(weeks) - 1} more' if len(weeks) > 1 else ''}, "
            f"the first week allowed is {hire_week}"
        )


class AssignmentFacts(Struct, frozen=True, kw_only=True):
    """What a planning document says of an assignment, but for its hours."""

    assignment_id: int
    person_id: int | None = None
    project_id: int | None = None
    department_id: int | None = None
    project_role_id: int | None = None
    is_active: bool = True


class Assignment(Aggregate):
    assignment_id: int
    person_id: int | None
    project_id: int | None
    department_id: int | None
    project_role_id: int | None
    is_active: bool
    probability_percent: int
    weeks: WeekUnits

    in_hours = frozenset({"weeks"})

    class Made(Event, topic="assignments.assignment_made"):
        """Made the assignment {assignment_id} of person {person_id} to project {project_id}."""

        assignment_id: int
        person_id: int | None
        project_id: int | None
        department_id: int | None
        project_role_id: int | None
        is_active: bool
        probability_percent: int = FIRM_PERCENT

    class GivenTo(Event, topic="assignments.assignment_given_to"):
        """Gave the assignment {assignment_id} to person {person_id}, role {project_role_id}."""

        assignment_id: int
        person_id: int | None
        project_role_id: int | None

    class Placed(Event, topic="assignments.assignment_placed"):
        """Placed the assignment {assignment_id} in project {project_id}, dep. {department_id}."""

        assignment_id: int
        project_id: int | None
        department_id: int | None

    class ProbabilityChanged(Event, topic="assignments.assignment_probability_changed"):
        """Made the assignment {assignment_id} {probability_percent} percent probable."""

        assignment_id: int
        probability_percent: int  # 100 is firm, below is tentative

    class HoursSet(Event, topic="assignments.hours_set"):
        """Set hours of the assignment {assignment_id} by week: {weeks:hours}."""

        assignment_id: int
        weeks: WeekUnits  # those that changed, ascending; 0 units: none any more

    class Ended(Event, topic="assignments.assignment_ended"):
        """Ended the assignment {assignment_id}."""

        assignment_id: int

    class Resumed(Event, topic="assignments.assignment_resumed"):
        """Resumed the assignment {assignment_id}."""

        assignment_id: int

    @staticmethod
    def identity(assignment_id: int) -> UUID:
        return identity_once("assignments.assignment", str(assignment_id))

    # Decisions.

    def declare(self, facts: AssignmentFacts, *, hire_week: str = "") -> None:
        """Be as these facts say; quiet where it is so already.

        Given to another person, all its hours must stand in or after `hire_week`, that person's
        first. Raises PreHireWeekLocked.
        """
        if not self.exists:
            self.record(self.Made(**asdict(facts)))
            return
        assignment_id = facts.assignment_id
        if (facts.person_id, facts.project_role_id) != (self.person_id, self.project_role_id):
            if facts.person_id != self.person_id:
                self._check_hired(dict(self.weeks), hire_week)
            self.record(
                self.GivenTo(
                    assignment_id=assignment_id,
                    person_id=facts.person_id,
                    project_role_id=facts.project_role_id,
                )
            )
        if (facts.project_id, facts.department_id) != (self.project_id, self.department_id):
            self.record(
                self.Placed(
                    assignment_id=assignment_id,
                    project_id=facts.project_id,
                    department_id=facts.department_id,
                )
            )
        if facts.is_active != self.is_active:
            self.record(
                (self.Resumed if facts.is_active else self.Ended)(assignment_id=assignment_id)
            )

    def set_all_hours(self, wanted: Mapping[str, int], *, hire_week: str = "") -> None:
        """Have exactly these units by week; quiet where it is so. Raises PreHireWeekLocked."""
        self._change_hours(changes_to(self.weeks, wanted), hire_week)

    def set_hours(self, changes: Mapping[str, int], *, hire_week: str = "") -> None:
        """Have these units in these weeks, and the others as they are. Raises PreHireWeekLocked."""
        known = dict(self.weeks)
        changed = {week: units for week, units in changes.items() if units != known.get(week, 0)}
        self._change_hours(tuple(sorted(changed.items())), hire_week)

    def _change_hours(self, changes: WeekUnits, hire_week: str) -> None:
        self._check_hired(dict(changes), hire_week)
        if changes:
            self.record(self.HoursSet(assignment_id=self.assignment_id, weeks=changes))

    def _check_hired(self, units_by_week: Mapping[str, int], hire_week: str) -> None:
        """Refuse hours before the hire week; none may be there, and old ones may stay."""
        early = sorted(week for week, units in units_by_week.items() if units and week < hire_week)
        if early:
            raise PreHireWeekLocked(self.assignment_id, tuple(early), hire_week)

    def change_probability(self, probability_percent: int) -> None:
        """Become firm (100) or tentative (below); quiet where it is so already."""
        if probability_percent != self.probability_percent:
            self.record(
                self.ProbabilityChanged(
                    assignment_id=self.assignment_id, probability_percent=probability_percent
                )
            )

    def end(self) -> None:
        """Count no more; its hours stay with it. Ended already is quiet."""
        if self.is_active:
            self.record(self.Ended(assignment_id=self.assignment_id))

    # Evolutions.

    @evolves(Made)
    def _made(self, event: Made) -> None:
        self.assignment_id = event.assignment_id
        self.person_id = event.person_id
        self.project_id = event.project_id
        self.department_id = event.department_id
        self.project_role_id = event.project_role_id
        self.is_active = event.is_active
        self.probability_percent = event.probability_percent
        self.weeks = ()

    @evolves(GivenTo)
    def _given_to(self, event: GivenTo) -> None:
        self.person_id = event.person_id
        self.project_role_id = event.project_role_id

    @evolves(Placed)
    def _placed(self, event: Placed) -> None:
        self.project_id = event.project_id
        self.department_id = event.department_id

    @evolves(ProbabilityChanged)
    def _probability_changed(self, event: ProbabilityChanged) -> None:
        self.probability_percent = event.probability_percent

    @evolves(HoursSet)
    def _hours_set(self, event: HoursSet) -> None:
        self.weeks = merged(self.weeks, event.weeks)

    @evolves(Ended)
    def _ended(self, event: Ended) -> None:
        self.is_active = False

    @evolves(Resumed)
    def _resumed(self, event: Resumed) -> None:
        self.is_active = True
