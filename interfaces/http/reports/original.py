"""The routes of the program that this report comes from, as its frontend asks and expects them.

Their parameters are forgiving where ours are not. Two things differ: a person's vertical counts on
both routes, and only staff get past what is kept with `nocache=1`.
"""

from typing import Any
from urllib.parse import parse_qsl

from fastapi import APIRouter
from msgspec import Struct
from sqlalchemy import Connection
from starlette.responses import Response

from interfaces.http.asked import MAX_QUERY_FIELDS, Asked
from interfaces.http.confinement import is_confined
from interfaces.http.parameters import query_text
from interfaces.http.questions import Document, answer_question
from interfaces.http.reports.reporter import Reporter, Wanted
from interfaces.http.reports.role_capacity import with_vertical
from interfaces.http.routes import Route, question
from interfaces.http.wire import encode, json_response
from interfaces.role_capacity import (
    RoleCapacityAnswer,
    RoleItem,
    RoleSeries,
    RoleSummary,
    hidden_words,
    report_body,
    weeks_from,
)
from projections.role_capacity import (
    ListedDepartment,
    Question,
    Report,
    listed_departments,
    role_capacity,
    week_of,
)

router = APIRouter(route_class=Route, tags=["reports"])

DEFAULT_WEEKS, ALLOWED_WEEKS = 12, (4, 8, 12, 16, 20, 26, 52)
_YES = ("1", "true", "yes", "on")
_MAX_DIGITS = 18
_UNKNOWN = -1

_ANALYTICS = "/api/assignments/analytics_role_capacity/"
_BOOTSTRAP = "/api/reports/role-capacity/bootstrap/"
_QUERY = (
    query_text("department", "Only people of this department"),
    query_text("weeks", f"One of {', '.join(map(str, ALLOWED_WEEKS))}; else {DEFAULT_WEEKS}"),
    query_text("role_ids", "Only these roles, with commas between; what is no number is dropped"),
    query_text("vertical", "Only this vertical; a key of a person has that person's"),
    query_text("filter_out_lt5h", f"One of {', '.join(_YES)}: without people below 5 h a week"),
)
_NOCACHE = query_text("nocache", "`1`, by staff: not what is kept")


class DepartmentItem(Struct, frozen=True, rename="camel"):
    """Fields that nobody keeps here are empty, for whoever expects them."""

    id: int
    name: str
    short_name: str
    parent_department: int | None
    vertical: int | None
    vertical_name: str | None
    manager: int | None
    secondary_managers: list[int]
    is_active: bool


class Timeline(Struct, frozen=True, rename="camel"):
    week_keys: list[str]
    series: list[RoleSeries]


class BootstrapAnswer(Struct, frozen=True):
    """The report with all that its page asks for first."""

    roles: list[RoleItem]
    departments: list[DepartmentItem]
    timeline: Timeline
    summary: RoleSummary


class _NotUnderstood(ValueError):
    """A parameter that even the original does not forgive."""


def _declared(path: str, answers: type, *, query: Any, fault: str) -> dict[str, Any]:
    declared = question(path, answers, query=query, projected=False, dated=False)
    said = {"type": "object", "properties": {fault: {"type": "string"}}, "required": [fault]}
    declared["responses"][400] = {
        "description": "A parameter is not understood",
        "content": {"application/json": {"schema": said}},
    }
    return declared


@router.get(
    _ANALYTICS,
    **_declared(_ANALYTICS, RoleCapacityAnswer, query=(*_QUERY, _NOCACHE), fault="error"),
)
async def original_role_capacity(asked: Asked) -> Response:
    """Show role capacity, asked and answered as in the program that it comes from."""
    query = _read(asked)
    try:
        wanted = _wanted(asked, query, vertical_id=_forgiven_vertical(query), form="hours")
    except _NotUnderstood as error:
        return json_response(encode({"error": str(error)}), status=400)
    keeps = query.get("nocache") != "1" or "staff" not in asked.caller.scopes
    return await _answered(asked, wanted, lambda _, report: report_body(report), keeps=keeps)


@router.get(_BOOTSTRAP, **_declared(_BOOTSTRAP, BootstrapAnswer, query=_QUERY, fault="detail"))
async def original_bootstrap(asked: Asked) -> Response:
    """Show role capacity with all departments, as its page asks for it first."""
    query = _read(asked)
    try:
        vertical_id = _id(query, "vertical")
        wanted = _wanted(asked, query, vertical_id=vertical_id, form="bootstrap")
    except _NotUnderstood as error:
        return json_response(encode({"detail": str(error)}), status=400)
    confined = is_confined(asked.caller)
    return await _answered(asked, wanted, _Bootstrap(confined=confined), keeps=False)


async def _answered(asked: Asked, wanted: Wanted, body: Any, *, keeps: bool) -> Response:
    reporter: Reporter = asked.app.state.reporter
    caller = asked.caller

    def look(connection: Connection) -> Document:
        seen = with_vertical(connection, caller, wanted)
        make = body.of(seen.question) if isinstance(body, _Bootstrap) else body
        found = reporter.document(connection, seen, make, keeps=keeps)
        return found._replace(tag="")  # the original has none

    return await answer_question(asked, look, query={}, projection=role_capacity.name)


class _Bootstrap:
    """Makes the body of the bootstrap; whoever is confined sees departments of one vertical."""

    def __init__(self, *, confined: bool) -> None:
        self._confined = confined

    def of(self, asked: Question) -> Any:
        vertical_id = asked.vertical_id if self._confined else None

        def body(connection: Connection, report: Report) -> BootstrapAnswer:
            found = report_body(report)
            listed = listed_departments(connection, vertical_id=vertical_id)
            timeline = Timeline(found.week_keys, found.series)
            return BootstrapAnswer(
                found.roles, [_item(each) for each in listed], timeline, found.summary
            )

        return body


def _item(found: ListedDepartment) -> DepartmentItem:
    return DepartmentItem(
        id=found.department_id,
        name=found.name,
        short_name="",
        parent_department=found.parent_id,
        vertical=found.vertical_id,
        vertical_name=found.vertical_name,
        manager=None,
        secondary_managers=[],
        is_active=found.is_active,
    )


# What the query says.


def _read(asked: Asked) -> dict[str, str]:
    """Return the query's fields; of those said twice the last, and unknown ones too."""
    raw: bytes = asked.scope["query_string"]
    text = raw.decode("ascii", "replace")
    fields = text.split("&")[:MAX_QUERY_FIELDS]
    return dict(parse_qsl("&".join(fields), keep_blank_values=True, errors="replace"))


def _wanted(asked: Asked, query: dict[str, str], *, vertical_id: int | None, form: str) -> Wanted:
    settings = asked.service.settings
    today = asked.service.clock().date()
    said = Question(
        weeks=weeks_from(week_of(today), _weeks(query.get("weeks", ""))),
        department_id=_id(query, "department"),
        vertical_id=vertical_id,
        role_ids=_role_ids(query.get("role_ids", "")),
        gating=settings.role_capacity_gating,
        filter_out_lt5h=query.get("filter_out_lt5h", "").strip().lower() in _YES,
        hidden_words=hidden_words(settings),
    )
    return Wanted(said, settings.role_capacity_source, form)


def _id(query: dict[str, str], name: str) -> int | None:
    text = query.get(name, "").strip()
    if not text:
        return None
    try:
        found = int(text)
    except ValueError:
        raise _NotUnderstood(f"invalid {name}") from None
    return found if abs(found) < 10**_MAX_DIGITS else _UNKNOWN


def _forgiven_vertical(query: dict[str, str]) -> int | None:
    try:
        return _id(query, "vertical")
    except _NotUnderstood:
        return None


def _weeks(text: str) -> int:
    digits = text.strip()
    known = digits.isascii() and digits.isdecimal() and len(digits) <= 2
    return int(digits) if known and int(digits) in ALLOWED_WEEKS else DEFAULT_WEEKS


def _role_ids(text: str) -> tuple[int, ...]:
    parts = [part.strip() for part in text.split(",")]
    digits = {part for part in parts if part.isascii() and part.isdecimal()}
    # What is too large for an id is known to nobody, and still says that not all roles are meant.
    return tuple(sorted(int(each) if len(each) <= _MAX_DIGITS else _UNKNOWN for each in digits))
