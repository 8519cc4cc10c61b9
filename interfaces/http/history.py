"""History over HTTP: what happened to one aggregate, whichever it is, and what it changed."""

import asyncio

from fastapi import APIRouter
from starlette.responses import Response

from domain.errors import Invalid
from domain.names import shown
from interfaces.history import DEFAULT_LIMIT, ORDERS, AggregateHistoryAnswer, tell
from interfaces.history import Asked as AskedHistory
from interfaces.http.asked import MAX_ITEMS, Asked, whole_number
from interfaces.http.confinement import check_context
from interfaces.http.parameters import query_number, query_text
from interfaces.http.questions import asked_position
from interfaces.http.routes import Route, question
from interfaces.http.wire import encode, json_response

router = APIRouter(route_class=Route, tags=["ledger"])

_PATH = "/v1/history/{context}/{id}"


@router.get(
    "/v1/history/{context}/{id:path}",
    **question(
        _PATH,
        AggregateHistoryAnswer,
        query=[
            query_number("limit", 1, MAX_ITEMS, f"At most so many; {DEFAULT_LIMIT} if not said"),
            query_text("order", "`oldest` first, which is the default, or `newest`"),
            query_text("kind", "Which of several that share the name, such as `Offers`"),
            query_text("cursor", "From `next` of the page before", max_length=4_000),
        ],
        projected=False,
    ),
)
async def aggregate_history(asked: Asked) -> Response:
    """Tell what happened to one aggregate, from the ledger itself."""
    query = asked.query("limit", "order", "kind", "cursor", "as_of")
    order = query.get("order", ORDERS[0])
    if order not in ORDERS:
        raise Invalid(("/order", f"found {shown(order)}, {' or '.join(ORDERS)} is needed"))
    check_context(asked.caller, asked.segment("context"))
    past = await asked_position(asked, query)
    wanted = AskedHistory(
        context=asked.segment("context"),
        id=asked.rest("id"),
        kind=query.get("kind", ""),
        order=order,
        limit=whole_number(
            "limit", query.get("limit", str(DEFAULT_LIMIT)), least=1, most=MAX_ITEMS
        ),
        cursor=query.get("cursor", ""),
        up_to=past,
    )

    def answer() -> bytes:
        return encode(tell(asked.service.log, wanted))

    body = await asyncio.to_thread(answer)
    position = asked.service.ledger.head if past is None else past
    return json_response(body, headers={"capacity-position": str(position)})
