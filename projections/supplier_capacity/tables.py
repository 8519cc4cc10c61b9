"""The tables of the supplier context, and the one projection that owns them all."""

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
)

from domain.suppliers import Booking, Offers, Scenario, SupplierAliases, SupplierCapacity
from projections.database import Name, metadata
from projections.projection import Projection, Row, events_of

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
    Column("pattern_deflated", LargeBinary, nullable=False),  # of an imported capacity file
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
    Column("as_imported", Integer, nullable=False),  # 1: as its record in the pattern says
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
    pattern_deflated: bytes
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
    as_imported: int
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
    version=2,
    rows={
        offers_publications: PublicationRow,
        supplier_aliases: AliasesRow,
        scenarios_table: ScenarioRow,
        capacities: CapacityRow,
        matches_table: MatchRow,
    },
    subscribes=events_of(Offers, SupplierAliases, Scenario, SupplierCapacity, Booking),
    owned=(offers_publications,),
    divided_by=("line",),
)
