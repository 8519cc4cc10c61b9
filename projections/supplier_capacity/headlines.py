"""What scenarios come to, in a few figures; the whole of one small table is read for it."""

from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct
from sqlalchemy import Connection, case, func, select, tuple_

from projections.moments import moment_of
from projections.supplier_capacity.tables import capacities, offers_publications, scenarios_table


class SuppliersHeadline(Struct, frozen=True):
    """`overbooked` is how many suppliers hold more than their capacity."""

    lines: int
    scenarios: int
    used_slots: int
    capacity_slots: int
    overbooked: int


class ScenarioHeadline(Struct, frozen=True):
    """What one scenario comes to; `overbooked` is how many of its suppliers hold too much."""

    line: str
    scenario: str
    publication: int
    reset_number: int
    opened_at: datetime
    suppliers: int
    used_slots: int
    capacity_slots: int
    overbooked: int


def headline(connection: Connection) -> SuppliersHeadline | None:
    """Return what all scenarios come to; None before any line has published offers."""
    lines = connection.scalar(select(func.count(offers_publications.c.line.distinct())))
    scenarios = connection.scalar(select(func.count()).select_from(scenarios_table))
    row = connection.execute(select(*_sums())).one()
    if not lines and not scenarios:
        return None
    return SuppliersHeadline(lines or 0, scenarios or 0, *(int(each or 0) for each in row))


def count_scenarios(connection: Connection) -> int:
    """Return how many scenarios are open, of all lines."""
    return connection.scalar(select(func.count()).select_from(scenarios_table)) or 0


def scenario_headlines(
    connection: Connection, *, limit: int, skipped: int = 0
) -> list[ScenarioHeadline]:
    """Return what each scenario comes to, by line and name; the first few are skipped."""
    of = scenarios_table.c
    page = (
        select(of.line, of.scenario, of.publication, of.reset_number, of.opened_at_us, of.terms)
        .order_by(of.line, of.scenario)
        .limit(limit)
        .offset(skipped)
    )
    rows = connection.execute(page).all()
    # Apart from the rows: grouped with them, each supplier would carry all terms through the sort.
    columns = capacities.c
    here = tuple_(columns.line, columns.scenario).in_([(row.line, row.scenario) for row in rows])
    grouped = (
        select(columns.line, columns.scenario, *_sums())
        .where(here)
        .group_by(columns.line, columns.scenario)
    )
    sums = {(line, name): found for line, name, *found in connection.execute(grouped)}
    return [_headline(*row, *sums.get((row.line, row.scenario), (0, 0, 0))) for row in rows]


def _sums() -> list[Any]:
    """Return what is used, what there is, and how many suppliers hold too much."""
    columns = capacities.c
    over = case((columns.used_slots > columns.capacity_slots, 1), else_=0)
    return [func.sum(each) for each in (columns.used_slots, columns.capacity_slots, over)]


def _headline(
    line: str,
    scenario: str,
    publication: int,
    reset_number: int,
    opened_at_us: int,
    terms: str,
    *sums: int | None,
) -> ScenarioHeadline:
    return ScenarioHeadline(
        line,
        scenario,
        publication,
        reset_number,
        moment_of(opened_at_us),
        len(msgspec.json.decode(terms, type=list[msgspec.Raw])),
        *(int(each or 0) for each in sums),
    )
