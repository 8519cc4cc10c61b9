"""The page of one scenario: what each supplier has and uses, the distribution, and new matches."""

from collections.abc import Mapping, Sequence
from math import inf
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from interfaces.pages.chart_parts import Spec
from interfaces.pages.chart_themes import config
from interfaces.pages.fills import Fill, Turning, pages_of
from interfaces.pages.share_charts import ShareRow, share_chart
from interfaces.pages.supplier_query import HistoryQuery, ScenarioQuery, SortName
from interfaces.pages.suppliers import history_path, scenario_path
from projections.supplier_capacity import Distribution, Match

SUPPLIERS_AT_ONCE, MATCHES_AT_ONCE = 30, 15
_COLUMNS: tuple[tuple[SortName, str], ...] = (
    ("supplier", "Supplier"),
    ("capacity", "Capacity"),
    ("used", "Used"),
    ("room", "Room"),
    ("percent", "Taken"),
)


class SupplierRow(Struct, frozen=True):
    """A supplier in a scenario."""

    supplier: str
    address: str
    fill: Fill


class Heading(Struct, frozen=True):
    """A column by which rows can be sorted; `sorted` is how they are by it, if they are."""

    sort: str
    name: str
    address: str
    sorted: str


class MatchRow(Struct, frozen=True):
    """A registration and its supplier."""

    registration_id: str
    supplier: str
    address: str
    zip_code: str
    when: str
    who: str
    why: str


class Spread(Struct, frozen=True):
    """The distribution, of the suppliers that are listed; counts are of all."""

    shares: list[ShareRow]
    chart: Spec
    zip_codes: int
    shared_by_all: bool
    inside: int
    outside: int
    without_zip: int


class ScenarioPage(Struct, frozen=True):
    """All that the template shows."""

    query: ScenarioQuery
    line: str
    scenario: str
    path: str
    fill: Fill
    overbooked: int
    suppliers: int
    found: int
    rows: list[SupplierRow]
    headings: list[Heading]
    turning: Turning
    spread: Spread
    configs: dict[str, Spec]
    matches: list[MatchRow]
    first_matches: str
    next_matches: str


def scenario_page(
    query: ScenarioQuery,
    *,
    line: str,
    scenario: str,
    slots: Mapping[str, Mapping[str, Any]],
    distribution: Distribution,
    matches: Sequence[Match],
) -> ScenarioPage:
    """Return what is shown of a scenario; `slots` are those of its capacity document.

    Of `matches` one more is needed than is shown.
    """
    path = scenario_path(line, scenario)
    every = [_row(query, line, scenario, name, each) for name, each in slots.items()]
    rows, found, turning = _listed(query, every, path)
    shown = list(matches[:MATCHES_AT_ONCE])
    more = len(matches) > len(shown)
    return ScenarioPage(
        query=query,
        line=line,
        scenario=scenario,
        path=path,
        fill=Fill(sum(each.fill.used for each in every), sum(each.fill.capacity for each in every)),
        overbooked=sum(bool(each.fill.over) for each in every),
        suppliers=len(every),
        found=found,
        rows=rows,
        headings=[_heading(query, path, sort, name) for sort, name in _COLUMNS],
        turning=turning,
        spread=_spread(distribution, [each.supplier for each in rows]),
        configs={"light": config("light", together=False), "dark": config("dark", together=False)},
        matches=[_match(query, each) for each in shown],
        first_matches=replace(query, matches=None).address(path) if query.matches else "",
        next_matches=replace(query, matches=shown[-1].position).address(path) if more else "",
    )


def shown_shares(
    query: ScenarioQuery, slots: Mapping[str, Mapping[str, Any]], distribution: Distribution
) -> list[ShareRow]:
    """Return the shares of the suppliers that the page of this address lists."""
    rows, _, _ = _listed(query, [_row(query, "", "", *each) for each in slots.items()], "")
    return shares_of(distribution, [each.supplier for each in rows])


def _listed(
    query: ScenarioQuery, every: list[SupplierRow], path: str
) -> tuple[list[SupplierRow], int, Turning]:
    """Return the rows of the page, how many there are on all, and where the others are."""
    found = _sorted(_named(every, query.name), query)
    pages = pages_of(len(found), SUPPLIERS_AT_ONCE)
    page = min(query.page, pages)  # a list may have become shorter since
    turning = Turning(
        page,
        pages,
        replace(query, page=page - 1).address(path) if page > 1 else "",
        replace(query, page=page + 1).address(path) if page < pages else "",
    )
    rows = found[(page - 1) * SUPPLIERS_AT_ONCE : page * SUPPLIERS_AT_ONCE]
    return rows, len(found), turning


def _row(
    query: ScenarioQuery, line: str, scenario: str, name: str, slots: Mapping[str, Any]
) -> SupplierRow:
    address = HistoryQuery(as_of=query.as_of).address(history_path(line, scenario, name))
    return SupplierRow(name, address, Fill(slots["Used"], slots["Capacity"]))


def _named(rows: list[SupplierRow], part: str) -> list[SupplierRow]:
    wanted = part.casefold()
    return [each for each in rows if wanted in each.supplier.casefold()]


def _sorted(rows: list[SupplierRow], query: ScenarioQuery) -> list[SupplierRow]:
    """Return rows by a column; those that are alike keep the order of the offers."""

    def key(row: SupplierRow) -> Any:
        if query.sort == "supplier":
            return row.supplier.casefold()
        if query.sort == "percent":
            return row.fill.percent if row.fill.capacity else inf if row.fill.over else -1.0
        return getattr(row.fill, query.sort)

    return sorted(rows, key=key, reverse=query.order == "desc")


def _heading(query: ScenarioQuery, path: str, sort: SortName, name: str) -> Heading:
    is_here = query.sort == sort
    descending = query.order == "asc" if is_here else sort != "supplier"
    wanted = replace(query, sort=sort, order="desc" if descending else "asc", page=1)
    said = {"asc": "ascending", "desc": "descending"}[query.order] if is_here else ""
    return Heading(sort, name, wanted.address(path), said)


def _spread(found: Distribution, suppliers: Sequence[str]) -> Spread:
    shares = shares_of(found, suppliers)
    return Spread(
        shares=shares,
        chart=share_chart(shares, title="Actual against expected share"),
        zip_codes=len(found.shared_zip_codes),
        shared_by_all=found.shared_by_all,
        inside=found.matches - found.outside_matches - found.without_zip_matches,
        outside=found.outside_matches,
        without_zip=found.without_zip_matches,
    )


def shares_of(found: Distribution, suppliers: Sequence[str]) -> list[ShareRow]:
    """Return what these suppliers have and should have; who takes no part is left out."""
    known = {each.supplier: each for each in found.shares}
    return [
        ShareRow(name, each.matches, 100 * each.expected_share, 100 * each.actual_share)
        for name in suppliers
        if (each := known.get(name)) is not None
    ]


def _match(query: ScenarioQuery, found: Match) -> MatchRow:
    address = history_path(found.line, found.scenario, found.supplier)
    return MatchRow(
        registration_id=found.registration_id,
        supplier=found.supplier,
        address=HistoryQuery(as_of=query.as_of).address(address),
        zip_code=found.zip_code,
        when=f"{found.changed_at:%Y-%m-%d %H:%M}",
        who=found.actor,
        why=found.reason,
    )
