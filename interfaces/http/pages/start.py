"""`/`: the headline figure of each context that there is something to say of."""

import asyncio
from typing import cast

from fastapi import APIRouter
from sqlalchemy import Connection
from starlette.responses import Response

from interfaces.http.asked import Asked
from interfaces.http.pages.answers import answer_page, shell_of, tag_of
from interfaces.http.pages.role_capacity import reported
from interfaces.http.questions import Document
from interfaces.http.reports.reporter import Reporter, Wanted
from interfaces.http.routes import Route
from interfaces.pages.start import Headlines, ledger_headline, planning_headline
from interfaces.pages.templates import page
from interfaces.role_capacity import hidden_words, weeks_from
from projections.role_capacity import Question, week_of
from projections.supplier_capacity import headline as suppliers_headline

router = APIRouter(route_class=Route)


@router.get("/", include_in_schema=False)
async def start_page(asked: Asked) -> Response:
    """Show how each context stands, with links to more."""
    asked.query()
    service = asked.service
    statuses = await asyncio.to_thread(service.projector.status, clock=service.clock)
    ledger = ledger_headline(service.ledger.head, statuses)
    reporter, wanted = cast(Reporter, asked.app.state.reporter), _this_week(asked)

    def look(connection: Connection) -> Document:
        report = reported(connection, reporter, asked.caller, wanted).report
        shown = Headlines(suppliers_headline(connection), planning_headline(report), ledger)
        body = page("start", shell_of(asked), shown=shown)
        return Document(body, tag_of(asked, shown), {})

    return await answer_page(asked, look, query={})


def _this_week(asked: Asked) -> Wanted:
    settings = asked.service.settings
    question = Question(
        weeks=weeks_from(week_of(asked.service.clock().date()), 1),
        gating=settings.role_capacity_gating,
        hidden_words=hidden_words(settings),
    )
    return Wanted(question, settings.role_capacity_source, "hours")
