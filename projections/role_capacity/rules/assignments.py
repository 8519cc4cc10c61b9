"""What becomes of assignments and their hours, and when each week of them was changed."""

from collections.abc import Mapping

from domain.aggregate import Event
from domain.assignments import Assignment
from projections.moments import recorded_at_us
from projections.role_capacity.by_week import by_week, by_week_text, changed_at_us_by_week
from projections.role_capacity.rules.projection import key_of, rule
from projections.role_capacity.tables import AssignmentRow, assignments


@rule(assignments, Assignment.Made, key=key_of(assignments))
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
        changed_at_us=recorded_at_us(event),
        changed_earlier_us_by_week="{}",
    )


@rule(assignments, Assignment.GivenTo, key=key_of(assignments))
def _given_to(row: AssignmentRow, event: Assignment.GivenTo, _position: int) -> AssignmentRow:
    row.person_id, row.project_role_id = event.person_id, event.project_role_id
    return _changed(row, event)


@rule(assignments, Assignment.Placed, key=key_of(assignments))
def _placed(row: AssignmentRow, event: Assignment.Placed, _position: int) -> AssignmentRow:
    row.project_id, row.department_id = event.project_id, event.department_id
    return _changed(row, event)


@rule(assignments, Assignment.ProbabilityChanged, key=key_of(assignments))
def _probability_changed(
    row: AssignmentRow, event: Assignment.ProbabilityChanged, _position: int
) -> AssignmentRow:
    row.probability_percent = event.probability_percent
    return _changed(row, event)


@rule(assignments, Assignment.HoursSet, key=key_of(assignments))
def _hours_set(row: AssignmentRow, event: Assignment.HoursSet, _position: int) -> AssignmentRow:
    said, before = dict(event.weeks), by_week(row.weekly_hours)
    units_by_week, earlier = said, {}
    if not before.keys() <= said.keys():
        units_by_week, changed_at_us = before | said, changed_at_us_by_week(row)
        earlier = {week: changed_at_us[week] for week in before.keys() - said.keys()}
    if not all(units_by_week.values()):
        units_by_week = {week: each for week, each in units_by_week.items() if each}
    row.weekly_hours = by_week_text(units_by_week)
    return _changed(row, event, earlier)


@rule(assignments, Assignment.Ended, Assignment.Resumed, key=key_of(assignments))
def _ended_or_resumed(row: AssignmentRow, event: Event, _position: int) -> AssignmentRow:
    row.is_active = int(isinstance(event, Assignment.Resumed))
    return _changed(row, event)


def _changed(
    row: AssignmentRow, event: Event, earlier: Mapping[str, int] | None = None
) -> AssignmentRow:
    """Note when something changed that concerns all weeks, but for those that changed earlier."""
    row.changed_at_us = recorded_at_us(event)
    row.changed_earlier_us_by_week = by_week_text(earlier) if earlier else "{}"
    return row
