"""History: every event of one supplier's count, with who, when, why, and the count after it."""

import asyncio

from fastapi import APIRouter
from msgspec import Struct
from starlette.responses import Response

from application.ledger.history import Subject, Told, oldest_page
from domain.suppliers import SupplierCapacity
from domain.suppliers.offers import MAX_CAPACITY_SLOTS
from interfaces.http.asked import MAX_ITEMS, Asked, link, whole_number
from interfaces.http.parameters import query_number
from interfaces.http.questions import asked_position
from interfaces.http.routes import Route, question
from interfaces.http.wire import encode, json_response
from interfaces.recorded import HistoryAnswer, fields_of_event

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
    """Tell one supplier's count from the ledger itself: it needs no waiting for positions."""
    line, scenario = asked.segment("line"), asked.segment("scenario")
    supplier = asked.segment("supplier")
    query = asked.query("limit", "after_version", "as_of")
    limit = whole_number("limit", query.get("limit", str(_DEFAULT_LIMIT)), least=1, most=MAX_ITEMS)
    after = whole_number(
        "after_version", query.get("after_version", "0"), least=0, most=MAX_CAPACITY_SLOTS
    )
    past = await asked_position(asked, query)
    aggregate_id = await asked.service.suppliers.supplier_id(
        line=line, scenario=scenario, supplier=supplier, up_to=past
    )
    subject = Subject(SupplierCapacity, aggregate_id)
    page = await asyncio.to_thread(
        oldest_page, asked.service.log, subject, after=after, limit=limit, up_to=past
    )
    here = link("lines", line, "scenarios", scenario, "suppliers", supplier, "history")
    pinned = "" if past is None else f"&as_of={past}"
    more = page.follows is not None
    follow = f"{here}?limit={limit}&after_version={page.follows}{pinned}" if more else None
    events = [_answer(each) for each in page.events]
    answer = SupplierHistoryAnswer(line, scenario, supplier, events, follow)
    position = asked.service.ledger.head if past is None else past
    return json_response(encode(answer), headers={"capacity-position": str(position)})


def _answer(told: Told) -> HistoryAnswer:
    assert isinstance(told.after, SupplierCapacity)
    state = told.after.described()
    return HistoryAnswer(**fields_of_event(told.event), position=told.position, state=state)
