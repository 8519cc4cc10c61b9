"""History: every event of one supplier's count, with who, when, why, and the count after it."""

from fastapi import APIRouter
from msgspec import Struct
from starlette.responses import Response

from domain.suppliers import SupplierCapacity
from domain.suppliers.offers import MAX_CAPACITY_SLOTS
from interfaces.http.asked import MAX_ITEMS, Asked, link, whole_number
from interfaces.http.questions import asked_position
from interfaces.http.recorded import HistoryAnswer, fields_of_event
from interfaces.http.routes import Route, query_number, question
from interfaces.http.wire import encode, json_response

router = APIRouter(route_class=Route, tags=["suppliers"])

_HISTORY = "/v1/lines/{line}/scenarios/{scenario}/suppliers/{supplier}/history"
_DEFAULT_LIMIT = 100


class SupplierHistoryAnswer(Struct, frozen=True):
    """Events, oldest first; `next` is the path of the next page, or null on the last."""

    line: str
    scenario: str
    supplier_id: str
    events: list[HistoryAnswer]
    next: str | None


@router.get(
    _HISTORY,
    **question(
        _HISTORY,
        SupplierHistoryAnswer,
        query=[
            query_number("limit", 1, MAX_ITEMS, f"At most so many; {_DEFAULT_LIMIT} if not said"),
            query_number("after_version", 0, MAX_CAPACITY_SLOTS, "Only events beyond this one"),
        ],
        projected=False,
    ),
)
async def history(asked: Asked) -> Response:
    """Replay one supplier's count from the ledger itself: it needs no waiting for positions."""
    line, scenario = asked.segment("line"), asked.segment("scenario")
    supplier = asked.segment("supplier")
    query = asked.query("limit", "after_version", "as_of")
    limit = whole_number("limit", query.get("limit", str(_DEFAULT_LIMIT)), least=1, most=MAX_ITEMS)
    after = whole_number(
        "after_version", query.get("after_version", "0"), least=0, most=MAX_CAPACITY_SLOTS
    )
    past = await asked_position(asked, query)
    events: list[HistoryAnswer] = []
    more = False
    replay = asked.service.suppliers.history(
        line=line, scenario=scenario, supplier=supplier, up_to=past
    )
    async for recorded in replay:
        if recorded.event.originator_version <= after:
            continue
        if more := len(events) == limit:
            break
        assert isinstance(recorded.aggregate, SupplierCapacity)
        events.append(
            HistoryAnswer(
                **fields_of_event(recorded.event),
                position=recorded.position,
                state=recorded.aggregate.described(),
            )
        )
    here = link("lines", line, "scenarios", scenario, "suppliers", supplier, "history")
    pinned = "" if past is None else f"&as_of={past}"
    follow = f"{here}?limit={limit}&after_version={events[-1].version}{pinned}" if more else None
    answer = SupplierHistoryAnswer(line, scenario, supplier, events, follow)
    position = asked.service.ledger.head if past is None else past
    return json_response(encode(answer), headers={"capacity-position": str(position)})
