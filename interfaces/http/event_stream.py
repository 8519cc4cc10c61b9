"""The ledger as server-sent events: it goes on where a client was cut off, and misses nothing."""

import asyncio
from contextlib import aclosing, suppress

from fastapi import APIRouter
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from domain.errors import Invalid
from domain.names import shown
from interfaces.http.admission import Admission
from interfaces.http.asked import MAX_POSITION, Asked, whole_number
from interfaces.http.confinement import is_confined
from interfaces.http.errors import RequestRefused
from interfaces.http.events import topics_asked_for
from interfaces.http.parameters import header_number, query_number, query_text
from interfaces.http.routes import Route, stream
from interfaces.http.server_sent_events import MEDIA_TYPE, beginning
from interfaces.http.stream_hub import StreamHub
from interfaces.http.subscribers import Subscriber

router = APIRouter(route_class=Route, tags=["ledger"])

_HEADERS = [
    (b"content-type", f"{MEDIA_TYPE}; charset=utf-8".encode()),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),  # a proxy must not wait until it has a page together
]


@router.get(
    "/v1/events/stream",
    **stream(
        query=[
            query_number("after", 0, MAX_POSITION, "Begin beyond this position; else with news"),
            query_text("context", "Only this context's, such as `suppliers`"),
            query_text("topic", "Only these, such as `suppliers.booked`"),
            header_number("Last-Event-ID", "The last `id` that was seen; goes before `after`"),
        ]
    ),
)
async def event_stream(asked: Asked) -> Response:
    """Stream events as they are recorded; each `id` is the event's position.

    Of events of planning, a key that belongs to a person is told their topics alone.
    """
    query = asked.query("after", "context", "topic")
    found = topics_asked_for(query)
    topics = None if found is None else frozenset(found)
    after = await _begin(asked, query)
    hub: StreamHub = asked.app.state.streams
    return EventStream(hub, hub.subscribe(topics, after, bare=is_confined(asked.caller)))


async def _begin(asked: Asked, query: dict[str, str]) -> int:
    """Return the position after which the client wants everything."""
    last = asked.header_texts().get(b"last-event-id", "")
    head = asked.service.ledger.head
    if last:
        position = whole_number("Last-Event-ID", last, least=0, most=MAX_POSITION)
        head = await _newest(asked, position, head)
        _check_kept(asked, position, head)
        return position
    if "after" not in query:
        return (await asked.service.ledger.store.head())[0]
    position = whole_number("after", query["after"], least=0, most=MAX_POSITION)
    head = await _newest(asked, position, head)
    if position > head:
        raise Invalid(("/after", f"found {shown(position)}, the ledger ends at {head}"))
    return position


async def _newest(asked: Asked, position: int, head: int) -> int:
    """Return the ledger's head; another process may have moved it since we last saw it."""
    resume_events = asked.service.settings.stream_resume_events
    if position <= head and not resume_events:
        return head
    return (await asked.service.ledger.store.head())[0]


def _check_kept(asked: Asked, position: int, head: int) -> None:
    """Raise 410 for a position from which no stream can go on: EventSource then gives up."""
    if position > head:
        detail = (
            f"Last-Event-ID is {position}, the ledger ends at {head}: it was restored from an "
            "older backup; read everything anew, without Last-Event-ID"
        )
        raise RequestRefused(410, "stream-gone", detail)
    most = asked.service.settings.stream_resume_events
    if most and head - position > most:
        detail = (
            f"Last-Event-ID is {position}, and the ledger is at {head}: a stream goes back at "
            f"most {most} positions; read /v1/events?after={position} up to its end first"
        )
        raise RequestRefused(410, "stream-gone", detail)


class EventStream(Response):
    """An answer until the client leaves, is too slow or has no key left, or the server stops."""

    def __init__(self, hub: StreamHub, subscriber: Subscriber) -> None:
        super().__init__()
        self._hub, self._subscriber = hub, subscriber

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send until one of these happens."""
        writing = asyncio.create_task(self._write(send))
        leaving = asyncio.create_task(_left(receive))
        admission: Admission = scope["app"].state.admission
        turned_away = asyncio.create_task(admission.until_turned_away(scope))
        tasks = (writing, leaving, turned_away)
        try:
            await asyncio.wait(
                (*tasks, self._subscriber.cut_off), return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            self._hub.unsubscribe(self._subscriber)
            for each in tasks:
                each.cancel()
            await asyncio.wait(tasks)
        if not writing.cancelled():
            writing.result()
        elif leaving.cancelled():
            # A client that reads nothing at all has no room for an end either: it is hung up on.
            with suppress(TimeoutError):
                async with asyncio.timeout(0):
                    await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _write(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": list(_HEADERS)})
        first = beginning(str(self._subscriber.after))
        await send({"type": "http.response.body", "body": first, "more_body": True})
        async with aclosing(self._hub.missed(self._subscriber)) as missed:
            async for chunk in missed:
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
        while chunk := await self._subscriber.next():
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
