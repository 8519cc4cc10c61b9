"""Pages behind the report: each decodes the very answer of the API's route, and shows it."""

from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlencode

import msgspec
from fastapi import APIRouter
from starlette.responses import Response

from interfaces.history import AggregateHistoryAnswer
from interfaces.http.asked import Asked
from interfaces.http.pages.answers import answer_told, query_pairs, shell_of
from interfaces.http.pages.role_capacity import TOPICS
from interfaces.http.reports.drilldown import (
    drill_into_assignment,
    drill_into_events,
    drill_into_person,
    drill_into_role,
)
from interfaces.http.routes import Route
from interfaces.http.wire import JSON_TYPE
from interfaces.pages.crumbs import Link
from interfaces.pages.drilldown import (
    REPORT,
    Behind,
    assignment_page,
    person_page,
    role_page,
)
from interfaces.pages.report_query import ReportQuery
from interfaces.pages.templates import page
from interfaces.pages.told import told_events
from interfaces.role_views import AssignmentDrillAnswer, PersonDrillAnswer, RoleDrillAnswer
from interfaces.sheets import FORMATS

router = APIRouter(route_class=Route)

Answering = Callable[[Asked], Awaitable[Response]]


@router.get(f"{REPORT}/roles/{{role_id}}", include_in_schema=False)
async def role_drilldown_page(asked: Asked) -> Response:
    """Show what makes the figures of a role."""
    return await _behind(asked, drill_into_role, RoleDrillAnswer, role_page)


@router.get(f"{REPORT}/people/{{person_id}}", include_in_schema=False)
async def person_drilldown_page(asked: Asked) -> Response:
    """Show which assignments make somebody's hours."""
    return await _behind(asked, drill_into_person, PersonDrillAnswer, person_page)


@router.get(f"{REPORT}/assignments/{{assignment_id}}", include_in_schema=False)
async def assignment_drilldown_page(asked: Asked) -> Response:
    """Show the hours of an assignment, and where its events are."""
    as_of = {name: text for name, text in query_pairs(asked) if name == "as_of"}
    events = f"{asked.scope['path']}/events{_said(as_of)}"
    return await _behind(
        asked, drill_into_assignment, AssignmentDrillAnswer, assignment_page, events
    )


@router.get(f"{REPORT}/assignments/{{assignment_id}}/events", include_in_schema=False)
async def assignment_events_page(asked: Asked) -> Response:
    """Tell what made an assignment as it is."""
    answered = await drill_into_events(asked)
    found = msgspec.json.decode(answered.body, type=AggregateHistoryAnswer)
    path = asked.scope["path"]

    assignment = f"Assignment {asked.segment('assignment_id')}"

    def write(tag: str) -> bytes:
        return page(
            "history",
            shell_of(asked),
            tag=tag,
            topics=TOPICS,
            context="assignments",
            title=f"Events of {assignment[0].lower()}{assignment[1:]}",
            crumbs=[
                Link("Role capacity", REPORT),
                Link(assignment, path.removesuffix("/events")),
                Link("Events"),
            ],
            facts=[],
            newest_first=False,
            looks_back=None,
            events=told_events(found),
            first_address="",
            next_address=_next(asked, found.next),
        )

    return await answer_told(asked, answered, write)


async def _behind(
    asked: Asked,
    answering: Answering,
    answer_type: type[Any],
    shown: Callable[[Any, str, str], Behind],
    events_address: str = "",
) -> Response:
    answered = await answering(asked)
    if answered.media_type != JSON_TYPE:
        return answered  # a table, which `format` asks for
    found = msgspec.json.decode(answered.body, type=answer_type)
    kept = {name: text for name, text in query_pairs(asked) if name not in ("cursor", "after")}
    chosen = {name: text for name, text in kept.items() if name in ReportQuery.__struct_fields__}

    def write(tag: str) -> bytes:
        return page(
            "drilldown",
            shell_of(asked),
            tag=tag,
            topics=TOPICS,
            context="assignments",
            behind=shown(found, _said(kept), f"{REPORT}{_said(chosen)}"),
            next_address=_next(asked, found.next if hasattr(found, "next") else None),
            events_address=events_address,
            tables=[
                (name, f"/v1{asked.scope['path']}{_said(kept | {'format': name})}")
                for name in FORMATS
            ],
        )

    return await answer_told(asked, answered, write)


def _next(asked: Asked, cursor: str | None) -> str:
    if cursor is None:
        return ""
    kept = {name: text for name, text in query_pairs(asked) if name not in ("cursor", "after")}
    return f"{asked.scope['path']}{_said(kept | {'cursor': cursor})}"


def _said(query: dict[str, str]) -> str:
    return f"?{urlencode(query, safe=',:')}" if query else ""
