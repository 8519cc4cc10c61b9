"""What becomes of people: their dates, their names, and the weeks in which they are off."""

from typing import Any

from domain.assignments import Person
from projections.role_capacity.rules.projection import key_of, rule, switches, takes_over
from projections.role_capacity.tables import (
    NameCipherRow,
    PersonRow,
    TimeOffRow,
    name_ciphers,
    people,
    time_off,
)
from projections.role_capacity.weeks import weeks_counted


@rule(people, Person.Hired, key=key_of(people))
def _hired(_: PersonRow | None, event: Person.Hired, _position: int) -> PersonRow:
    row = PersonRow(
        person_id=event.person_id,
        role_id=event.role_id,
        department_id=event.department_id,
        weekly_capacity_units=event.weekly_capacity_units,
        hire_date=event.hire_date or "",
        leaving_date="",
        is_active=int(event.is_active),
        hire_week_from="",
        hire_week_until="",
        strict_from="",
        strict_until="",
    )
    return _with_weeks(row)


takes_over(people, Person.MovedDepartment, "department_id")
takes_over(people, Person.ChangedRole, "role_id")
takes_over(people, Person.WeeklyCapacityChanged, "weekly_capacity_units")
switches(people, on=Person.Reactivated, off=Person.Deactivated)


@rule(people, Person.HireDateChanged, key=key_of(people))
def _hire_date_changed(row: PersonRow, event: Person.HireDateChanged, _position: int) -> PersonRow:
    row.hire_date = event.hire_date or ""
    return _with_weeks(row)


@rule(people, Person.LeavingDateSet, key=key_of(people))
def _leaving_date_set(row: PersonRow, event: Person.LeavingDateSet, _position: int) -> PersonRow:
    row.leaving_date = event.leaving_date or ""
    return _with_weeks(row)


def _with_weeks(row: PersonRow) -> PersonRow:
    dates = row.hire_date, row.leaving_date
    row.hire_week_from, row.hire_week_until = weeks_counted(*dates, "hire_week")
    row.strict_from, row.strict_until = weeks_counted(*dates, "strict")
    return row


@rule(name_ciphers, Person.Hired, Person.Renamed, key=key_of(name_ciphers))
def _named(_: NameCipherRow | None, event: Any, _position: int) -> NameCipherRow:
    return NameCipherRow(event.person_id, event.name_cipher)


@rule(name_ciphers, Person.Forgotten, key=key_of(name_ciphers))
def _forgotten(_: NameCipherRow | None, event: Person.Forgotten, _position: int) -> None:
    return None


@rule(time_off, Person.TimeOffTaken, key=key_of(time_off))
def _time_off_taken(_: TimeOffRow | None, event: Person.TimeOffTaken, _position: int) -> TimeOffRow:
    return TimeOffRow(event.person_id, event.week_start, event.units)


@rule(time_off, Person.TimeOffCancelled, key=key_of(time_off))
def _time_off_cancelled(
    _: TimeOffRow | None, event: Person.TimeOffCancelled, _position: int
) -> None:
    return None
