"""How every view behind the report is answered: one read transaction, of what the caller sees."""

from collections.abc import Callable
from typing import Any, NamedTuple

from msgspec.structs import replace
from sqlalchemy import Connection
from starlette.responses import Response

from application.assignments import PersonNames
from interfaces.http.asked import Asked
from interfaces.http.confinement import is_confined
from interfaces.http.questions import answer_question
from interfaces.http.reports.exporting import Made, answer_file, format_in
from interfaces.http.reports.verticals import seen_vertical
from interfaces.role_capacity import question_texts
from interfaces.sheets import Sheet
from projections.database import standing
from projections.role_capacity import Question, role_capacity


class Looked(NamedTuple):
    """What a view looks at: the vertical of its question is one that the caller may see."""

    connection: Connection
    question: Question
    position: int
    names: PersonNames
    is_confined: bool  # the caller sees one vertical alone

    @property
    def only_vertical(self) -> int | None:
        """The one vertical that the caller may see; None: all."""
        return self.question.vertical_id if self.is_confined else None


class View(NamedTuple):
    """One view: what it answers as JSON, and the same as a table, of all its pages."""

    name: str
    answer: Callable[[Looked], Any]
    sheet: Callable[[Looked], Sheet]
    paged: bool = True


async def answer_view(asked: Asked, query: dict[str, str], said: Question, view: View) -> Response:
    """Answer with a view, of what the caller may see; it is looked at in threads of their own."""
    caller, names = asked.caller, asked.service.person_names

    def looked(connection: Connection) -> Looked:
        vertical_id = seen_vertical(connection, caller, said.vertical_id)
        position, _ = standing(connection, role_capacity.name)
        of_caller = replace(said, vertical_id=vertical_id)
        return Looked(connection, of_caller, position, names, is_confined(caller))

    def made(connection: Connection) -> Made:
        seen = looked(connection)
        return Made(view.sheet(seen), question_texts(seen.question), {})

    if (format_ := format_in(query, paged=view.paged)) is not None:
        return await answer_file(asked, query, made, name=view.name, format_=format_)
    return await answer_question(
        asked,
        lambda connection: view.answer(looked(connection)),
        query=query,
        projection=role_capacity.name,
        takes_long=True,
    )
