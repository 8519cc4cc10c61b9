"""For each role and week: how many hours are taken, how many are sought, and how many there are."""

from typing import cast

from fastapi import APIRouter
from msgspec.structs import replace
from sqlalchemy import Connection
from starlette.responses import Response

from domain.errors import Invalid
from interfaces.callers import Caller
from interfaces.http.asked import Asked
from interfaces.http.errors import RequestRefused
from interfaces.http.parameters import query_text
from interfaces.http.questions import READ_QUERY, Document, answer_question
from interfaces.http.reports.asking import (
    DEPARTMENT,
    FILTER,
    ROLE_IDS,
    SPAN,
    one_of,
    question_in,
    vertical_query,
)
from interfaces.http.reports.exporting import (
    FORMAT,
    Made,
    answer_file,
    exported,
    format_in,
)
from interfaces.http.reports.reporter import Reporter, Wanted, source_text
from interfaces.http.reports.verticals import seen_vertical
from interfaces.http.routes import Route, question
from interfaces.role_capacity import (
    UNITS,
    RoleCapacityAnswer,
    Unit,
    question_texts,
    report_body,
)
from interfaces.role_sheets import report_sheet
from projections.role_capacity import SOURCES, Source, role_capacity

router = APIRouter(route_class=Route, tags=["reports"])

_PATH = "/v1/reports/role-capacity"
_QUERY = (
    DEPARTMENT,
    vertical_query("Only hours of projects, and capacity of departments, of this vertical"),
    ROLE_IDS,
    FILTER,
    *SPAN,
    query_text("unit", f"One of {', '.join(UNITS)}; percent are of the capacity in that week"),
    query_text("source", f"For staff: what is read, one of {', '.join(SOURCES)}"),
    FORMAT,
)
_NAMES = tuple(each["name"] for each in _QUERY)


@router.get(_PATH, **exported(question(_PATH, RoleCapacityAnswer, query=_QUERY, tag=True)))
async def role_capacity_report(asked: Asked) -> Response:
    """Show for each role and week the hours that are assigned, sought, and there."""
    query = asked.query(*READ_QUERY, *_NAMES)
    wanted = _wanted(query, asked)
    reporter: Reporter = asked.app.state.reporter
    caller, unit = asked.caller, cast(Unit, wanted.form)

    def look(connection: Connection) -> Document:
        seen = with_vertical(connection, caller, wanted)
        return reporter.document(connection, seen, lambda _, report: report_body(report, unit))

    def made(connection: Connection) -> Made:
        seen = with_vertical(connection, caller, wanted)
        answered, body = reporter.answered(
            connection, seen, lambda report: report_body(report, unit)
        )
        source = source_text(answered)
        filters = question_texts(seen.question) | {"unit": unit, "source": source}
        return Made(report_sheet(body), filters, {"capacity-source": source})

    if (format_ := format_in(query)) is not None:
        return await answer_file(asked, query, made, name="role-capacity", format_=format_)
    return await answer_question(
        asked,
        look,
        query=query,
        projection=role_capacity.name,
        takes_long=wanted.source != "rollup",
    )


def with_vertical(connection: Connection, caller: Caller, wanted: Wanted) -> Wanted:
    """Return what is wanted with the vertical that the caller may see."""
    vertical_id = seen_vertical(connection, caller, wanted.question.vertical_id)
    return wanted._replace(question=replace(wanted.question, vertical_id=vertical_id))


# What the query says.


def _wanted(query: dict[str, str], asked: Asked) -> Wanted:
    unit = one_of(query, "unit", UNITS, "hours")
    return Wanted(question_in(query, asked), _source(query, asked), unit)


def _source(query: dict[str, str], asked: Asked) -> Source:
    service = asked.service
    if "source" not in query:
        return service.settings.role_capacity_source
    if "staff" not in asked.caller.scopes:
        raise RequestRefused(
            403, "scope-missing", "/source: the scope staff is needed to choose it"
        )
    source = cast(Source, one_of(query, "source", SOURCES, "rollup"))
    if source == "jsonb" and not service.settings.database_url:
        raise Invalid(("/source", "found 'jsonb', which needs PostgreSQL; this is SQLite"))
    return source
