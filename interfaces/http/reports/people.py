"""People's time: as one map, how used somebody's is, who has some left, who has too much."""

from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from domain.assignments import PersonNotFound
from domain.errors import Invalid
from interfaces.http.asked import Asked, whole_number
from interfaces.http.assignments.bodies import number_in
from interfaces.http.parameters import query_number, query_text
from interfaces.http.questions import READ_QUERY
from interfaces.http.reports.asking import (
    DEPARTMENT,
    ROLE_IDS,
    SPAN,
    cursor_in,
    cursor_text,
    page_query,
    question_in,
    vertical_query,
)
from interfaces.http.reports.exporting import FORMAT, exported
from interfaces.http.reports.views import Looked, View, answer_view
from interfaces.http.routes import Route, question
from interfaces.people_views import (
    MAX_NEEDED_HOURS,
    AvailabilityAnswer,
    OverAllocationAnswer,
    UtilizationAnswer,
    availability_body,
    over_allocation_body,
    read_needed,
    utilization_body,
)
from interfaces.role_sheets import (
    availability_sheet,
    heatmap_sheet,
    over_allocation_sheet,
    utilization_sheet,
)
from interfaces.role_views import HeatmapAnswer, heatmap_body, opened
from interfaces.sheets import Sheet
from projections.role_capacity import (
    Place,
    availability,
    one_person_weeks,
    over_allocated,
    people_weeks,
)

router = APIRouter(route_class=Route, tags=["reports"])

MAX_PEOPLE, DEFAULT_PEOPLE = 1_000, 100
MAX_FOUND, DEFAULT_FOUND = 200, 20

_OF_VERTICAL = vertical_query("Only people of departments of this vertical")
_WHOM = (DEPARTMENT, _OF_VERTICAL, ROLE_IDS, *SPAN, FORMAT)
_WHEN = (*SPAN, FORMAT)
_PAGED = (*_WHOM, *page_query("people", MAX_PEOPLE, DEFAULT_PEOPLE))


def _names(declared: tuple[dict[str, Any], ...]) -> tuple[str, ...]:
    return tuple(str(each["name"]) for each in declared)


_HEATMAP = "/v1/reports/people-heatmap"


@router.get(_HEATMAP, **exported(question(_HEATMAP, HeatmapAnswer, query=_PAGED)))
async def people_heatmap(asked: Asked) -> Response:
    """Show for each active person and week how much there is to do, against what they can give."""
    query = asked.query(*READ_QUERY, *_names(_PAGED))
    limit, after = _limit(query), cursor_in(query, Place)

    def look(looked: Looked) -> HeatmapAnswer:
        found = people_weeks(
            looked.connection, question=looked.question, after=after, limit=limit + 1
        )
        page = found[:limit]
        return heatmap_body(
            page,
            opened(looked.names, [each.person for each in page]),
            question=looked.question,
            position=looked.position,
            follows=cursor_text(page[-1].person.place) if len(found) > limit else None,
        )

    def sheet(looked: Looked) -> Sheet:
        return heatmap_sheet(looked.connection, question=looked.question, names=looked.names)

    view = View("people-heatmap", look, sheet)
    return await answer_view(asked, query, question_in(query, asked), view)


_USED = "/v1/reports/people/{person_id}/utilization"


@router.get(_USED, **exported(question(_USED, UtilizationAnswer, query=_WHEN)))
async def person_utilization(asked: Asked) -> Response:
    """Show how much of somebody's time is used, week by week and all together."""
    query, person_id = asked.query(*READ_QUERY, *_names(_WHEN)), number_in(asked, "person_id")

    def look(looked: Looked) -> UtilizationAnswer:
        found = one_person_weeks(looked.connection, question=looked.question, person_id=person_id)
        seen = looked.question.vertical_id
        if found is None or (looked.is_confined and found.person.vertical_id != seen):
            raise PersonNotFound(person_id)
        names = opened(looked.names, [found.person])
        return utilization_body(found, names, question=looked.question, position=looked.position)

    view = View("utilization", look, lambda looked: utilization_sheet(look(looked)))
    return await answer_view(asked, query, question_in(query, asked), view)


_FREE = "/v1/reports/availability"
_FREE_QUERY = (
    query_text(
        "hours", f"How many hours each week must have left, up to {MAX_NEEDED_HOURS}", required=True
    ),
    *_WHOM,
    query_number("limit", 1, MAX_FOUND, f"At most so many of each; {DEFAULT_FOUND} if not said"),
)


@router.get(_FREE, **exported(question(_FREE, AvailabilityAnswer, query=_FREE_QUERY)))
async def people_availability(asked: Asked) -> Response:
    """Show who has so many hours free in each week, ranked, and why the others have not."""
    query = asked.query(*READ_QUERY, *_names(_FREE_QUERY))
    if "hours" not in query:
        raise Invalid(("/hours", "it is needed, such as hours=8"))
    needed, limit = read_needed(query["hours"]), _limit(query, MAX_FOUND, DEFAULT_FOUND)

    def look(looked: Looked) -> AvailabilityAnswer:
        found = availability(
            looked.connection, question=looked.question, needed_units=needed, limit=limit
        )
        listed = [each.person for each in (*found.available, *found.excluded)]
        return availability_body(
            found,
            opened(looked.names, listed),
            question=looked.question,
            needed_units=needed,
            position=looked.position,
        )

    view = View("availability", look, lambda looked: availability_sheet(look(looked)), paged=False)
    return await answer_view(asked, query, question_in(query, asked), view)


_OVER = "/v1/reports/over-allocation"


@router.get(_OVER, **exported(question(_OVER, OverAllocationAnswer, query=_PAGED)))
async def people_over_allocation(asked: Asked) -> Response:
    """Show who has more to do in a week than they can give, by how much, and what makes it."""
    query = asked.query(*READ_QUERY, *_names(_PAGED))
    limit, after = _limit(query), cursor_in(query, Place)

    def look(looked: Looked) -> OverAllocationAnswer:
        found = over_allocated(
            looked.connection, question=looked.question, limit=limit + 1, after=after
        )
        page = found[:limit]
        return over_allocation_body(
            page,
            opened(looked.names, [each.person for each in page]),
            question=looked.question,
            position=looked.position,
            follows=cursor_text(page[-1].person.place) if len(found) > limit else None,
            only_vertical=looked.only_vertical,
        )

    def sheet(looked: Looked) -> Sheet:
        return over_allocation_sheet(
            looked.connection,
            question=looked.question,
            names=looked.names,
            only_vertical=looked.only_vertical,
        )

    view = View("over-allocation", look, sheet)
    return await answer_view(asked, query, question_in(query, asked), view)


def _limit(query: dict[str, str], most: int = MAX_PEOPLE, default: int = DEFAULT_PEOPLE) -> int:
    return whole_number("limit", query.get("limit", str(default)), least=1, most=most)
