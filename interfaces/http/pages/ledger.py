"""`/ledger`: how the ledger stands, its newest events in words, and the history of any subject."""

import asyncio
from contextlib import suppress
from itertools import islice
from typing import NamedTuple

from fastapi import APIRouter
from starlette.responses import Response

from application.ledger.history import SubjectNotFound
from application.ledger.searching import Filter, newest_first
from domain.catalogue import EVENTS_BY_TOPIC
from interfaces.history import Asked as AskedHistory
from interfaces.history import tell
from interfaces.http.asked import MAX_POSITION, Asked, whole_number
from interfaces.http.confinement import OF_VERTICALS, is_confined
from interfaces.http.events import topics_asked_for
from interfaces.http.health import freshness
from interfaces.http.pages.answers import answer_told, html, packed, query_pairs, shell_of, tag_of
from interfaces.http.questions import asked_position
from interfaces.http.routes import Route
from interfaces.http.wire import encode, json_response
from interfaces.pages.crumbs import Link
from interfaces.pages.ledger import (
    EVENTS_AT_ONCE,
    PATH,
    FoundEvents,
    LedgerQuery,
    ledger_page,
    ledger_state,
    read_ledger_query,
)
from interfaces.pages.page_query import path_of
from interfaces.pages.supplier_query import HistoryQuery, read_history_query
from interfaces.pages.templates import page
from interfaces.pages.told import kind_text, told_events, told_ledger
from interfaces.service import NotYetVisible, Service

router = APIRouter(route_class=Route)

# A context with few events is not looked for in the whole of a large ledger at once.
SEARCHED_POSITIONS = 100_000
_LATE_SECONDS = 2.0


class Contexts(NamedTuple):
    """Whose events a caller is told."""

    shown: list[str]
    left_out: list[str]


@router.get(PATH, include_in_schema=False)
async def ledger_of_events_page(asked: Asked) -> Response:
    """Show how the ledger stands, and what happened last."""
    pairs = query_pairs(asked)
    query = read_ledger_query(each for each in pairs if each[0] != "after")
    contexts = contexts_for(asked)
    topics = _topics(query, contexts)
    await _caught_up(asked, dict(pairs).get("after"))

    def write() -> tuple[bytes, dict[str, str]]:
        service = asked.service
        head, fresh = service.log.head(), freshness(service)
        state = ledger_state(head, fresh.projections, fresh.faults)
        found = find_newest(service, topics, query, head=head)
        tag = f'"{tag_of(asked, query, state, found, contexts)}"'
        headers = {"etag": tag, "capacity-position": str(head)}
        if asked.headers.get("if-none-match") == tag:
            return b"", headers
        shown = ledger_page(
            query, state, found, contexts=contexts.shown, left_out=contexts.left_out
        )
        body = page(
            "ledger", shell_of(asked), tag=tag, topics=None, context=None, path=PATH, shown=shown
        )
        sent, coded = packed(asked, body)
        return sent, headers | coded

    body, headers = await asyncio.to_thread(write)
    return html(body, headers=headers) if body else Response(status_code=304, headers=headers)


@router.get(f"{PATH}/{{context}}/{{id:path}}", include_in_schema=False)
async def subject_history_page(asked: Asked) -> Response:
    """Tell what happened to one subject, newest first."""
    context, subject = asked.segment("context"), asked.rest("id")
    query = read_history_query(each for each in query_pairs(asked) if each[0] != "after")
    if context in contexts_for(asked).left_out:
        raise SubjectNotFound(context, subject)
    past = await asked_position(asked, {"as_of": query.as_of} if query.as_of else {})
    wanted = AskedHistory(
        context=context,
        id=subject,
        order="newest",
        limit=EVENTS_AT_ONCE,
        cursor=query.cursor,
        up_to=past,
    )
    found = await asyncio.to_thread(tell, asked.service.log, wanted)
    position = asked.service.ledger.head if past is None else past
    answered = json_response(encode(found), headers={"capacity-position": str(position)})
    here = f"{PATH}{path_of(context, subject)}"

    def write(tag: str) -> bytes:
        return page(
            "history",
            shell_of(asked),
            tag=tag,
            topics=[
                topic
                for topic, each in EVENTS_BY_TOPIC.items()
                if each.aggregate_class.__name__ == found.kind
            ],
            context=context,
            title=f"{kind_text(found.kind).capitalize()} {subject}",
            crumbs=[
                Link("Ledger", PATH),
                Link(context, LedgerQuery(context).address()),
                Link(kind_text(found.kind)),
            ],
            facts=[],
            newest_first=True,
            looks_back=None,
            events=told_events(found),
            first_address=HistoryQuery(as_of=query.as_of).address(here) if query.cursor else "",
            next_address=HistoryQuery(found.next, query.as_of).address(here) if found.next else "",
        )

    return await answer_told(asked, answered, write)


def contexts_for(asked: Asked) -> Contexts:
    """Return whose events this caller is told, and whose are left out."""
    known = sorted({topic.partition(".")[0] for topic in EVENTS_BY_TOPIC})
    left_out = [each for each in known if each in OF_VERTICALS and is_confined(asked.caller)]
    return Contexts([each for each in known if each not in left_out], left_out)


def find_newest(
    service: Service, topics: list[str] | None, query: LedgerQuery, *, head: int
) -> FoundEvents:
    """Return the newest events of a page, looked for in so many positions at most."""
    up_to = head if query.before is None else min(head, query.before - 1)
    after = 0 if topics is None else max(0, up_to - SEARCHED_POSITIONS)
    wanted = Filter(after=after, up_to=up_to, topics=topics)
    newest = newest_first(service.log, wanted, limit=EVENTS_AT_ONCE)
    found = list(islice(newest, EVENTS_AT_ONCE))
    reached = found[-1].position if len(found) == EVENTS_AT_ONCE else after + 1
    return FoundEvents(told_ledger(found), reached)


def _topics(query: LedgerQuery, contexts: Contexts) -> list[str] | None:
    """Return the stored topics that are shown; None for all. Raises Invalid."""
    if query.context:
        wanted = topics_asked_for({"context": query.context}) or ()
        return [] if query.context in contexts.left_out else list(wanted)
    if not contexts.left_out:
        return None
    return [topic for each in contexts.shown for topic in topics_asked_for({"context": each}) or ()]


async def _caught_up(asked: Asked, after: str | None) -> None:
    """Wait for the read models, so that they do not look late whenever something happens."""
    if after is None:
        return
    position = whole_number("after", after, least=0, most=MAX_POSITION)
    with suppress(NotYetVisible):  # then it is shown that they are late
        await asked.service.wait_for(position, timeout_seconds=_LATE_SECONDS)
