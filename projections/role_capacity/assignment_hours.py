"""What assignments come to week by week, with whose they are and what for."""

from collections.abc import Iterable, Sequence
from typing import Any

from msgspec import Struct, json
from msgspec.structs import replace
from sqlalchemy import ColumnElement, Connection, Select, or_, select

from domain.assignments import AssignmentNotFound
from projections.role_capacity.from_week_rows import hours_of_people, shown_hours
from projections.role_capacity.hiding import hidden_projects
from projections.role_capacity.questions import Question
from projections.role_capacity.tables import assignments, people, project_roles, projects
from projections.role_capacity.totals import week_hours
from projections.role_capacity.weeks_of_people import ListedPerson, listed_people, listed_person

_columns = week_hours.c


class ListedAssignment(Struct, frozen=True):
    """An assignment; of a placeholder `person_id` is None."""

    assignment_id: int
    person_id: int | None
    project_id: int | None
    project_name: str
    client: str
    vertical_id: int | None
    template_id: int | None
    department_id: int | None
    project_role_id: int | None
    project_role_name: str
    is_active: bool
    probability_percent: int
    weekly_hours: str  # all that were set, as JSON


class AssignmentHours(Struct, frozen=True):
    """An assignment and the units of it that count, week by week."""

    assignment: ListedAssignment
    units: tuple[int, ...]


class AssignmentDrill(Struct, frozen=True):
    """One assignment: what counts of it, and what was set."""

    assignment: ListedAssignment
    person: ListedPerson | None  # whose it is; None: nobody's yet
    is_seen: bool  # whether its project is of the vertical that is asked about
    counted: tuple[int, ...]
    set_units: tuple[int, ...]


class Counting:
    """The conditions under which hours count in a question; `everywhere`: of every vertical."""

    def __init__(
        self, connection: Connection, question: Question, *, everywhere: bool = False
    ) -> None:
        if everywhere:
            question = replace(question, vertical_id=None)
        self.hidden = hidden_projects(connection, question.hidden_words)
        self.shown = shown_hours(question, self.hidden)
        self.of_people = [*self.shown, *hours_of_people(question)]
        self.of_placeholders = [*self.shown, _columns.person_id.is_(None)]
        if (wanted := question.department_id) is not None:
            its_own, of_role = _columns.department_id, _columns.project_role_department_id
            self.of_placeholders.append(or_(its_own == wanted, of_role == wanted))


def counted_assignments(
    connection: Connection,
    question: Question,
    counted: Sequence[ColumnElement[bool]],
    *,
    after: int,
    limit: int,
) -> list[AssignmentHours]:
    """Return assignments with hours that count, by id from behind one on; at most so many."""
    found = select(_columns.assignment_id).where(*counted, _columns.assignment_id > after)
    page = found.distinct().order_by(_columns.assignment_id).limit(limit)
    ids = list(connection.scalars(page))
    units = _units(connection, ids, counted)
    return [
        AssignmentHours(
            each, tuple(units.get((each.assignment_id, week), 0) for week in question.weeks)
        )
        for each in _listed(connection, ids)
    ]


def counted_of_people(
    connection: Connection, question: Question, person_ids: Sequence[int]
) -> dict[tuple[int, str], list[tuple[ListedAssignment, int]]]:
    """Return what counts of people's assignments by person and week, of every vertical."""
    if not person_ids:
        return {}
    counted = Counting(connection, question, everywhere=True).shown
    theirs = select(assignments.c.assignment_id).where(assignments.c.person_id.in_(person_ids))
    ids = list(connection.scalars(theirs))
    units = _units(connection, ids, counted)
    listed = {each.assignment_id: each for each in _listed(connection, ids)}
    found: dict[tuple[int, str], list[tuple[ListedAssignment, int]]] = {}
    for (assignment_id, week), more in sorted(units.items()):
        assignment = listed[assignment_id]
        if assignment.person_id is not None:
            found.setdefault((assignment.person_id, week), []).append((assignment, more))
    return found


def assignment_drill(
    connection: Connection, *, question: Question, assignment_id: int
) -> AssignmentDrill:
    """Return one assignment's hours. Raises AssignmentNotFound, also for a hidden project's."""
    counting = Counting(connection, question)
    found = _listed(connection, [assignment_id])
    if not found or found[0].project_id in counting.hidden:
        raise AssignmentNotFound(assignment_id)
    [listed] = found
    conditions = counting.of_placeholders if listed.person_id is None else counting.of_people
    units = _units(connection, [assignment_id], conditions)
    set_units = json.decode(listed.weekly_hours, type=dict[str, int])
    return AssignmentDrill(
        listed,
        _person(connection, question, listed.person_id),
        is_seen=question.vertical_id in (None, listed.vertical_id),
        counted=tuple(units.get((assignment_id, week), 0) for week in question.weeks),
        set_units=tuple(set_units.get(week, 0) for week in question.weeks),
    )


def _person(
    connection: Connection, question: Question, person_id: int | None
) -> ListedPerson | None:
    found = listed_people(question).where(people.c.person_id == person_id)
    row = connection.execute(found).one_or_none()
    return None if row is None else listed_person(row)


def _units(
    connection: Connection, ids: Iterable[int], counted: Sequence[ColumnElement[bool]]
) -> dict[tuple[int, str], int]:
    found = connection.execute(
        select(_columns.assignment_id, _columns.week_start, _columns.units).where(
            _columns.assignment_id.in_(ids), *counted
        )
    )
    return {(assignment_id, week): int(units) for assignment_id, week, units in found}


def _listed(connection: Connection, ids: Iterable[int]) -> list[ListedAssignment]:
    found = _assignments().where(assignments.c.assignment_id.in_(ids))
    return [
        ListedAssignment(
            assignment_id=row.assignment_id,
            person_id=row.person_id,
            project_id=row.project_id,
            project_name=row.project_name or "",
            client=row.client or "",
            vertical_id=row.vertical_id,
            template_id=row.template_id,
            department_id=row.department_id,
            project_role_id=row.project_role_id,
            project_role_name=row.project_role_name or "",
            is_active=bool(row.is_active),
            probability_percent=row.probability_percent,
            weekly_hours=row.weekly_hours,
        )
        for row in connection.execute(found.order_by(assignments.c.assignment_id))
    ]


def _assignments() -> Select[Any]:
    columns = assignments.c
    return (
        select(
            columns.assignment_id,
            columns.person_id,
            columns.project_id,
            projects.c.name.label("project_name"),
            projects.c.client,
            projects.c.vertical_id,
            projects.c.template_id,
            columns.department_id,
            columns.project_role_id,
            project_roles.c.name.label("project_role_name"),
            columns.is_active,
            columns.probability_percent,
            columns.weekly_hours,
        )
        .select_from(assignments)
        .outerjoin(projects, projects.c.project_id == columns.project_id)
        .outerjoin(project_roles, project_roles.c.project_role_id == columns.project_role_id)
    )
