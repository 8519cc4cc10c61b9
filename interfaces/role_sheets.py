"""Every view of role capacity as one table: a row for each role or person and week.

Rows are made as they are asked for, page by page, of the same answers that the doors send.
"""

from collections.abc import Iterator, Sequence
from itertools import islice

from sqlalchemy import Connection

from application.assignments import PersonNames
from interfaces.history import ToldAnswer
from interfaces.people_views import (
    AvailabilityAnswer,
    UtilizationAnswer,
    over_allocation_body,
)
from interfaces.role_capacity import RoleCapacityAnswer
from interfaces.role_views import (
    AssignmentDrillAnswer,
    PersonDrillAnswer,
    PersonItem,
    RoleDrillAnswer,
    heatmap_body,
    opened,
    person_body,
    role_body,
)
from interfaces.sheets import Cell, Sheet
from projections.role_capacity import (
    Place,
    Question,
    RoleCursor,
    all_people_weeks,
    over_allocated,
    person_drill,
    role_drill,
)

PAGE = 500
Rows = Iterator[Sequence[Cell]]

_PERSON = ("person_id", "person", "role_id", "role", "department_id", "department")


def report_sheet(body: RoleCapacityAnswer) -> Sheet:
    """Return the report: a row for each role and week."""
    columns = ("role_id", "role", "week", "assigned", "projected", "demand", "capacity", "people")
    rows = (
        (each.role_id, each.role_name, *figures)
        for each in body.series
        for figures in zip(
            body.week_keys,
            each.assigned,
            each.projected,
            each.demand,
            each.capacity,
            each.people,
            strict=True,
        )
    )
    return Sheet("Role capacity", columns, rows)


# People.


def heatmap_sheet(connection: Connection, *, question: Question, names: PersonNames) -> Sheet:
    """Return all people: a row for each and week."""
    columns = (*_PERSON, "week", "state", "assigned", "tentative", "capacity")
    return Sheet("People", columns, _heatmap_rows(connection, question, names))


def _heatmap_rows(connection: Connection, question: Question, names: PersonNames) -> Rows:
    everybody = all_people_weeks(connection, question=question)
    while page := list(islice(everybody, PAGE)):
        told = opened(names, [each.person for each in page])
        body = heatmap_body(page, told, question=question, position=0, follows=None)
        for each in body.people:
            about = (
                each.person_id,
                each.name,
                each.role_id,
                each.role_name,
                each.department_id,
                each.department_name,
            )
            for week, cell in zip(body.week_keys, each.cells, strict=True):
                tentative = cell.tentative if isinstance(cell.tentative, float) else None
                yield (*about, week, cell.state, cell.assigned, tentative, cell.capacity)


def utilization_sheet(body: UtilizationAnswer) -> Sheet:
    """Return one person: a row for each week."""
    columns = (*_PERSON, "week", "state", "assigned", "capacity", "available", "percent")
    rows = (
        (
            *_about(body.person),
            each.week,
            each.state,
            each.assigned,
            each.capacity,
            each.available,
            each.percent,
        )
        for each in body.weeks
    )
    return Sheet("Utilization", columns, rows)


def availability_sheet(body: AvailabilityAnswer) -> Sheet:
    """Return who has hours left and who has not: a row for each and week."""
    columns = (*_PERSON, "rank", "reason", "because", "week", "free")
    return Sheet("Availability", columns, _availability_rows(body))


def _availability_rows(body: AvailabilityAnswer) -> Rows:
    for found in body.available:
        for week, free in zip(body.week_keys, found.free, strict=True):
            yield (*_about(found.person), found.rank, None, found.because, week, free)
    for each in body.excluded:
        for week, free in zip(body.week_keys, each.free, strict=True):
            yield (*_about(each.person), None, each.reason, each.because, week, free)


def over_allocation_sheet(
    connection: Connection, *, question: Question, names: PersonNames, only_vertical: int | None
) -> Sheet:
    """Return who has too much: a row for each, week and assignment that makes it."""
    columns = (
        *_PERSON,
        *("week", "assigned", "capacity", "over"),
        *("assignment_id", "project_id", "project", "hours"),
    )
    rows = _over_rows(connection, question, names, only_vertical)
    return Sheet("Over-allocation", columns, rows)


def _over_rows(
    connection: Connection, question: Question, names: PersonNames, only_vertical: int | None
) -> Rows:
    after: Place | None = None
    while page := over_allocated(connection, question=question, limit=PAGE, after=after):
        body = over_allocation_body(
            page,
            opened(names, [each.person for each in page]),
            question=question,
            position=0,
            follows=None,
            only_vertical=only_vertical,
        )
        for each in body.people:
            for week in each.weeks:
                about = (
                    *_about(each.person),
                    *(week.week, week.assigned, week.capacity, week.over),
                )
                for made in week.assignments:
                    project = (made.project_id, made.project_name)
                    yield (*about, made.assignment_id, *project, made.hours)
                if week.elsewhere:
                    yield (*about, None, None, "elsewhere", week.elsewhere)
        after = page[-1].person.place


def _about(person: PersonItem) -> tuple[Cell, ...]:
    return (
        person.person_id,
        person.name,
        person.role_id,
        person.role_name,
        person.department_id,
        person.department_name,
    )


# From the report to events.


def role_sheet(
    connection: Connection, *, question: Question, names: PersonNames, role_id: int
) -> Sheet:
    """Return a role: a row for each person or placeholder, and week. Raises RoleNotFound."""
    columns = (
        *("role_id", "role", "person_id", "person", "assignment_id", "project"),
        *("week", "assigned", "projected", "capacity"),
    )
    return Sheet("Role", columns, _role_rows(connection, question, names, role_id))


def _role_rows(
    connection: Connection, question: Question, names: PersonNames, role_id: int
) -> Rows:
    after: RoleCursor | None = None
    while True:
        found = role_drill(connection, question=question, role_id=role_id, limit=PAGE, after=after)
        told = opened(names, [each.person for each in found.people])
        yield from _rows_of_role(
            role_body(found, told, question=question, position=0, follows=None)
        )
        if (after := found.follows) is None:
            return


def _rows_of_role(body: RoleDrillAnswer) -> Rows:
    about = (body.role_id, body.role_name)
    for person in body.by_person:
        who = (person.person_id, person.name, None, None)
        for week in zip(body.week_keys, person.assigned, person.capacity, strict=True):
            yield (*about, *who, week[0], week[1], None, week[2])
    for sought in body.placeholders:
        what = (None, None, sought.assignment_id, sought.project_name)
        for key, projected in zip(body.week_keys, sought.projected, strict=True):
            yield (*about, *what, key, None, projected, None)


def person_sheet(
    connection: Connection, *, question: Question, names: PersonNames, person_id: int
) -> Sheet:
    """Return a person: a row for each assignment and week. Raises PersonNotFound."""
    columns = (
        *("person_id", "person", "assignment_id", "project_id", "project", "client", "state"),
        *("week", "hours"),
    )
    return Sheet("Person", columns, _person_rows(connection, question, names, person_id))


def _person_rows(
    connection: Connection, question: Question, names: PersonNames, person_id: int
) -> Rows:
    after = -1
    while True:
        found = person_drill(
            connection, question=question, person_id=person_id, limit=PAGE, after=after
        )
        told = opened(names, [found.person])
        yield from _rows_of_person(
            person_body(found, told, question=question, position=0, follows=None)
        )
        if found.follows is None:
            return
        after = found.follows


def _rows_of_person(body: PersonDrillAnswer) -> Rows:
    for each in body.assignments:
        about = (
            *(body.person.person_id, body.person.name, each.assignment_id),
            *(each.project_id, each.project_name, each.client, each.state),
        )
        for week, hours in zip(body.week_keys, each.hours, strict=True):
            yield (*about, week, hours)


def assignment_sheet(body: AssignmentDrillAnswer) -> Sheet:
    """Return an assignment: a row for each week."""
    columns = ("assignment_id", "project_id", "project", "week", "hours", "set_hours")
    about = (body.assignment_id, body.project_id, body.project_name)
    figures = zip(body.week_keys, body.hours, body.set_hours, strict=True)
    return Sheet("Assignment", columns, ((*about, *each) for each in figures))


def events_sheet(events: Iterator[ToldAnswer]) -> Sheet:
    """Return what happened: a row for each event."""
    columns = ("position", "recorded_at", "actor", "reason", "topic", "words")
    rows = (
        (
            each.position,
            each.recorded_at.isoformat(),
            each.actor,
            each.reason,
            each.topic,
            each.words,
        )
        for each in events
    )
    return Sheet("Events", columns, rows)
