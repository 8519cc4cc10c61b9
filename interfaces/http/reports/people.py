"""Each person's weeks as one map: who is free, who is full, who has too much."""

from fastapi import APIRouter
from starlette.responses import Response

from interfaces.http.asked import Asked, whole_number
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
from interfaces.http.reports.views import Looked, answer_view
from interfaces.http.routes import Route, question
from interfaces.role_views import HeatmapAnswer, heatmap_body, opened
from projections.role_capacity import Place, people_weeks

router = APIRouter(route_class=Route, tags=["reports"])

MAX_PEOPLE, DEFAULT_PEOPLE = 1_000, 100

_HEATMAP = "/v1/reports/people-heatmap"
_OF_VERTICAL = vertical_query("Only people of departments of this vertical")
_QUERY = (
    DEPARTMENT,
    _OF_VERTICAL,
    ROLE_IDS,
    *SPAN,
    *page_query("people", MAX_PEOPLE, DEFAULT_PEOPLE),
)
_NAMES = tuple(each["name"] for each in _QUERY)


@router.get(_HEATMAP, **question(_HEATMAP, HeatmapAnswer, query=_QUERY))
async def people_heatmap(asked: Asked) -> Response:
    """Show for each active person and week how much there is to do, against what they can give."""
    query = asked.query(*READ_QUERY, *_NAMES)
    limit = whole_number("limit", query.get("limit", str(DEFAULT_PEOPLE)), least=1, most=MAX_PEOPLE)
    after = cursor_in(query, Place)

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

    return await answer_view(asked, query, question_in(query, asked), look)
