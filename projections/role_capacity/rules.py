"""What every event of planning does to which row."""

from datetime import UTC, datetime, timedelta
from typing import Any

from domain.aggregate import Event
from domain.assignments import (
    Assignment,
    Department,
    Person,
    Project,
    ProjectRole,
    Role,
    RoleMapping,
    Vertical,
)
from projections.projection import Projection, events_of
from projections.role_capacity.by_week import by_week, by_week_text
from projections.role_capacity.derivation import RoleCapacityDerivation
from projections.role_capacity.tables import (
    PLANNED,
    AssignmentRow,
    DepartmentRow,
    MappingRow,
    NameCipherRow,
    NewsRow,
    PersonRow,
    ProjectRoleRow,
    ProjectRow,
    RoleRow,
    TimeOffRow,
    VerticalRow,
    assignments,
    departments,
    name_ciphers,
    people,
    planning_news,
    project_roles,
    projects,
    role_mappings,
    roles,
    time_off,
    verticals,
)
from projections.role_capacity.totals import DERIVED
from projections.role_capacity.weeks import weeks_counted

_PLANNING = (
    Vertical, Department, Role, Person, Project, ProjectRole, RoleMapping, Assignment
)  # fmt: skip
_OF_NAMES = (Person.Renamed, Person.Forgotten)  # which no figure knows

role_capacity = Projection(
    "role_capacity",
    version=2,
    rows={**PLANNED, **DERIVED},
    subscribes=events_of(*_PLANNING),
    owned=tuple(PLANNED),
    derivation=RoleCapacityDerivation(),
)
rule = role_capacity.rule


@rule(planning_news, *(each for each in role_capacity.subscribes if each not in _OF_NAMES))
def _news(_: NewsRow | None, event: Event, position: int) -> NewsRow:
    return NewsRow(event.originator_id.bytes, position)


# Verticals, departments and roles.


@rule(verticals, Vertical.Added, Vertical.Renamed, key=lambda event: event.vertical_id)
def _vertical(_: VerticalRow | None, event: Any, _position: int) -> VerticalRow:
    return VerticalRow(event.vertical_id, event.name)


def _department_id(event: Any) -> int:
    return int(event.department_id)


@rule(departments, Department.Added, key=_department_id)
def _department_added(
    _: DepartmentRow | None, event: Department.Added, _position: int
) -> DepartmentRow:
    return DepartmentRow(
        event.department_id, event.name, event.vertical_id, event.parent_id, int(event.is_active)
    )


@rule(departments, Department.Renamed, key=_department_id)
def _department_renamed(
    row: DepartmentRow, event: Department.Renamed, _position: int
) -> DepartmentRow:
    row.name = event.name
    return row


@rule(departments, Department.Placed, key=_department_id)
def _department_placed(
    row: DepartmentRow, event: Department.Placed, _position: int
) -> DepartmentRow:
    row.vertical_id, row.parent_id = event.vertical_id, event.parent_id
    return row


@rule(departments, Department.Closed, Department.Reopened, key=_department_id)
def _department_opened_or_closed(row: DepartmentRow, event: Event, _position: int) -> DepartmentRow:
    row.is_active = int(isinstance(event, Department.Reopened))
    return row


def _role_id(event: Any) -> int:
    return int(event.role_id)


@rule(roles, Role.Added, key=_role_id)
def _role_added(_: RoleRow | None, event: Role.Added, _position: int) -> RoleRow:
    return RoleRow(event.role_id, event.name, event.sort_order, int(event.is_active))


@rule(roles, Role.Renamed, key=_role_id)
def _role_renamed(row: RoleRow, event: Role.Renamed, _position: int) -> RoleRow:
    row.name = event.name
    return row


@rule(roles, Role.Reordered, key=_role_id)
def _role_reordered(row: RoleRow, event: Role.Reordered, _position: int) -> RoleRow:
    row.sort_order = event.sort_order
    return row


@rule(roles, Role.Retired, Role.Restored, key=_role_id)
def _role_retired_or_restored(row: RoleRow, event: Event, _position: int) -> RoleRow:
    row.is_active = int(isinstance(event, Role.Restored))
    return row


# People.


def _person_id(event: Any) -> int:
    return int(event.person_id)


@rule(people, Person.Hired, key=_person_id)
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


@rule(name_ciphers, Person.Hired, Person.Renamed, key=_person_id)
def _named(_: NameCipherRow | None, event: Any, _position: int) -> NameCipherRow:
    return NameCipherRow(event.person_id, event.name_cipher)


@rule(name_ciphers, Person.Forgotten, key=_person_id)
def _forgotten(_: NameCipherRow | None, event: Person.Forgotten, _position: int) -> None:
    return None


@rule(people, Person.MovedDepartment, key=_person_id)
def _moved_department(row: PersonRow, event: Person.MovedDepartment, _position: int) -> PersonRow:
    row.department_id = event.department_id
    return row


@rule(people, Person.ChangedRole, key=_person_id)
def _changed_role(row: PersonRow, event: Person.ChangedRole, _position: int) -> PersonRow:
    row.role_id = event.role_id
    return row


@rule(people, Person.WeeklyCapacityChanged, key=_person_id)
def _weekly_capacity_changed(
    row: PersonRow, event: Person.WeeklyCapacityChanged, _position: int
) -> PersonRow:
    row.weekly_capacity_units = event.weekly_capacity_units
    return row


@rule(people, Person.HireDateChanged, key=_person_id)
def _hire_date_changed(row: PersonRow, event: Person.HireDateChanged, _position: int) -> PersonRow:
    row.hire_date = event.hire_date or ""
    return _with_weeks(row)


@rule(people, Person.LeavingDateSet, key=_person_id)
def _leaving_date_set(row: PersonRow, event: Person.LeavingDateSet, _position: int) -> PersonRow:
    row.leaving_date = event.leaving_date or ""
    return _with_weeks(row)


@rule(people, Person.Deactivated, Person.Reactivated, key=_person_id)
def _deactivated_or_reactivated(row: PersonRow, event: Event, _position: int) -> PersonRow:
    row.is_active = int(isinstance(event, Person.Reactivated))
    return row


def _with_weeks(row: PersonRow) -> PersonRow:
    dates = row.hire_date, row.leaving_date
    row.hire_week_from, row.hire_week_until = weeks_counted(*dates, "hire_week")
    row.strict_from, row.strict_until = weeks_counted(*dates, "strict")
    return row


def _time_off_key(event: Any) -> tuple[int, str]:
    return event.person_id, event.week_start


@rule(time_off, Person.TimeOffTaken, key=_time_off_key)
def _time_off_taken(_: TimeOffRow | None, event: Person.TimeOffTaken, _position: int) -> TimeOffRow:
    return TimeOffRow(event.person_id, event.week_start, event.units)


@rule(time_off, Person.TimeOffCancelled, key=_time_off_key)
def _time_off_cancelled(
    _: TimeOffRow | None, event: Person.TimeOffCancelled, _position: int
) -> None:
    return None


# Projects, and whom they look for.


@rule(projects, Project.Added, Project.Changed, key=lambda event: event.project_id)
def _project(_: ProjectRow | None, event: Any, _position: int) -> ProjectRow:
    return ProjectRow(
        event.project_id,
        event.name,
        event.client,
        event.vertical_id,
        event.status,
        int(event.is_active),
        event.template_id,
    )


@rule(project_roles, ProjectRole.Added, ProjectRole.Changed, key=lambda e: e.project_role_id)
def _project_role(_: ProjectRoleRow | None, event: Any, _position: int) -> ProjectRoleRow:
    return ProjectRoleRow(event.project_role_id, event.name, event.department_id)


def _mapping_key(event: Any) -> tuple[str, int]:
    return "" if event.template_id is None else str(event.template_id), event.project_role_id


@rule(role_mappings, RoleMapping.Mapped, key=_mapping_key)
def _mapped(_: MappingRow | None, event: RoleMapping.Mapped, _position: int) -> MappingRow | None:
    if not event.role_ids:
        return None
    return MappingRow(*_mapping_key(event), ",".join(map(str, event.role_ids)))


# Assignments.


def _assignment_id(event: Any) -> int:
    return int(event.assignment_id)


@rule(assignments, Assignment.Made, key=_assignment_id)
def _made(_: AssignmentRow | None, event: Assignment.Made, _position: int) -> AssignmentRow:
    return AssignmentRow(
        assignment_id=event.assignment_id,
        person_id=event.person_id,
        project_id=event.project_id,
        department_id=event.department_id,
        project_role_id=event.project_role_id,
        is_active=int(event.is_active),
        probability_percent=event.probability_percent,
        weekly_hours="{}",
        changed_at_us=_recorded_at_us(event),
        changed_at_us_by_week="{}",
    )


@rule(assignments, Assignment.GivenTo, key=_assignment_id)
def _given_to(row: AssignmentRow, event: Assignment.GivenTo, _position: int) -> AssignmentRow:
    row.person_id, row.project_role_id = event.person_id, event.project_role_id
    return _changed(row, event)


@rule(assignments, Assignment.Placed, key=_assignment_id)
def _placed(row: AssignmentRow, event: Assignment.Placed, _position: int) -> AssignmentRow:
    row.project_id, row.department_id = event.project_id, event.department_id
    return _changed(row, event)


@rule(assignments, Assignment.ProbabilityChanged, key=_assignment_id)
def _probability_changed(
    row: AssignmentRow, event: Assignment.ProbabilityChanged, _position: int
) -> AssignmentRow:
    row.probability_percent = event.probability_percent
    return _changed(row, event)


@rule(assignments, Assignment.HoursSet, key=_assignment_id)
def _hours_set(row: AssignmentRow, event: Assignment.HoursSet, _position: int) -> AssignmentRow:
    said, before = dict(event.weeks), by_week(row.weekly_hours)
    row.changed_at_us = changed_at_us = _recorded_at_us(event)
    units_by_week, times = said, dict.fromkeys(said, changed_at_us)
    if before.keys() - said.keys():  # else nothing is left of what was
        units_by_week, times = before | said, by_week(row.changed_at_us_by_week) | times
    if not all(units_by_week.values()):
        units_by_week = {week: each for week, each in units_by_week.items() if each}
        times = {week: each for week, each in times.items() if week in units_by_week}
    row.weekly_hours = by_week_text(units_by_week)
    row.changed_at_us_by_week = by_week_text(times)
    return row


@rule(assignments, Assignment.Ended, Assignment.Resumed, key=_assignment_id)
def _ended_or_resumed(row: AssignmentRow, event: Event, _position: int) -> AssignmentRow:
    row.is_active = int(isinstance(event, Assignment.Resumed))
    return _changed(row, event)


def _changed(row: AssignmentRow, event: Event) -> AssignmentRow:
    """Note when something changed that concerns all its weeks."""
    row.changed_at_us = _recorded_at_us(event)
    weeks = by_week(row.changed_at_us_by_week)
    row.changed_at_us_by_week = by_week_text(dict.fromkeys(weeks, row.changed_at_us))
    return row


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def _recorded_at_us(event: Event) -> int:
    return (event.provenance.recorded_at - _EPOCH) // _MICROSECOND
