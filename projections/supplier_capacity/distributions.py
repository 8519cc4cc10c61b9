"""How matches are spread over suppliers, against how they should be."""

from collections import Counter
from collections.abc import Mapping, Sequence

from msgspec import Struct
from sqlalchemy import Connection, func, select

from domain.suppliers.offers import SupplierTerms
from projections.supplier_capacity.scenarios import OpenScenario
from projections.supplier_capacity.scenarios import scenario as opened_scenario
from projections.supplier_capacity.tables import (
    capacities,
    matches_table,
)


class SupplierShare(Struct, frozen=True):
    """What a supplier should have of the matches in shared zip codes, and what it has."""

    supplier: str
    capacity_slots: int
    matches: int
    expected_share: float
    actual_share: float


class Distribution(Struct, frozen=True):
    """How matches are spread over the suppliers that could equally have had them."""

    shared_zip_codes: tuple[str, ...]
    shared_by_all: bool  # otherwise by two suppliers at least
    shares: tuple[SupplierShare, ...]
    matches: int
    outside_matches: int  # in a zip code that is not shared
    without_zip_matches: int


def distribution(connection: Connection, *, line: str, scenario: str) -> Distribution | None:
    """Return the spread of held matches over the zip codes that suppliers share.

    Expected is a supplier's capacity in that of all who serve a shared zip code.
    """
    opened = opened_scenario(connection, line=line, scenario=scenario)
    if opened is None:
        return None
    slots = _slots(connection, line, scenario)
    active = [each for each in opened.terms if slots.get(each.supplier, 0) > 0]
    shared, by_all = shared_zip_codes(active)
    serving = {each.supplier for each in active if shared.intersection(each.service_areas)}
    counted = _held_by_supplier_and_zip(connection, opened)
    inside: Counter[str] = Counter()
    for (supplier, zip_code), matches in counted.items():
        if zip_code in shared:
            inside[supplier] += matches
    shown = serving.union(inside)
    names = [each.supplier for each in opened.terms if each.supplier in shown]
    without_zip = sum(matches for (_, zip_code), matches in counted.items() if not zip_code)
    return Distribution(
        shared_zip_codes=tuple(sorted(shared)),
        shared_by_all=by_all,
        shares=_shares(names, {name: slots[name] for name in serving}, slots, inside),
        matches=counted.total(),
        outside_matches=counted.total() - inside.total() - without_zip,
        without_zip_matches=without_zip,
    )


def shared_zip_codes(suppliers: Sequence[SupplierTerms]) -> tuple[frozenset[str], bool]:
    """Return the zip codes that all suppliers serve, and True; if none, those of two or more."""
    serving = Counter(zip_code for each in suppliers for zip_code in set(each.service_areas))
    by_all = frozenset(zip_code for zip_code, many in serving.items() if many == len(suppliers))
    if by_all:
        return by_all, True
    return frozenset(zip_code for zip_code, many in serving.items() if many >= 2), False


def _shares(
    names: Sequence[str], pool: Mapping[str, int], slots: Mapping[str, int], inside: Counter[str]
) -> tuple[SupplierShare, ...]:
    pool_slots, matches = sum(pool.values()), inside.total()
    return tuple(
        SupplierShare(
            supplier=name,
            capacity_slots=slots.get(name, 0),
            matches=inside[name],
            expected_share=pool.get(name, 0) / pool_slots if pool_slots else 0.0,
            actual_share=inside[name] / matches if matches else 0.0,
        )
        for name in names
    )


def _held_by_supplier_and_zip(
    connection: Connection, opened: OpenScenario
) -> Counter[tuple[str, str]]:
    columns = matches_table.c
    found = connection.execute(
        select(columns.supplier, columns.zip_code, func.count())
        .where(
            columns.line == opened.line,
            columns.scenario == opened.scenario,
            columns.reset_number == opened.reset_number,
            columns.supplier != "",
        )
        .group_by(columns.supplier, columns.zip_code)
    ).all()
    return Counter({(supplier, zip_code): many for supplier, zip_code, many in found})


def _slots(connection: Connection, line: str, name: str) -> dict[str, int]:
    columns = capacities.c
    wanted = select(columns.supplier, columns.capacity_slots).where(
        columns.line == line, columns.scenario == name
    )
    return {row.supplier: row.capacity_slots for row in connection.execute(wanted).all()}
