"""`/suppliers`: all scenarios, one of them with its suppliers, and its chart as a picture."""

from collections.abc import Callable
from typing import NamedTuple, cast

from fastapi import APIRouter
from sqlalchemy import Connection
from starlette.responses import Response

from domain.suppliers import ScenarioNotFound
from interfaces.http.asked import Asked
from interfaces.http.errors import RequestRefused
from interfaces.http.pages.answers import answer_page, packed, query_pairs, shell_of, tag_of
from interfaces.http.pages.drawings import drawings_of
from interfaces.http.pages.looking_back import moment_of
from interfaces.http.questions import Document, answer_question
from interfaces.http.routes import Route
from interfaces.pages.chart_themes import config
from interfaces.pages.drawing import PictureForm
from interfaces.pages.fills import pages_of
from interfaces.pages.share_charts import share_picture
from interfaces.pages.supplier_query import (
    read_scenario_query,
    read_scenarios_query,
)
from interfaces.pages.supplier_scenario import MATCHES_AT_ONCE, scenario_page, shown_shares
from interfaces.pages.suppliers import PATH, SCENARIOS_AT_ONCE, scenarios_page
from interfaces.pages.templates import page
from projections import supplier_capacity
from projections.supplier_capacity import Distribution

router = APIRouter(route_class=Route)

CONTEXT = "suppliers"
TOPICS = sorted(each.topic for each in supplier_capacity.supplier_capacity.subscribes)
_SCENARIO = f"{PATH}/{{line}}/{{scenario}}"
_PICTURE_TYPES = {"svg": "image/svg+xml", "png": "image/png"}


class _Slots(NamedTuple):
    """The capacity document of a scenario, and how its matches are spread."""

    document: dict[str, dict[str, int]]
    distribution: Distribution


@router.get(PATH, include_in_schema=False)
async def suppliers_page(asked: Asked) -> Response:
    """Show what each scenario of each line comes to."""
    pairs = query_pairs(asked)
    query = read_scenarios_query(each for each in pairs if each[0] != "after")

    def look(connection: Connection) -> Document:
        count = supplier_capacity.count_scenarios(connection)
        skipped = (min(query.page, pages_of(count, SCENARIOS_AT_ONCE)) - 1) * SCENARIOS_AT_ONCE
        found = supplier_capacity.scenario_headlines(
            connection, limit=SCENARIOS_AT_ONCE, skipped=skipped
        )
        tag = tag_of(asked, query, count, found, _today(asked))
        return _written(
            asked, tag, lambda: {"shown": scenarios_page(query, found, count=count)}, "suppliers"
        )

    return await _answered(asked, look, query.as_of, pairs)


@router.get(_SCENARIO, include_in_schema=False)
async def scenario_of_suppliers_page(asked: Asked) -> Response:
    """Show each supplier of a scenario, the distribution, and the latest matches."""
    line, scenario = asked.segment("line"), asked.segment("scenario")
    pairs = query_pairs(asked)
    query = read_scenario_query(each for each in pairs if each[0] != "after")

    def look(connection: Connection) -> Document:
        slots = _slots(connection, line, scenario)
        matches = supplier_capacity.latest_matches(
            connection,
            line=line,
            scenario=scenario,
            limit=MATCHES_AT_ONCE + 1,
            before_position=query.matches,
        )
        tag = tag_of(asked, query, slots, matches, _today(asked))

        def shown() -> dict[str, object]:
            found = scenario_page(
                query,
                line=line,
                scenario=scenario,
                slots=slots.document,
                distribution=slots.distribution,
                matches=matches,
            )
            return {"shown": found, "picture_address": query.address(f"{found.path}/picture.svg")}

        return _written(asked, tag, shown, "supplier_scenario")

    return await _answered(asked, look, query.as_of, pairs)


@router.get(f"{_SCENARIO}/picture.{{form}}", include_in_schema=False)
async def distribution_picture(asked: Asked) -> Response:
    """Draw the chart of the page with the same address, as SVG or PNG."""
    form = asked.segment("form")
    if form not in _PICTURE_TYPES:
        raise RequestRefused(404, "route-not-found", "A picture is .svg or .png")
    line, scenario = asked.segment("line"), asked.segment("scenario")
    query = read_scenario_query(query_pairs(asked))
    found: list[_Slots] = []

    def look(connection: Connection) -> Document:
        found.append(_slots(connection, line, scenario))
        return Document(b"", "", {})

    await answer_question(asked, look, query=moment_of(query.as_of, asked))
    spec = share_picture(
        shown_shares(query, *found[-1]),
        title=f"{line}, {scenario}: actual against expected share",
        config=config("light", together=False),
    )
    drawn = await drawings_of(asked).picture(spec, cast(PictureForm, form))
    headers = {"cache-control": "private, no-cache", "vary": "Cookie, Authorization"}
    return Response(drawn, headers=headers, media_type=_PICTURE_TYPES[form])


def _slots(connection: Connection, line: str, scenario: str) -> _Slots:
    names = {"line": line, "scenario": scenario}
    document = supplier_capacity.capacity_document(connection, **names)
    distribution = supplier_capacity.distribution(connection, **names)
    if document is None or distribution is None:
        raise ScenarioNotFound(line, scenario)
    return _Slots(document, distribution)


def _written(
    asked: Asked, tag: str, shown: Callable[[], dict[str, object]], template: str
) -> Document:
    """Return the page; where the browser has it already, nothing is written."""
    if f'"{tag}"' == asked.headers.get("if-none-match", ""):
        return Document(b"", tag, {})
    content = {"topics": TOPICS, "context": CONTEXT, "tag": f'"{tag}"', "today": _today(asked)}
    sent, headers = packed(asked, page(template, shell_of(asked), **content, **shown()))
    return Document(sent, tag, headers)


async def _answered(
    asked: Asked,
    look: Callable[[Connection], Document],
    as_of: str,
    pairs: list[tuple[str, str]],
) -> Response:
    read_after = {name: text for name, text in pairs if name == "after"}
    return await answer_page(
        asked,
        look,
        query=moment_of(as_of, asked) | read_after,
        projection=supplier_capacity.supplier_capacity.name,
    )


def _today(asked: Asked) -> str:
    return asked.service.clock().date().isoformat()
