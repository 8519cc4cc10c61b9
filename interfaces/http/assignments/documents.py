"""Planning documents: everything at once, checked whole before any of it is stored."""

import asyncio
from functools import partial
from typing import Any

from fastapi import APIRouter
from msgspec import Struct
from starlette.responses import Response

from application.assignments import KindCount, PlanningImported
from domain.assignments.hours import LenientCell
from domain.assignments.records import LISTS
from interfaces.http.admission import check_batch
from interfaces.http.asked import Asked, flag
from interfaces.http.commands import COMMAND_QUERY, answer_command
from interfaces.http.questions import asked_position
from interfaces.http.routes import Route, command, query_flag, question
from interfaces.http.wire import encode, json_response

router = APIRouter(route_class=Route, tags=["planning"])

_IMPORT, _EXPORT = "/v1/planning/import", "/v1/planning/export"
MAX_CELLS_SHOWN = 1_000

_LISTS: dict[str, Any] = {
    "type": "object",
    "properties": {key: {"type": "array", "items": {"type": "object"}} for key in LISTS},
    "example": {"roles": [{"id": 1, "name": "Engineer"}]},
}


class PlanningImportedAnswer(Struct, frozen=True):
    """What became of each list's records, and the values that were read leniently.

    Of very many such values the first thousand are shown; `lenient_cell_count` counts them all.
    """

    changed: bool
    recorded_events: int
    week_cells: int
    counts: dict[str, KindCount]
    lenient_cell_count: int
    lenient_cells: tuple[LenientCell, ...]


@router.post(
    _IMPORT,
    **command(
        _IMPORT,
        {200: PlanningImportedAnswer},
        body=_LISTS,
        query=[query_flag("lenient", "Read unusable hours as the original's report does")],
        scope="staff",
        batch=True,
    ),
)
async def import_planning(asked: Asked) -> Response:
    """Have everything that a planning document names as it says; the same again is quiet."""
    query = asked.query("lenient", *COMMAND_QUERY)
    await check_batch(asked.scope)
    lenient = flag("lenient", query.get("lenient", "false"))
    document = await asked.json_bytes()
    use_case = partial(asked.service.planning.import_document, document=document, lenient=lenient)
    return await answer_command(asked, use_case, _imported, query=query, body=document)


@router.get(_EXPORT, **question(_EXPORT, {"type": "object"}, projected=False, scope="staff"))
async def export_planning(asked: Asked) -> Response:
    """Return everything as a planning document, with the names of people; or as it was."""
    past = await asked_position(asked, asked.query("as_of"))
    # The head is read first: what is stored meanwhile may stand in the document already.
    position = asked.service.ledger.head if past is None else past
    document = await asked.service.planning.export_document(up_to=past)
    body = await asyncio.to_thread(encode, document)
    return json_response(body, headers={"capacity-position": str(position)})


def _imported(result: PlanningImported) -> tuple[int, Any]:
    return 200, PlanningImportedAnswer(
        changed=result.changed,
        recorded_events=result.events,
        week_cells=result.week_cells,
        counts=result.counts,
        lenient_cell_count=len(result.lenient_cells),
        lenient_cells=result.lenient_cells[:MAX_CELLS_SHOWN],
    )
