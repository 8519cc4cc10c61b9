"""The history of one supplier in a scenario: who did what, when, why, and the counts around it."""

import asyncio

from fastapi import APIRouter
from starlette.responses import Response

from interfaces.history import AggregateHistoryAnswer, tell
from interfaces.history import Asked as AskedHistory
from interfaces.http.asked import Asked
from interfaces.http.pages.answers import answer_told, query_pairs, shell_of
from interfaces.http.pages.looking_back import moment_of
from interfaces.http.pages.suppliers import CONTEXT, TOPICS
from interfaces.http.questions import asked_position
from interfaces.http.routes import Route
from interfaces.http.wire import encode, json_response
from interfaces.pages.crumbs import Link
from interfaces.pages.supplier_query import HistoryQuery, ScenarioQuery, read_history_query
from interfaces.pages.suppliers import PATH, history_path, scenario_path
from interfaces.pages.templates import page
from interfaces.pages.told import told_counts

router = APIRouter(route_class=Route)

EVENTS_AT_ONCE = 50


@router.get(f"{PATH}/{{line}}/{{scenario}}/history/{{supplier}}", include_in_schema=False)
async def supplier_history_page(asked: Asked) -> Response:
    """Tell one supplier's count from the ledger, newest first."""
    line, scenario = asked.segment("line"), asked.segment("scenario")
    supplier = asked.segment("supplier")
    query = read_history_query(each for each in query_pairs(asked) if each[0] != "after")
    past = await asked_position(asked, moment_of(query.as_of, asked))
    supplier_id = await asked.service.suppliers.supplier_id(
        line=line, scenario=scenario, supplier=supplier, up_to=past
    )
    wanted = AskedHistory(
        context=CONTEXT,
        id=str(supplier_id),
        order="newest",
        limit=EVENTS_AT_ONCE,
        cursor=query.cursor,
        up_to=past,
    )
    found = await asyncio.to_thread(tell, asked.service.log, wanted)
    position = asked.service.ledger.head if past is None else past
    answered = json_response(encode(found), headers={"capacity-position": str(position)})
    here = history_path(line, scenario, supplier)
    kept = ScenarioQuery(as_of=query.as_of).address(scenario_path(line, scenario))

    def write(tag: str) -> bytes:
        return page(
            "history",
            shell_of(asked),
            tag=tag,
            topics=TOPICS,
            context=CONTEXT,
            title=supplier,
            crumbs=[
                Link("Suppliers", PATH),
                Link(f"{line}, {scenario}", kept),
                Link(supplier),
            ],
            facts=[] if query.cursor else _counts(found),
            newest_first=True,
            looks_back=query.as_of,
            today=asked.service.clock().date().isoformat(),
            events=told_counts(found),
            first_address=HistoryQuery(as_of=query.as_of).address(here) if query.cursor else "",
            next_address=HistoryQuery(found.next, query.as_of).address(here) if found.next else "",
        )

    return await answer_told(asked, answered, write)


def _counts(found: AggregateHistoryAnswer) -> list[tuple[str, str]]:
    """Return the counts after the newest event."""
    state = found.events[0].state
    counts = state if isinstance(state, dict) else {}
    return [(name.capitalize(), f"{count:,d}") for name, count in counts.items()]
