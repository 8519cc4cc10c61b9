"""Whether the role-capacity report answers, asked of the smallest department: cheap, and real."""

from time import perf_counter
from typing import Literal

from fastapi import APIRouter
from msgspec import Struct
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError
from starlette.responses import Response

from application.ledger import LedgerUnavailable
from interfaces.http.asked import Asked
from interfaces.http.routes import Route, operational, schema_of
from interfaces.http.wire import JSON_TYPE, encode, json_response
from interfaces.role_capacity import hidden_words, weeks_from
from projections.role_capacity import (
    Answered,
    Question,
    role_capacity_report,
    smallest_department,
    week_of,
)

router = APIRouter(route_class=Route, tags=["operation"])

CHECKED_WEEKS = 4


class ReportCheck(Struct, frozen=True):
    """How the report of one department was answered; `source` is null where nothing answered."""

    status: Literal["ok", "failing"]
    department: int | None
    source: str | None
    duration_ms: float
    problem: str


_ANSWER = {"content": {JSON_TYPE: {"schema": schema_of(ReportCheck)}}}


@router.get("/readyz/role-capacity", **operational({200: _ANSWER, 503: _ANSWER}, scope="read"))
async def check_role_capacity(asked: Asked) -> Response:
    """Answer 503 when the role-capacity report cannot be answered from the source it should be."""
    settings = asked.service.settings
    weeks = weeks_from(week_of(asked.service.clock().date()), CHECKED_WEEKS)

    def look(connection: Connection) -> tuple[int | None, Answered]:
        department_id = smallest_department(connection)
        question = Question(
            weeks=weeks,
            department_id=department_id,
            gating=settings.role_capacity_gating,
            hidden_words=hidden_words(settings),
        )
        source = settings.role_capacity_source
        return department_id, role_capacity_report(connection, question=question, source=source)

    began = perf_counter()
    try:
        department_id, answered = await asked.service.read(look)
    except (SQLAlchemyError, LedgerUnavailable) as error:
        found = _failing(None, None, began, f"no source answers: {type(error).__name__}")
    else:
        failed = ", ".join(each.source for each in answered.failed)
        found = (
            _failing(department_id, answered.source, began, f"these do not answer: {failed}")
            if failed
            else ReportCheck("ok", department_id, answered.source, _since(began), "")
        )
    return json_response(encode(found), status=200 if found.status == "ok" else 503)


def _failing(
    department_id: int | None, source: str | None, began: float, problem: str
) -> ReportCheck:
    return ReportCheck("failing", department_id, source, _since(began), problem)


def _since(began: float) -> float:
    return round(1_000 * (perf_counter() - began), 1)
