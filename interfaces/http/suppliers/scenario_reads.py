"""What stands in the scenarios of a line: who has how much, used how far, and how it is spread."""

from datetime import datetime
from functools import partial
from typing import Any

from fastapi import APIRouter
from msgspec import Struct
from sqlalchemy import Connection
from starlette.responses import Response

from domain.suppliers import LineNotFound, ScenarioNotFound
from interfaces.http.asked import Asked, link
from interfaces.http.questions import READ_QUERY, Document, answer_question, as_document
from interfaces.http.routes import Route, question
from interfaces.http.versions import version_tag
from interfaces.http.wire import encode
from projections import supplier_capacity
from projections.capacity_files import capacity_text
from projections.supplier_capacity import OpenScenario

router = APIRouter(route_class=Route, tags=["suppliers"])

_LINE = "/v1/lines/{line}"
_SCENARIO = f"{_LINE}/scenarios/{{scenario}}"


class ScenarioItem(Struct, frozen=True):
    scenario: str
    publication: int
    reset_number: int
    suppliers: int
    opened_at: datetime
    link: str


class ScenariosAnswer(Struct, frozen=True):
    line: str
    scenarios: list[ScenarioItem]


class SupplierAnswer(Struct, frozen=True):
    """`overbooked` is how many registrations are held beyond a capacity lowered since."""

    supplier_id: str
    capacity: int
    used: int
    overbooked: int
    history: str


class ScenarioAnswer(Struct, frozen=True):
    """A scenario; `capacity_file` is empty when its file lies at the default path."""

    line: str
    scenario: str
    publication: int
    reset_number: int
    capacity_file: str
    opened_at: datetime
    opened_by: str
    version: int
    suppliers: list[SupplierAnswer]
    links: dict[str, str]


class ShareAnswer(Struct, frozen=True):
    supplier_id: str
    capacity: int
    matches: int
    expected_share: float
    actual_share: float


class DistributionAnswer(Struct, frozen=True):
    """How matches are spread over the suppliers that could equally have had them."""

    line: str
    scenario: str
    shared_zip_codes: tuple[str, ...]
    shared_by_all: bool
    shares: list[ShareAnswer]
    matches: int
    outside_matches: int
    without_zip_matches: int


_CAPACITY_DOCUMENT = {
    "type": "object",
    "additionalProperties": {
        "type": "object",
        "required": ["SupplierID", "Capacity", "Used", "UsedPct"],
        "properties": {
            "SupplierID": {"type": "string"},
            "Capacity": {"type": "integer"},
            "Used": {"type": "integer"},
            "UsedPct": {"type": "number"},
        },
    },
}


@router.get(f"{_LINE}/scenarios", **question(f"{_LINE}/scenarios", ScenariosAnswer))
async def scenarios(asked: Asked) -> Response:
    """List the open scenarios of a line."""
    line, query = asked.segment("line"), asked.query(*READ_QUERY)
    return await answer_question(asked, partial(_scenarios, line=line), query=query)


@router.get(_SCENARIO, **question(_SCENARIO, ScenarioAnswer, versioned=True))
async def scenario(asked: Asked) -> Response:
    """Show a scenario: its publication, its count, and how much of it is used."""
    return await _about(asked, _scenario)


@router.get(
    f"{_SCENARIO}/capacity", **question(f"{_SCENARIO}/capacity", _CAPACITY_DOCUMENT, tag=True)
)
async def capacity(asked: Asked) -> Response:
    """Return exactly the document of the capacity file."""
    return await _about(asked, _capacity)


@router.get(
    f"{_SCENARIO}/distribution", **question(f"{_SCENARIO}/distribution", DistributionAnswer)
)
async def distribution(asked: Asked) -> Response:
    """Compare the spread of matches with the suppliers' shares of capacity."""
    return await _about(asked, _distribution, takes_long=True)


async def _about(asked: Asked, look: Any, *, takes_long: bool = False) -> Response:
    line, name = asked.segment("line"), asked.segment("scenario")
    query = asked.query(*READ_QUERY)
    about = partial(look, line=line, name=name)
    return await answer_question(asked, about, query=query, takes_long=takes_long)


# Questions.


def _scenarios(connection: Connection, *, line: str) -> ScenariosAnswer:
    found = supplier_capacity.scenarios(connection, line=line)
    if not found and supplier_capacity.publication(connection, line=line) is None:
        raise LineNotFound(line)
    return ScenariosAnswer(
        line,
        [
            ScenarioItem(
                scenario=each.scenario,
                publication=each.publication,
                reset_number=each.reset_number,
                suppliers=len(each.terms),
                opened_at=each.opened_at,
                link=scenario_path(line, each.scenario),
            )
            for each in found
        ],
    )


def _scenario(connection: Connection, *, line: str, name: str) -> Document:
    found, document = _found(connection, line, name)
    here = scenario_path(line, name)
    answer = ScenarioAnswer(
        line=line,
        scenario=name,
        publication=found.publication,
        reset_number=found.reset_number,
        capacity_file=found.capacity_file,
        opened_at=found.opened_at,
        opened_by=found.actor,
        version=found.version,
        suppliers=[
            SupplierAnswer(
                supplier_id=supplier,
                capacity=slots["Capacity"],
                used=slots["Used"],
                overbooked=max(0, slots["Used"] - slots["Capacity"]),
                history=link("lines", line, "scenarios", name, "suppliers", supplier, "history"),
            )
            for supplier, slots in document.items()
        ],
        links={each: f"{here}/{each}" for each in ("capacity", "distribution", "matches")},
    )
    # It also shows what is used, which moves while the scenario's own version stands still: the
    # version is there for If-Match, and never a reason to answer 304.
    return Document(encode(answer), "", {"etag": f'"{version_tag(found.version)}"'})


def _capacity(connection: Connection, *, line: str, name: str) -> Document:
    return as_document(capacity_text(_found(connection, line, name)[1]))


def _distribution(connection: Connection, *, line: str, name: str) -> DistributionAnswer:
    found = supplier_capacity.distribution(connection, line=line, scenario=name)
    if found is None:
        raise ScenarioNotFound(line, name)
    return DistributionAnswer(
        line=line,
        scenario=name,
        shared_zip_codes=found.shared_zip_codes,
        shared_by_all=found.shared_by_all,
        shares=[
            ShareAnswer(
                supplier_id=each.supplier,
                capacity=each.capacity_slots,
                matches=each.matches,
                expected_share=each.expected_share,
                actual_share=each.actual_share,
            )
            for each in found.shares
        ],
        matches=found.matches,
        outside_matches=found.outside_matches,
        without_zip_matches=found.without_zip_matches,
    )


def _found(
    connection: Connection, line: str, name: str
) -> tuple[OpenScenario, dict[str, dict[str, Any]]]:
    found = supplier_capacity.scenario(connection, line=line, scenario=name)
    document = supplier_capacity.capacity_document(connection, line=line, scenario=name)
    if found is None or document is None:
        raise ScenarioNotFound(line, name)
    return found, document


def scenario_path(line: str, name: str) -> str:
    """Return the path of a scenario."""
    return link("lines", line, "scenarios", name)
