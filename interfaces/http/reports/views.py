"""How every view behind the report is answered: one read transaction, of what the caller sees."""

from collections.abc import Callable
from typing import Any, NamedTuple

from msgspec.structs import replace
from sqlalchemy import Connection
from starlette.responses import Response

from application.assignments import PersonNames
from interfaces.http.asked import Asked
from interfaces.http.questions import answer_question
from interfaces.http.reports.verticals import is_confined, seen_vertical
from projections.database import standing
from projections.role_capacity import Question, role_capacity


class Looked(NamedTuple):
    """What a view looks at: the vertical of its question is one that the caller may see."""

    connection: Connection
    question: Question
    position: int
    names: PersonNames
    is_confined: bool  # the caller sees one vertical alone


async def answer_view(
    asked: Asked, query: dict[str, str], said: Question, look: Callable[[Looked], Any]
) -> Response:
    """Answer with what `look` returns; it runs in a thread of the read pool."""
    caller, names = asked.caller, asked.service.person_names

    def seen(connection: Connection) -> Any:
        vertical_id = seen_vertical(connection, caller, said.vertical_id)
        position, _ = standing(connection, role_capacity.name)
        of_caller = replace(said, vertical_id=vertical_id)
        return look(Looked(connection, of_caller, position, names, is_confined(caller)))

    return await answer_question(asked, seen, query=query, projection=role_capacity.name)
