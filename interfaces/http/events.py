"""The ledger's feed: everything that was recorded, in order, for whoever wants to follow."""

from collections.abc import Sequence

from fastapi import APIRouter
from msgspec import Struct
from starlette.responses import Response

from application.ledger.store import StoredRow
from domain.catalogue import EVENTS_BY_TOPIC
from domain.errors import Invalid
from domain.names import shown
from domain.stored import decode, stored_topics
from interfaces.http.asked import MAX_ITEMS, MAX_POSITION, Asked, whole_number
from interfaces.http.confinement import told_topics
from interfaces.http.parameters import query_number, query_text
from interfaces.http.questions import asked_position
from interfaces.http.routes import Route, question
from interfaces.http.wire import encode, json_response
from interfaces.recorded import RecordedAnswer, fields_of_event

router = APIRouter(route_class=Route, tags=["ledger"])

_DEFAULT_LIMIT = 100


class EventsAnswer(Struct, frozen=True):
    """Events in the order of the ledger; ask again with `after=next` for what follows."""

    events: list[RecordedAnswer]
    next: int


@router.get(
    "/v1/events",
    **question(
        "/v1/events",
        EventsAnswer,
        query=[
            query_number("after", 0, MAX_POSITION, "Only events beyond this position"),
            query_number("limit", 1, MAX_ITEMS, f"At most so many; {_DEFAULT_LIMIT} if not said"),
            query_text("context", "Only this context's, such as `suppliers`"),
            query_text("topic", "Only these, such as `suppliers.booked`"),
        ],
        projected=False,
    ),
)
async def events(asked: Asked) -> Response:
    """Return events beyond a position, from the ledger itself; a page is never incomplete.

    A key that belongs to a person is told no events of planning: they are of all verticals.
    """
    query = asked.query("after", "limit", "context", "topic", "as_of")
    after = whole_number("after", query.get("after", "0"), least=0, most=MAX_POSITION)
    limit = whole_number("limit", query.get("limit", str(_DEFAULT_LIMIT)), least=1, most=MAX_ITEMS)
    topics = told_topics(asked.caller, topics_asked_for(query))
    store = asked.service.ledger.store
    past = await asked_position(asked, query)
    head, _ = await store.head()  # before the page: all up to here is in it, or filtered out
    end = head if past is None else past
    found = await store.feed(after=after, limit=limit, topics=topics)
    rows = [row for row in found if past is None or row.position <= past]
    reached = rows[-1].position if rows else after
    follow = reached if len(rows) == limit else max(reached, end)
    answer = EventsAnswer([_answer(row) for row in rows], follow)
    shown_position = max(end, reached) if past is None else past
    return json_response(encode(answer), headers={"capacity-position": str(shown_position)})


def _answer(row: StoredRow) -> RecordedAnswer:
    event = decode(row.topic, row.state, row.originator_id, row.originator_version)
    return RecordedAnswer(**fields_of_event(event), position=row.position)


def topics_asked_for(query: dict[str, str]) -> Sequence[str] | None:
    """Return the stored topics that are asked for, those of older shapes too; None for all."""
    if "topic" not in query and "context" not in query:
        return None
    chosen = [
        event_class
        for topic, event_class in EVENTS_BY_TOPIC.items()
        if query.get("topic", topic) == topic
        and query.get("context", _context(topic)) == _context(topic)
    ]
    if not chosen:
        asked = {name: query[name] for name in ("context", "topic") if name in query}
        raise Invalid(*((f"/{name}", _unknown(name, text)) for name, text in asked.items()))
    return [stored for each in chosen for stored in stored_topics(each)]


def _unknown(name: str, text: str) -> str:
    known = sorted({_context(each) if name == "context" else each for each in EVENTS_BY_TOPIC})
    return f"found {shown(text)}, which selects nothing; known: {', '.join(known)}"


def _context(topic: str) -> str:
    return topic.partition(".")[0]
