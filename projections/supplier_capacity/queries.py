"""The questions about suppliers, scenarios and matches, and their answers."""

import zlib
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from msgspec import Struct
from sqlalchemy import (
    Connection,
    Select,
    func,
    select,
)

from domain.suppliers.capacity_files import Count
from domain.suppliers.capacity_files import capacity_document as document_of
from domain.suppliers.offers import SupplierTerms
from projections.database import projection_positions
from projections.projection import Touched
from projections.supplier_capacity.tables import (
    CapacityRow,
    ScenarioRow,
    capacities,
    matches_table,
    offers_publications,
    scenarios_table,
    supplier_aliases,
    supplier_capacity,
)

_NAMED_AT_ONCE = 500  # a statement takes so many parameters at most

# Answers.


class Publication(Struct, frozen=True):
    """One publication of a line's offers."""

    line: str
    publication: int
    digest: str
    supplier_count: int
    published_at: datetime
    actor: str
    reason: str
    position: int


class PublishedDocument(Struct, frozen=True):
    """A publication with its document as it was handed in."""

    publication: Publication
    document: bytes


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


class Match(Struct, frozen=True):
    """A registration and the supplier whose slot it holds; no supplier once it is released."""

    line: str
    scenario: str
    reset_number: int
    registration_id: str
    supplier: str
    asked_supplier: str
    zip_code: str
    product_type: str
    panel_name: str
    payment_type: str
    num_panels: int | None
    booked_at: datetime
    changed_at: datetime
    actor: str
    reason: str
    version: int
    position: int


# Queries.


def position(connection: Connection) -> int:
    """Return the ledger position whose state all answers in this transaction show."""
    columns = projection_positions.c
    found = connection.scalar(
        select(columns.position).where(columns.name == supplier_capacity.name)
    )
    return found or 0


def lines(connection: Connection) -> list[str]:
    """Return the business lines that have published offers, by name."""
    column = offers_publications.c.line
    return list(connection.scalars(select(column).distinct().order_by(column)))


def publications(connection: Connection, *, line: str) -> list[Publication]:
    """Return what was published for a line, oldest first, without the documents."""
    columns = offers_publications.c
    found = _publications().where(columns.line == line).order_by(columns.publication)
    return [_publication(row) for row in connection.execute(found)]


def publication(
    connection: Connection, *, line: str, publication: int | None = None
) -> PublishedDocument | None:
    """Return one publication of a line, the newest if none is named."""
    columns = offers_publications.c
    wanted = _publications().add_columns(columns.document_deflated).where(columns.line == line)
    if publication is not None:
        wanted = wanted.where(columns.publication == publication)
    row = connection.execute(wanted.order_by(columns.publication.desc()).limit(1)).first()
    if row is None:
        return None
    return PublishedDocument(
        publication=_publication(row), document=zlib.decompress(row.document_deflated)
    )


def aliases(connection: Connection, *, line: str) -> dict[str, str]:
    """Return the aliases of a line and the suppliers they stand for, by alias."""
    columns = supplier_aliases.c
    found = connection.scalar(select(columns.supplier_by_alias).where(columns.line == line))
    return {} if found is None else msgspec.json.decode(found, type=dict[str, str])


def aliases_version(connection: Connection, *, line: str) -> int:
    """Return how many times the aliases of a line were set to something new."""
    columns = supplier_aliases.c
    return connection.scalar(select(columns.version).where(columns.line == line)) or 0


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


def distribution(connection: Connection, *, line: str, scenario: str) -> Distribution | None:
    """Return the spread of held matches over the zip codes that suppliers share.

    Expected is a supplier's capacity in that of all who serve a shared zip code.
    """
    opened = _opened(connection, line, scenario)
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


def matches_page(
    connection: Connection,
    *,
    line: str,
    scenario: str,
    limit: int,
    after_registration: str | None = None,
    supplier: str | None = None,
    include_released: bool = False,
    reset_number: int | None = None,
) -> list[Match]:
    """Return matches by registration id, from beyond one if it is named.

    They are those of the current count, unless `reset_number` names an earlier one.
    """
    columns = matches_table.c
    wanted = _matches_of(line, scenario, reset_number)
    if after_registration is not None:
        wanted = wanted.where(columns.registration_id > after_registration)
    if supplier is not None:
        wanted = wanted.where(columns.supplier == supplier)
    if not include_released:
        wanted = wanted.where(columns.supplier != "")
    ordered = wanted.order_by(columns.registration_id).limit(limit)
    return [_match(row) for row in connection.execute(ordered)]


def match(
    connection: Connection, *, line: str, scenario: str, registration_id: str
) -> Match | None:
    """Return the match of a registration in the current count, held or released."""
    wanted = _matches_of(line, scenario)
    row = connection.execute(
        wanted.where(matches_table.c.registration_id == registration_id)
    ).first()
    return None if row is None else _match(row)


def held_matches(
    connection: Connection, *, line: str, scenario: str, registration_ids: Sequence[str]
) -> dict[str, Match]:
    """Return those of some registrations that hold a slot in the current count, by their id."""
    found: dict[str, Match] = {}
    wanted = _matches_of(line, scenario).where(matches_table.c.supplier != "")
    for start in range(0, len(registration_ids), _NAMED_AT_ONCE):
        some = registration_ids[start : start + _NAMED_AT_ONCE]
        rows = connection.execute(wanted.where(matches_table.c.registration_id.in_(some)))
        found |= {row.registration_id: _match(row) for row in rows}
    return found


def touched_scenarios(touched: Touched) -> set[tuple[str, str]]:
    """Return line and scenario of every capacity document that the projector has just changed."""
    rows = [
        row
        for table in (scenarios_table, capacities)
        for row in touched.get(table.name, {}).values()
    ]
    return {(row.line, row.scenario) for row in rows if isinstance(row, ScenarioRow | CapacityRow)}


# Calculations, and reading rows.


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


def _count(row: CapacityRow) -> Count:
    return Count(row.supplier, row.capacity_slots, row.used_slots, bool(row.as_imported))


def _opened(connection: Connection, line: str, name: str) -> OpenScenario | None:
    return scenario(connection, line=line, scenario=name)


def _capacities(connection: Connection, line: str, name: str) -> dict[str, CapacityRow]:
    columns = capacities.c
    wanted = select(capacities).where(columns.line == line, columns.scenario == name)
    return {row.supplier: CapacityRow(*row) for row in connection.execute(wanted).all()}


def _slots(connection: Connection, line: str, name: str) -> dict[str, int]:
    columns = capacities.c
    wanted = select(columns.supplier, columns.capacity_slots).where(
        columns.line == line, columns.scenario == name
    )
    return {row.supplier: row.capacity_slots for row in connection.execute(wanted).all()}


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


def _matches_of(line: str, name: str, reset_number: int | None = None) -> Select[Any]:
    columns, of = matches_table.c, scenarios_table.c
    current = select(of.reset_number).where(of.line == line, of.scenario == name)
    return select(matches_table).where(
        columns.line == line,
        columns.scenario == name,
        columns.reset_number
        == (current.scalar_subquery() if reset_number is None else reset_number),
    )


def _publications() -> Select[Any]:
    columns = offers_publications.c
    return select(
        columns.line,
        columns.publication,
        columns.digest,
        columns.supplier_count,
        columns.published_at_us,
        columns.actor,
        columns.reason,
        columns.position,
    )


def _publication(row: Any) -> Publication:
    return Publication(
        line=row.line,
        publication=row.publication,
        digest=row.digest,
        supplier_count=row.supplier_count,
        published_at=_moment(row.published_at_us),
        actor=row.actor,
        reason=row.reason,
        position=row.position,
    )


def _scenario(row: Any) -> OpenScenario:
    return OpenScenario(
        line=row.line,
        scenario=row.scenario,
        publication=row.publication,
        reset_number=row.reset_number,
        capacity_file=row.capacity_file,
        terms=msgspec.json.decode(row.terms, type=tuple[SupplierTerms, ...]),
        opened_at=_moment(row.opened_at_us),
        actor=row.actor,
        version=row.version,
        position=row.position,
    )


def _match(row: Any) -> Match:
    return Match(
        line=row.line,
        scenario=row.scenario,
        reset_number=row.reset_number,
        registration_id=row.registration_id,
        supplier=row.supplier,
        asked_supplier=row.asked_supplier,
        zip_code=row.zip_code,
        product_type=row.product_type,
        panel_name=row.panel_name,
        payment_type=row.payment_type,
        num_panels=row.num_panels,
        booked_at=_moment(row.booked_at_us),
        changed_at=_moment(row.changed_at_us),
        actor=row.actor,
        reason=row.reason,
        version=row.version,
        position=row.position,
    )


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def _moment(moment_us: int) -> datetime:
    return _EPOCH + moment_us * _MICROSECOND
