"""The people below the report: a page of the heatmap, as the API answers it."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection

from application.assignments import PersonNames
from interfaces.http.reports.asking import cursor_in, cursor_text
from interfaces.role_views import HeatmapAnswer, heatmap_body, opened
from projections.role_capacity import Place, Question, people_weeks

PEOPLE_AT_ONCE = 50


def listed_people(cursor: str, names: PersonNames) -> Callable[[Connection, Question], Any]:
    """Return what lists the people of a question, from behind a cursor on. Raises Invalid."""
    after = cursor_in({"cursor": cursor} if cursor else {}, Place)

    def look(connection: Connection, question: Question) -> HeatmapAnswer:
        found = people_weeks(connection, question=question, after=after, limit=PEOPLE_AT_ONCE + 1)
        page = found[:PEOPLE_AT_ONCE]
        follows = cursor_text(page[-1].person.place) if len(found) > len(page) else None
        opened_names = opened(names, [each.person for each in page])
        return heatmap_body(page, opened_names, question=question, position=0, follows=follows)

    return look
