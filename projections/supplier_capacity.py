"""Who has how many slots in a scenario, who uses them, and for which registrations.

One projection owns all tables of the supplier context, because their answers must agree.
"""

import json
import zlib
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from sys import intern
from typing import Any

import msgspec
from msgspec import Struct
from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Index,
    Integer,
    LargeBinary,
    Select,
    Table,
    Text,
    func,
    select,
)

from domain.aggregate import Event
from domain.suppliers import Booking, Offers, Scenario, SupplierAliases, SupplierCapacity
from domain.suppliers.offers import SupplierTerms
from projections.database import Name, metadata, projection_positions
from projections.projection import Projection, Row, Touched, events_of

# Tables. Ids are the 16 bytes of the aggregate's id, moments are microseconds since 1970 (UTC).

offers_publications = Table(
    "offers_publications",
    metadata,
    Column("line", Name, primary_key=True),
    Column("publication", BigInteger, primary_key=True, autoincrement=False),
    Column("digest", Text, nullable=False),
    Column("document_deflated", LargeBinary, nullable=False),
    Column("supplier_count", Integer, nullable=False),
    Column("published_at_us", BigInteger, nullable=False),
    Column("actor", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("position", BigInteger, nullable=False),
)

supplier_aliases = Table(
    "supplier_aliases",
    metadata,
    Column("aliases_id", LargeBinary, primary_key=True),
    Column("line", Name, nullable=False),
    Column("supplier_by_alias", Text, nullable=False),  # a JSON object
    Column("set_at_us", BigInteger, nullable=False),
    Column("actor", Text, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("position", BigInteger, nullable=False),
    Index("supplier_aliases_line", "line"),
)

scenarios_table = Table(
    "scenarios",
    metadata,
    Column("scenario_id", LargeBinary, primary_key=True),
    Column("line", Name, nullable=False),
    Column("scenario", Name, nullable=False),
    Column("publication", BigInteger, nullable=False),
    Column("reset_number", BigInteger, nullable=False),
    Column("capacity_file", Text, nullable=False),
    Column("terms", Text, nullable=False),  # a JSON list of SupplierTerms, in their order
    Column("opened_at_us", BigInteger, nullable=False),
    Column("actor", Text, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("position", BigInteger, nullable=False),
    Index("scenarios_line_scenario", "line", "scenario"),
)

capacities = Table(
    "supplier_capacity",
    metadata,
    Column("capacity_id", LargeBinary, primary_key=True),
    Column("line", Name, nullable=False),
    Column("scenario", Name, nullable=False),
    Column("supplier", Name, nullable=False),
    Column("capacity_slots", BigInteger, nullable=False),
    Column("used_slots", BigInteger, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("position", BigInteger, nullable=False),
    Index("supplier_capacity_line_scenario", "line", "scenario"),
)

matches_table = Table(
    "matches",
    metadata,
    Column("booking_id", LargeBinary, primary_key=True),
    Column("line", Name, nullable=False),
    Column("scenario", Name, nullable=False),
    Column("reset_number", BigInteger, nullable=False),
    Column("registration_id", Name, nullable=False),
    Column("supplier", Name, nullable=False),  # empty once it is released
    Column("asked_supplier", Text, nullable=False),
    Column("zip_code", Text, nullable=False),
    Column("product_type", Text, nullable=False),
    Column("panel_name", Text, nullable=False),
    Column("payment_type", Text, nullable=False),
    Column("num_panels", BigInteger),
    Column("booked_at_us", BigInteger, nullable=False),
    Column("changed_at_us", BigInteger, nullable=False),
    Column("actor", Text, nullable=False),  # who changed it last, and why
    Column("reason", Text, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("position", BigInteger, nullable=False),
    Index("matches_registration", "line", "scenario", "reset_number", "registration_id"),
    Index("matches_supplier", "line", "scenario", "reset_number", "supplier", "zip_code"),
    sqlite_with_rowid=False,
)


class PublicationRow(Row):
    line: str
    publication: int
    digest: str
    document_deflated: bytes
    supplier_count: int
    published_at_us: int
    actor: str
    reason: str
    position: int


class AliasesRow(Row):
    aliases_id: bytes
    line: str
    supplier_by_alias: str
    set_at_us: int
    actor: str
    version: int
    position: int


class ScenarioRow(Row):
    scenario_id: bytes
    line: str
    scenario: str
    publication: int
    reset_number: int
    capacity_file: str
    terms: str
    opened_at_us: int
    actor: str
    version: int
    position: int


class CapacityRow(Row):
    capacity_id: bytes
    line: str
    scenario: str
    supplier: str
    capacity_slots: int
    used_slots: int
    version: int
    position: int


class MatchRow(Row):
    booking_id: bytes
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
    booked_at_us: int
    changed_at_us: int
    actor: str
    reason: str
    version: int
    position: int


supplier_capacity = Projection(
    "supplier_capacity",
    version=1,
    rows={
        offers_publications: PublicationRow,
        supplier_aliases: AliasesRow,
        scenarios_table: ScenarioRow,
        capacities: CapacityRow,
        matches_table: MatchRow,
    },
    subscribes=events_of(Offers, SupplierAliases, Scenario, SupplierCapacity, Booking),
)

# Rules.


@supplier_capacity.rule(
    offers_publications, Offers.Published, key=lambda event: (event.line, event.publication)
)
def _published(_: PublicationRow | None, event: Offers.Published, position: int) -> PublicationRow:
    # Counted without the checks of today, which an older document need not pass.
    document = json.loads(zlib.decompress(event.document_deflated))
    return PublicationRow(
        line=event.line,
        publication=event.publication,
        digest=event.digest,
        document_deflated=event.document_deflated,
        supplier_count=len(document["SupplierOffers"]),
        published_at_us=_recorded_at_us(event),
        actor=event.provenance.actor,
        reason=event.provenance.reason,
        position=position,
    )


@supplier_capacity.rule(supplier_aliases, SupplierAliases.Set)
def _aliases_set(_: AliasesRow | None, event: SupplierAliases.Set, position: int) -> AliasesRow:
    return AliasesRow(
        aliases_id=event.originator_id.bytes,
        line=event.line,
        supplier_by_alias=_json_text(dict(event.supplier_by_alias)),
        set_at_us=_recorded_at_us(event),
        actor=event.provenance.actor,
        version=event.originator_version,
        position=position,
    )


@supplier_capacity.rule(scenarios_table, Scenario.Opened)
def _scenario_opened(_: ScenarioRow | None, event: Scenario.Opened, position: int) -> ScenarioRow:
    return ScenarioRow(
        scenario_id=event.originator_id.bytes,
        line=event.line,
        scenario=event.scenario,
        publication=event.publication,
        reset_number=0,
        capacity_file=event.capacity_file,
        terms=_json_text(event.terms),
        opened_at_us=_recorded_at_us(event),
        actor=event.provenance.actor,
        version=event.originator_version,
        position=position,
    )


@supplier_capacity.rule(scenarios_table, Scenario.Resynced)
def _scenario_resynced(row: ScenarioRow, event: Scenario.Resynced, position: int) -> ScenarioRow:
    row.publication = event.publication
    row.terms = _json_text(event.terms)
    row.version, row.position = event.originator_version, position
    return row


@supplier_capacity.rule(scenarios_table, Scenario.Reset)
def _scenario_reset(row: ScenarioRow, event: Scenario.Reset, position: int) -> ScenarioRow:
    row.reset_number = event.reset_number
    row.version, row.position = event.originator_version, position
    return row


@supplier_capacity.rule(capacities, SupplierCapacity.Opened)
def _capacity_opened(
    _: CapacityRow | None, event: SupplierCapacity.Opened, position: int
) -> CapacityRow:
    return CapacityRow(
        capacity_id=event.originator_id.bytes,
        line=event.line,
        scenario=event.scenario,
        supplier=event.supplier,
        capacity_slots=event.capacity_slots,
        used_slots=0,
        version=event.originator_version,
        position=position,
    )


@supplier_capacity.rule(capacities, SupplierCapacity.CapacityChanged)
def _capacity_changed(
    row: CapacityRow, event: SupplierCapacity.CapacityChanged, position: int
) -> CapacityRow:
    row.capacity_slots = event.capacity_slots
    row.version, row.position = event.originator_version, position
    return row


@supplier_capacity.rule(capacities, SupplierCapacity.SlotBooked)
def _slot_booked(
    row: CapacityRow, event: SupplierCapacity.SlotBooked, position: int
) -> CapacityRow:
    row.used_slots += 1
    row.version, row.position = event.originator_version, position
    return row


@supplier_capacity.rule(capacities, SupplierCapacity.SlotReleased)
def _slot_released(
    row: CapacityRow, event: SupplierCapacity.SlotReleased, position: int
) -> CapacityRow:
    row.used_slots -= 1
    row.version, row.position = event.originator_version, position
    return row


@supplier_capacity.rule(capacities, SupplierCapacity.Cleared)
def _capacity_cleared(
    row: CapacityRow, event: SupplierCapacity.Cleared, position: int
) -> CapacityRow:
    row.used_slots = 0
    row.version, row.position = event.originator_version, position
    return row


@supplier_capacity.rule(matches_table, Booking.Booked)
def _booked(_: MatchRow | None, event: Booking.Booked, position: int) -> MatchRow:
    details, provenance = event.details, event.provenance
    recorded_at_us = _recorded_at_us(event)
    # A rebuild holds these rows by the hundred thousand: what repeats is kept in memory once.
    return MatchRow(
        booking_id=event.originator_id.bytes,
        line=intern(event.line),
        scenario=intern(event.scenario),
        reset_number=event.reset_number,
        registration_id=event.registration_id,
        supplier=intern(event.supplier),
        asked_supplier=intern(event.asked_supplier),
        zip_code=intern(details.zip_code),
        product_type=intern(details.product_type),
        panel_name=intern(details.panel_name),
        payment_type=intern(details.payment_type),
        num_panels=details.num_panels,
        booked_at_us=recorded_at_us,
        changed_at_us=recorded_at_us,
        actor=intern(provenance.actor),
        reason=intern(provenance.reason),
        version=event.originator_version,
        position=position,
    )


@supplier_capacity.rule(matches_table, Booking.Released)
def _released(row: MatchRow, event: Booking.Released, position: int) -> MatchRow:
    row.supplier = row.asked_supplier = ""
    return _changed(row, event, position)


@supplier_capacity.rule(matches_table, Booking.Reassigned)
def _reassigned(row: MatchRow, event: Booking.Reassigned, position: int) -> MatchRow:
    row.supplier, row.asked_supplier = intern(event.supplier), intern(event.asked_supplier)
    return _changed(row, event, position)


def _changed(row: MatchRow, event: Event, position: int) -> MatchRow:
    row.changed_at_us = _recorded_at_us(event)
    row.actor, row.reason = event.provenance.actor, event.provenance.reason
    row.version, row.position = event.originator_version, position
    return row


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
    opened = _opened(connection, line, scenario)
    if opened is None:
        return None
    rows = _capacities(connection, line, scenario)
    return {
        each.supplier: {
            "SupplierID": each.supplier,
            "Capacity": rows[each.supplier].capacity_slots,
            "Used": rows[each.supplier].used_slots,
            "UsedPct": _used_share(rows[each.supplier]),
        }
        for each in opened.terms
        if each.supplier in rows
    }


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
    slots = {
        supplier: row.capacity_slots
        for supplier, row in _capacities(connection, line, scenario).items()
    }
    active = [each for each in opened.terms if slots.get(each.supplier, 0) > 0]
    shared, by_all = shared_zip_codes(active)
    serving = {each.supplier for each in active if shared.intersection(each.service_areas)}
    counted = _held_by_supplier_and_zip(connection, opened)
    inside: Counter[str] = Counter()
    for (supplier, zip_code), matches in counted.items():
        if zip_code in shared:
            inside[supplier] += matches
    names = [each.supplier for each in opened.terms if each.supplier in serving | set(inside)]
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


def _used_share(row: CapacityRow) -> float:
    if row.capacity_slots <= 0:
        return 0.0
    return round(row.used_slots / row.capacity_slots, 2)


def _opened(connection: Connection, line: str, name: str) -> OpenScenario | None:
    return scenario(connection, line=line, scenario=name)


def _capacities(connection: Connection, line: str, name: str) -> dict[str, CapacityRow]:
    columns = capacities.c
    wanted = select(capacities).where(columns.line == line, columns.scenario == name)
    return {row.supplier: CapacityRow(*row) for row in connection.execute(wanted)}


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
    )
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


def _recorded_at_us(event: Event) -> int:
    return (event.provenance.recorded_at - _EPOCH) // _MICROSECOND


def _moment(moment_us: int) -> datetime:
    return _EPOCH + moment_us * _MICROSECOND


def _json_text(value: Any) -> str:
    return msgspec.json.encode(value).decode()
