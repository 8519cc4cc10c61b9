"""Where a cell of the report comes from, in four steps: role, person, assignment, events."""

from collections.abc import Iterator

from fastapi import APIRouter
from starlette.responses import Response

from domain.assignments import AssignmentNotFound, PersonNotFound
from interfaces.history import DEFAULT_LIMIT, ORDERS, AggregateHistoryAnswer, ToldAnswer, tell
from interfaces.history import Asked as AskedHistory
from interfaces.http.asked import MAX_ITEMS, Asked, whole_number
from interfaces.http.assignments.bodies import number_in
from interfaces.http.parameters import query_text
from interfaces.http.questions import READ_QUERY
from interfaces.http.reports.asking import (
    DEPARTMENT,
    FILTER,
    SPAN,
    cursor_in,
    cursor_text,
    one_of,
    page_query,
    question_in,
    vertical_query,
)
from interfaces.http.reports.exporting import FORMAT, exported
from interfaces.http.reports.views import Looked, View, answer_view
from interfaces.http.routes import Route, question
from interfaces.role_sheets import assignment_sheet, events_sheet, person_sheet, role_sheet
from interfaces.role_views import (
    AssignmentDrillAnswer,
    PersonDrillAnswer,
    RoleDrillAnswer,
    assignment_body,
    opened,
    person_body,
    role_body,
)
from interfaces.sheets import Sheet
from projections.role_capacity import (
    AssignmentDrill,
    RoleCursor,
    assignment_drill,
    person_drill,
    role_drill,
)

router = APIRouter(route_class=Route, tags=["reports"])

MAX_ROWS, DEFAULT_ROWS = 1_000, 200

_REPORT = "/v1/reports/role-capacity"
_ROLE = f"{_REPORT}/roles/{{role_id}}"
_PERSON = f"{_REPORT}/people/{{person_id}}"
_ASSIGNMENT = f"{_REPORT}/assignments/{{assignment_id}}"
_EVENTS = f"{_ASSIGNMENT}/events"

_SAME = (
    DEPARTMENT,
    vertical_query("Only hours of projects, and capacity of departments, of this vertical"),
    FILTER,
    *SPAN,
    FORMAT,
)
_PAGED = (*_SAME, *page_query("rows of each list", MAX_ROWS, DEFAULT_ROWS))


def _names(declared: tuple[dict[str, object], ...]) -> tuple[str, ...]:
    return tuple(str(each["name"]) for each in declared)


@router.get(_ROLE, **exported(question(_ROLE, RoleDrillAnswer, query=_PAGED)))
async def drill_into_role(asked: Asked) -> Response:
    """Show whose hours and capacity make the figures of a role, and who is sought for it."""
    query, role_id = asked.query(*READ_QUERY, *_names(_PAGED)), number_in(asked, "role_id")
    limit, after = _limit(query), cursor_in(query, RoleCursor)

    def look(looked: Looked) -> RoleDrillAnswer:
        found = role_drill(
            looked.connection, question=looked.question, role_id=role_id, limit=limit, after=after
        )
        names = opened(looked.names, [each.person for each in found.people])
        follows = cursor_text(found.follows)
        return role_body(
            found, names, question=looked.question, position=looked.position, follows=follows
        )

    def sheet(looked: Looked) -> Sheet:
        connection, asking = looked.connection, looked.question
        return role_sheet(connection, question=asking, names=looked.names, role_id=role_id)

    view = View(f"role-{role_id}", look, sheet)
    return await answer_view(asked, query, question_in(query, asked), view)


@router.get(_PERSON, **exported(question(_PERSON, PersonDrillAnswer, query=_PAGED)))
async def drill_into_person(asked: Asked) -> Response:
    """Show which assignments make the hours that a person has in the figures of their role."""
    query, person_id = asked.query(*READ_QUERY, *_names(_PAGED)), number_in(asked, "person_id")
    limit, after = _limit(query), cursor_in(query, RoleCursor)

    def look(looked: Looked) -> PersonDrillAnswer:
        found = person_drill(
            looked.connection,
            question=looked.question,
            person_id=person_id,
            limit=limit,
            after=-1 if after is None else after.assignment_id,
        )
        if looked.is_confined and not found.is_seen:
            raise PersonNotFound(person_id)
        return person_body(
            found,
            opened(looked.names, [found.person]),
            question=looked.question,
            position=looked.position,
            follows=None
            if found.follows is None
            else cursor_text(RoleCursor(person_id, found.follows)),
        )

    def sheet(looked: Looked) -> Sheet:
        look(looked)  # who may not be seen is not found
        connection, asking = looked.connection, looked.question
        return person_sheet(connection, question=asking, names=looked.names, person_id=person_id)

    view = View(f"person-{person_id}", look, sheet)
    return await answer_view(asked, query, question_in(query, asked), view)


@router.get(_ASSIGNMENT, **exported(question(_ASSIGNMENT, AssignmentDrillAnswer, query=_SAME)))
async def drill_into_assignment(asked: Asked) -> Response:
    """Show the hours of one assignment: those that count, and all that were set."""
    query = asked.query(*READ_QUERY, *_names(_SAME))
    assignment_id = number_in(asked, "assignment_id")

    def look(looked: Looked) -> AssignmentDrillAnswer:
        found = _seen_assignment(looked, assignment_id)
        names = opened(looked.names, [] if found.person is None else [found.person])
        return assignment_body(found, names, question=looked.question, position=looked.position)

    view = View(f"assignment-{assignment_id}", look, lambda looked: assignment_sheet(look(looked)))
    return await answer_view(asked, query, question_in(query, asked), view)


_EVENT_QUERY = (
    FORMAT,
    query_text("order", "`oldest` first, which is the default, or `newest`"),
    *page_query("events", MAX_ITEMS, DEFAULT_LIMIT),
)


@router.get(_EVENTS, **exported(question(_EVENTS, AggregateHistoryAnswer, query=_EVENT_QUERY)))
async def drill_into_events(asked: Asked) -> Response:
    """Tell what made an assignment as it is: who did it, when, why, and what it changed."""
    query = asked.query(*READ_QUERY, *_names(_EVENT_QUERY))
    assignment_id = number_in(asked, "assignment_id")
    wanted = AskedHistory(
        context="assignments",
        id=str(assignment_id),
        kind="Assignment",
        order=one_of(query, "order", ORDERS, ORDERS[0]),
        limit=_limit(query, MAX_ITEMS, DEFAULT_LIMIT),
        cursor=query.get("cursor", ""),
    )

    def look(looked: Looked) -> AggregateHistoryAnswer:
        _seen_assignment(looked, assignment_id)
        # Not beyond what the figures show that these events explain.
        return tell(asked.service.log, wanted._replace(up_to=looked.position))

    def sheet(looked: Looked) -> Sheet:
        _seen_assignment(looked, assignment_id)
        return events_sheet(_all_events(asked, wanted, looked.position))

    view = View(f"assignment-{assignment_id}-events", look, sheet)
    return await answer_view(asked, query, question_in({}, asked), view)


def _all_events(asked: Asked, wanted: AskedHistory, up_to: int) -> Iterator[ToldAnswer]:
    cursor: str | None = ""
    while cursor is not None:
        page = tell(asked.service.log, wanted._replace(up_to=up_to, cursor=cursor))
        yield from page.events
        cursor = page.next


def _seen_assignment(looked: Looked, assignment_id: int) -> AssignmentDrill:
    found = assignment_drill(
        looked.connection, question=looked.question, assignment_id=assignment_id
    )
    if looked.is_confined and not found.is_seen:
        raise AssignmentNotFound(assignment_id)
    return found


def _limit(query: dict[str, str], most: int = MAX_ROWS, default: int = DEFAULT_ROWS) -> int:
    return whole_number("limit", query.get("limit", str(default)), least=1, most=most)
