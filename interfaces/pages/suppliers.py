"""The page of all scenarios in which suppliers have slots, and where the ones behind it are."""

from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from interfaces.pages.fills import Fill, Turning, pages_of
from interfaces.pages.page_query import path_of
from interfaces.pages.supplier_query import ScenarioQuery, ScenariosQuery
from projections.supplier_capacity import ScenarioHeadline

PATH = "/suppliers"
SCENARIOS_AT_ONCE = 50


class ScenarioLine(Struct, frozen=True):
    """A scenario in the list of all."""

    line: str
    scenario: str
    address: str
    suppliers: int
    reset_number: int
    opened_on: str
    fill: Fill
    overbooked: int


class ScenariosPage(Struct, frozen=True):
    """All that the template shows."""

    query: ScenariosQuery
    count: int
    lines: list[ScenarioLine]
    turning: Turning


def scenarios_page(
    query: ScenariosQuery, found: Sequence[ScenarioHeadline], *, count: int
) -> ScenariosPage:
    """Return what is shown of a page of scenarios."""
    pages = pages_of(count, SCENARIOS_AT_ONCE)
    kept = ScenarioQuery(as_of=query.as_of)
    lines = [
        ScenarioLine(
            line=each.line,
            scenario=each.scenario,
            address=kept.address(scenario_path(each.line, each.scenario)),
            suppliers=each.suppliers,
            reset_number=each.reset_number,
            opened_on=f"{each.opened_at:%Y-%m-%d}",
            fill=Fill(each.used_slots, each.capacity_slots),
            overbooked=each.overbooked,
        )
        for each in found
    ]
    page = min(query.page, pages)
    turning = Turning(
        page,
        pages,
        replace(query, page=page - 1).address(PATH) if page > 1 else "",
        replace(query, page=page + 1).address(PATH) if page < pages else "",
    )
    return ScenariosPage(query, count, lines, turning)


def scenario_path(line: str, scenario: str) -> str:
    """Return where the page of a scenario is."""
    return f"{PATH}{path_of(line, scenario)}"


def history_path(line: str, scenario: str, supplier: str) -> str:
    """Return where the history of a supplier is told."""
    return f"{PATH}{path_of(line, scenario, 'history', supplier)}"
