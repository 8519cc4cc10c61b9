"""Scenarios, and what each supplier has and uses in them."""

from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct
from sqlalchemy import Connection, select

from domain.suppliers.capacity_files import Count
from domain.suppliers.capacity_files import capacity_document as document_of
from domain.suppliers.offers import SupplierTerms
from projections.database import projection_positions
from projections.moments import moment_of
from projections.projection import Touched
from projections.supplier_capacity.tables import (
    CapacityRow,
    ScenarioRow,
    capacities,
    scenarios_table,
    supplier_capacity,
)


class OpenScenario(Struct, frozen=True):
    """A scenario, with the terms that it goes by now."""

    line: str
    scenario: str
    publication: int
    reset_number: int
    capacity_file: str  # empty: at its default path
    terms: tuple[SupplierTerms, ...]
    opened_at: datetime
    actor: str
    version: int
    position: int


class Overbooked(Struct, frozen=True):
    """A supplier that holds more than a capacity which was lowered since."""

    line: str
    scenario: str
    supplier: str
    over_slots: int


def position(connection: Connection) -> int:
    """Return the ledger position whose state all answers in this transaction show."""
    columns = projection_positions.c
    found = connection.scalar(
        select(columns.position).where(columns.name == supplier_capacity.name)
    )
    return found or 0


def scenarios(connection: Connection, *, line: str) -> list[OpenScenario]:
    """Return the open scenarios of a line, by name."""
    columns = scenarios_table.c
    found = select(scenarios_table).where(columns.line == line).order_by(columns.scenario)
    return [_scenario(row) for row in connection.execute(found)]


def all_scenarios(connection: Connection) -> list[OpenScenario]:
    """Return the open scenarios of all lines, by line and name."""
    columns = scenarios_table.c
    found = select(scenarios_table).order_by(columns.line, columns.scenario)
    return [_scenario(row) for row in connection.execute(found)]


def scenario(connection: Connection, *, line: str, scenario: str) -> OpenScenario | None:
    """Return one scenario."""
    columns = scenarios_table.c
    wanted = select(scenarios_table).where(columns.line == line, columns.scenario == scenario)
    row = connection.execute(wanted).first()
    return None if row is None else _scenario(row)


def capacity_document(
    connection: Connection, *, line: str, scenario: str
) -> dict[str, dict[str, Any]] | None:
    """Return the document of a capacity file, keys in its order; suppliers as in the terms."""
    columns = scenarios_table.c
    wanted = select(columns.terms, columns.pattern_deflated).where(
        columns.line == line, columns.scenario == scenario
    )
    opened = connection.execute(wanted).first()
    if opened is None:
        return None
    terms = msgspec.json.decode(opened.terms, type=tuple[SupplierTerms, ...])
    rows = _capacities(connection, line, scenario)
    counts = [_count(rows[each.supplier]) for each in terms if each.supplier in rows]
    return document_of(counts, opened.pattern_deflated)


def overbooked(
    connection: Connection, *, line: str | None = None, scenario: str | None = None
) -> list[Overbooked]:
    """Return the suppliers that are over their capacity, by line, scenario and name."""
    columns = capacities.c
    wanted = select(capacities).where(columns.used_slots > columns.capacity_slots)
    if line is not None:
        wanted = wanted.where(columns.line == line)
    if scenario is not None:
        wanted = wanted.where(columns.scenario == scenario)
    ordered = wanted.order_by(columns.line, columns.scenario, columns.supplier)
    return [
        Overbooked(row.line, row.scenario, row.supplier, row.used_slots - row.capacity_slots)
        for row in connection.execute(ordered)
    ]


def touched_scenarios(touched: Touched) -> set[tuple[str, str]]:
    """Return line and scenario of every capacity document that the projector has just changed."""
    rows = [
        row
        for table in (scenarios_table, capacities)
        for row in touched.get(table.name, {}).values()
    ]
    return {(row.line, row.scenario) for row in rows if isinstance(row, ScenarioRow | CapacityRow)}


def _count(row: CapacityRow) -> Count:
    return Count(row.supplier, row.capacity_slots, row.used_slots, bool(row.as_imported))


def _capacities(connection: Connection, line: str, name: str) -> dict[str, CapacityRow]:
    columns = capacities.c
    wanted = select(capacities).where(columns.line == line, columns.scenario == name)
    return {row.supplier: CapacityRow(*row) for row in connection.execute(wanted).all()}


def _scenario(row: Any) -> OpenScenario:
    return OpenScenario(
        line=row.line,
        scenario=row.scenario,
        publication=row.publication,
        reset_number=row.reset_number,
        capacity_file=row.capacity_file,
        terms=msgspec.json.decode(row.terms, type=tuple[SupplierTerms, ...]),
        opened_at=moment_of(row.opened_at_us),
        actor=row.actor,
        version=row.version,
        position=row.position,
    )
