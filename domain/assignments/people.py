"""People: who works in which role and department, from when, and how many hours a week.

A name stands here as a cipher only, under a key of that person which is kept outside the log.
"""

from collections.abc import Callable
from uuid import UUID

from msgspec import Struct
from msgspec.structs import asdict

from domain.aggregate import Aggregate, Event, evolves
from domain.assignments.weeks import UNITS_PER_HOUR, WeekUnits, merged
from domain.errors import NotFound, Refused
from domain.identity import identity_once

DEFAULT_WEEKLY_CAPACITY_UNITS = 36 * UNITS_PER_HOUR


class PersonNotFound(NotFound):
    """Nobody has this id."""

    code = "person-not-found"

    def __init__(self, person_id: int) -> None:
        self.person_id = person_id
        super().__init__(f"Person {person_id} is not known")


class LeavesBeforeHired(Refused):
    """Somebody would leave before they come."""

    code = "leaves-before-hired"

    def __init__(self, person_id: int, hire_date: str, leaving_date: str) -> None:
        self.person_id, self.hire_date, self.leaving_date = person_id, hire_date, leaving_date
        super().__init__(
            f"Person {person_id} is hired on {hire_date} and cannot leave on {leaving_date}"
        )


class PersonFacts(Struct, frozen=True, kw_only=True):
    """What a planning document says of a person; the name as its cipher."""

    person_id: int
    name_cipher: bytes
    role_id: int | None = None
    department_id: int | None = None
    weekly_capacity_units: int = DEFAULT_WEEKLY_CAPACITY_UNITS
    hire_date: str | None = None
    is_active: bool = True


class Person(Aggregate):
    person_id: int
    name_cipher: bytes
    role_id: int | None
    department_id: int | None
    weekly_capacity_units: int
    hire_date: str | None
    leaving_date: str | None
    is_active: bool
    time_off: WeekUnits

    in_hours = frozenset({"weekly_capacity_units", "time_off"})

    class Hired(Event, topic="assignments.person_hired"):
        """Hired the person {person_id} for {weekly_capacity_units:hours} a week."""

        person_id: int
        name_cipher: bytes
        role_id: int | None
        department_id: int | None
        weekly_capacity_units: int
        hire_date: str | None
        is_active: bool

    class Renamed(Event, topic="assignments.person_renamed"):
        """Renamed the person {person_id}."""

        person_id: int
        name_cipher: bytes

    class MovedDepartment(Event, topic="assignments.person_moved_department"):
        """Moved the person {person_id} to department {department_id}."""

        person_id: int
        department_id: int | None

    class ChangedRole(Event, topic="assignments.person_changed_role"):
        """Gave the person {person_id} the role {role_id}."""

        person_id: int
        role_id: int | None

    class WeeklyCapacityChanged(Event, topic="assignments.person_weekly_capacity_changed"):
        """Changed the capacity of the person {person_id} to {weekly_capacity_units:hours}."""

        person_id: int
        weekly_capacity_units: int

    class HireDateChanged(Event, topic="assignments.person_hire_date_changed"):
        """Changed the hire date of the person {person_id} to {hire_date}."""

        person_id: int
        hire_date: str | None

    class LeavingDateSet(Event, topic="assignments.person_leaving_date_set"):
        """Set the leaving date of the person {person_id}: {leaving_date}."""

        person_id: int
        leaving_date: str | None  # the last day; None: stays

    class Deactivated(Event, topic="assignments.person_deactivated"):
        """Deactivated the person {person_id}."""

        person_id: int

    class Reactivated(Event, topic="assignments.person_reactivated"):
        """Reactivated the person {person_id}."""

        person_id: int

    class TimeOffTaken(Event, topic="assignments.person_time_off_taken"):
        """The person {person_id} is off for {units:hours} in the week of {week_start}."""

        person_id: int
        week_start: str
        units: int

    class TimeOffCancelled(Event, topic="assignments.person_time_off_cancelled"):
        """Cancelled the time off of the person {person_id} in the week of {week_start}."""

        person_id: int
        week_start: str

    class Forgotten(Event, topic="assignments.person_forgotten"):
        """Forgot the name of the person {person_id}."""

        person_id: int

    @staticmethod
    def identity(person_id: int) -> UUID:
        return identity_once("assignments.person", str(person_id))

    # Decisions.

    def declare(self, facts: PersonFacts) -> None:
        """Be as these facts say; what they do not speak of stays. Whoever asks checks the dates."""
        if not self.exists:
            self.record(self.Hired(**asdict(facts)))
            return
        person_id = facts.person_id
        for field, happened in _SAID_ANEW.items():
            if (said := getattr(facts, field)) != getattr(self, field):
                self.record(happened(person_id=person_id, **{field: said}))
        if facts.is_active != self.is_active:
            self.record(
                (self.Reactivated if facts.is_active else self.Deactivated)(person_id=person_id)
            )

    def set_leaving_date(self, leaving_date: str | None) -> None:
        """Leave after that day, or stay; quiet where it is so already. Raises LeavesBeforeHired."""
        _check_dates(self.person_id, self.hire_date, leaving_date)
        if leaving_date != self.leaving_date:
            self.record(self.LeavingDateSet(person_id=self.person_id, leaving_date=leaving_date))

    def take_time_off(self, week_start: str, units: int) -> None:
        """Be off for so much of a week, all in all; none cancels it. Quiet where it is so."""
        if units == dict(self.time_off).get(week_start, 0):
            return
        person_id = self.person_id
        if units:
            taken = self.TimeOffTaken(person_id=person_id, week_start=week_start, units=units)
            self.record(taken)
        else:
            self.record(self.TimeOffCancelled(person_id=person_id, week_start=week_start))

    def forget(self) -> None:
        """Record that the name's key is deleted; a second time is quiet."""
        if self.name_cipher:
            self.record(self.Forgotten(person_id=self.person_id))

    def check_hire_date(self, hire_date: str | None) -> None:
        """Raise LeavesBeforeHired if somebody hired on that day would have left before."""
        if self.exists:
            _check_dates(self.person_id, hire_date, self.leaving_date)

    # Evolutions.

    @evolves(Hired)
    def _hired(self, event: Hired) -> None:
        self.person_id = event.person_id
        self.name_cipher = event.name_cipher
        self.role_id = event.role_id
        self.department_id = event.department_id
        self.weekly_capacity_units = event.weekly_capacity_units
        self.hire_date = event.hire_date
        self.leaving_date = None
        self.is_active = event.is_active
        self.time_off = ()

    @evolves(Renamed)
    def _renamed(self, event: Renamed) -> None:
        self.name_cipher = event.name_cipher

    @evolves(MovedDepartment)
    def _moved_department(self, event: MovedDepartment) -> None:
        self.department_id = event.department_id

    @evolves(ChangedRole)
    def _changed_role(self, event: ChangedRole) -> None:
        self.role_id = event.role_id

    @evolves(WeeklyCapacityChanged)
    def _weekly_capacity_changed(self, event: WeeklyCapacityChanged) -> None:
        self.weekly_capacity_units = event.weekly_capacity_units

    @evolves(HireDateChanged)
    def _hire_date_changed(self, event: HireDateChanged) -> None:
        self.hire_date = event.hire_date

    @evolves(LeavingDateSet)
    def _leaving_date_set(self, event: LeavingDateSet) -> None:
        self.leaving_date = event.leaving_date

    @evolves(Deactivated)
    def _deactivated(self, event: Deactivated) -> None:
        self.is_active = False

    @evolves(Reactivated)
    def _reactivated(self, event: Reactivated) -> None:
        self.is_active = True

    @evolves(TimeOffTaken)
    def _time_off_taken(self, event: TimeOffTaken) -> None:
        self.time_off = merged(self.time_off, ((event.week_start, event.units),))

    @evolves(TimeOffCancelled)
    def _time_off_cancelled(self, event: TimeOffCancelled) -> None:
        self.time_off = merged(self.time_off, ((event.week_start, 0),))

    @evolves(Forgotten)
    def _forgotten(self, event: Forgotten) -> None:
        self.name_cipher = b""


# The fact that each of these events is about, in the order in which they are recorded.
_SAID_ANEW: dict[str, Callable[..., Event]] = {
    "name_cipher": Person.Renamed,
    "department_id": Person.MovedDepartment,
    "role_id": Person.ChangedRole,
    "weekly_capacity_units": Person.WeeklyCapacityChanged,
    "hire_date": Person.HireDateChanged,
}


def _check_dates(person_id: int, hire_date: str | None, leaving_date: str | None) -> None:
    if hire_date and leaving_date and leaving_date < hire_date:
        raise LeavesBeforeHired(person_id, hire_date, leaving_date)
