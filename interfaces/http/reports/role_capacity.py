"""For each role and week: how many hours are taken, how many are sought, and how many there are."""

from datetime import date
from typing import Any, cast

from fastapi import APIRouter
from sqlalchemy import Connection
from starlette.responses import Response

from domain.errors import Invalid
from domain.names import shown
from interfaces.callers import Caller
from interfaces.http.asked import MAX_POSITION, Asked, flag, whole_number
from interfaces.http.errors import RequestRefused
from interfaces.http.questions import READ_QUERY, Document, answer_question
from interfaces.http.reports.reporter import Reporter, Wanted
from interfaces.http.reports.verticals import seen_vertical
from interfaces.http.routes import Route, query_flag, query_number, query_text, question
from interfaces.role_capacity import (
    DEFAULT_WEEKS,
    MAX_WEEKS,
    UNITS,
    RoleCapacityAnswer,
    Unit,
    hidden_words,
    read_start,
    report_body,
    weeks_from,
)
from projections.role_capacity import (
    GATINGS,
    SOURCES,
    Gating,
    Question,
    Source,
    role_capacity,
    week_of,
)

router = APIRouter(route_class=Route, tags=["reports"])

MAX_ROLES = 1_000

_PATH = "/v1/reports/role-capacity"
_QUERY = (
    query_number("department", 0, MAX_POSITION, "Only people of this department"),
    query_number(
        "vertical",
        0,
        MAX_POSITION,
        "Only hours of projects, and capacity of departments, of this vertical; a key of a person "
        "has that person's, whatever is asked",
    ),
    query_number("weeks", 1, MAX_WEEKS, f"How many weeks; {DEFAULT_WEEKS} if nothing is said"),
    query_text("start", "The first week, by its Sunday as YYYY-MM-DD; the current one if not said"),
    query_text("role_ids", "Only these roles, with commas between; unknown ones have no row"),
    query_flag("filter_out_lt5h", "Without people who have less than 5 h in each of the 4 weeks"),
    query_text("gating", f"From when people count: {' or '.join(GATINGS)}; else by the settings"),
    query_text("unit", f"One of {', '.join(UNITS)}; percent are of the capacity in that week"),
    query_flag("include_tentative", "With assignments that are less than certain, in full"),
    query_flag("include_time_off", "Take time off from the capacity; true if nothing is said"),
    query_text("source", f"For staff: what is read, one of {', '.join(SOURCES)}"),
)
_NAMES = tuple(each["name"] for each in _QUERY)


@router.get(_PATH, **question(_PATH, RoleCapacityAnswer, query=_QUERY, tag=True))
async def role_capacity_report(asked: Asked) -> Response:
    """Show for each role and week the hours that are assigned, sought, and there."""
    query = asked.query(*READ_QUERY, *_NAMES)
    wanted = _wanted(query, asked)
    reporter: Reporter = asked.app.state.reporter
    caller, unit = asked.caller, cast(Unit, wanted.form)

    def look(connection: Connection) -> Document:
        seen = with_vertical(connection, caller, wanted)
        return reporter.document(connection, seen, lambda _, report: report_body(report, unit))

    return await answer_question(asked, look, query=query, projection=role_capacity.name)


def with_vertical(connection: Connection, caller: Caller, wanted: Wanted) -> Wanted:
    """Return what is wanted with the vertical that the caller may see."""
    vertical_id = seen_vertical(connection, caller, wanted.question.vertical_id)
    return wanted._replace(question=replaced(wanted.question, vertical_id=vertical_id))


def replaced(asked: Question, **changes: Any) -> Question:
    """Return a question with some of it changed."""
    known = {name: getattr(asked, name) for name in Question.__struct_fields__}
    return Question(**{**known, **changes})


# What the query says.


def _wanted(query: dict[str, str], asked: Asked) -> Wanted:
    settings = asked.service.settings
    many = _number(query, "weeks", 1, MAX_WEEKS)
    said = Question(
        weeks=weeks_from(_start(query, asked), DEFAULT_WEEKS if many is None else many),
        department_id=_number(query, "department", 0, MAX_POSITION),
        vertical_id=_number(query, "vertical", 0, MAX_POSITION),
        role_ids=_role_ids(query),
        gating=cast(Gating, _one_of(query, "gating", GATINGS, settings.role_capacity_gating)),
        include_tentative=_flag(query, "include_tentative", False),
        include_time_off=_flag(query, "include_time_off", True),
        filter_out_lt5h=_flag(query, "filter_out_lt5h", False),
        hidden_words=hidden_words(settings),
    )
    return Wanted(said, _source(query, asked), _one_of(query, "unit", UNITS, "hours"))


def _start(query: dict[str, str], asked: Asked) -> date:
    if "start" in query:
        return read_start(query["start"])
    return week_of(asked.service.clock().date())


def _number(query: dict[str, str], name: str, least: int, most: int) -> int | None:
    return whole_number(name, query[name], least=least, most=most) if name in query else None


def _flag(query: dict[str, str], name: str, default: bool) -> bool:
    return flag(name, query[name]) if name in query else default


def _one_of(query: dict[str, str], name: str, allowed: tuple[str, ...], default: str) -> str:
    found = query.get(name, default)
    if found not in allowed:
        detail = f"found {shown(found)}, one of {', '.join(allowed)} is needed"
        raise Invalid((f"/{name}", detail))
    return found


def _role_ids(query: dict[str, str]) -> tuple[int, ...]:
    if "role_ids" not in query:
        return ()
    parts = query["role_ids"].split(",")
    if len(parts) > MAX_ROLES:
        raise Invalid(("/role_ids", f"found {len(parts)} roles, at most {MAX_ROLES} are taken"))
    found = {whole_number("role_ids", each, least=0, most=MAX_POSITION) for each in parts}
    return tuple(sorted(found))


def _source(query: dict[str, str], asked: Asked) -> Source:
    service = asked.service
    if "source" not in query:
        return service.settings.role_capacity_source
    if "staff" not in asked.caller.scopes:
        raise RequestRefused(
            403, "scope-missing", "/source: the scope staff is needed to choose it"
        )
    source = cast(Source, _one_of(query, "source", SOURCES, "rollup"))
    if source == "jsonb" and not service.settings.database_url:
        raise Invalid(("/source", "found 'jsonb', which needs PostgreSQL; this is SQLite"))
    return source
