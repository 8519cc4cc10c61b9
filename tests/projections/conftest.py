"""A ledger of bare tables on either store, and a life of bookings to put into it."""

import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import psycopg
import pytest
from sqlalchemy import Engine, text

from application.ledger.reader import LedgerLog, PostgresLog, SqliteLog
from domain.aggregate import Aggregate, Event, Provenance
from domain.stored import encode, stored_topic
from domain.suppliers import (
    Booking,
    MatchDetails,
    Offers,
    Scenario,
    SupplierAliases,
    SupplierCapacity,
    SupplierTerms,
)
from domain.suppliers.capacity_files import read_capacity_file
from projections.database import open_read_models
from projections.projector import Projector
from projections.supplier_capacity import supplier_capacity

RECORDED_AT = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
# The histories of these tests are of suppliers.
PROJECTIONS = (supplier_capacity,)
LINE, SCENARIO = "sbus", "overlap_only"
SUPPLIERS = ("iSoalr", "Ëlectra", "ACME")
TERMS = (
    SupplierTerms("iSoalr", 70, ("55407", "55419"), ("Solar",)),
    SupplierTerms("Ëlectra", 50, ("55407", "55447"), ("Solar",)),
    SupplierTerms("ACME", 80, ("55407", "55419"), ("Battery",)),
)

SQLITE_TABLES = """
CREATE TABLE stored_events (originator_id TEXT, originator_version INTEGER, topic TEXT, state BLOB,
    PRIMARY KEY (originator_id, originator_version));
CREATE TABLE append_groups (position INTEGER PRIMARY KEY, recorded_at_us INTEGER);
"""
POSTGRES_TABLES = """
CREATE TABLE stored_events (originator_id uuid, originator_version bigint, topic text, state bytea,
    notification_id bigserial, PRIMARY KEY (originator_id, originator_version));
CREATE UNIQUE INDEX stored_events_position ON stored_events (notification_id);
CREATE TABLE append_groups (position bigint PRIMARY KEY, recorded_at_us bigint)
"""

StoredRow = tuple[UUID, int, str, bytes]


class BareLedger:
    """The ledger's tables, without the ledger: groups are appended as they are given."""

    log: LedgerLog
    views_url: str

    def __init__(self) -> None:
        self._engines: list[Engine] = []

    def append(self, events: list[Event], recorded_at: datetime = RECORDED_AT) -> int:
        """Append one group and return its position."""
        rows = [
            (each.originator_id, each.originator_version, stored_topic(type(each)), encode(each))
            for each in events
        ]
        return self.append_rows(rows, recorded_at)

    def append_rows(self, rows: list[StoredRow], recorded_at: datetime = RECORDED_AT) -> int:
        raise NotImplementedError

    def erase(self) -> None:
        """Forget all events; positions begin anew."""
        raise NotImplementedError

    def engine(self, *, read_only: bool = False) -> Engine:
        self._engines.append(open_read_models(self.views_url, read_only=read_only))
        return self._engines[-1]

    def projector(self, engine: Engine | None = None, **options: Any) -> Projector:
        return Projector(self.log, engine or self.engine(), PROJECTIONS, **options)

    def close(self) -> None:
        self.log.close()
        for engine in self._engines:
            engine.dispose()


class BareSqlite(BareLedger):
    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._connection = sqlite3.connect(folder / "capacity.db", check_same_thread=False)
        # It need not survive a power failure, and thousands of groups are appended one by one.
        pragmas = "PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF;"
        self._connection.executescript(f"{pragmas} {SQLITE_TABLES}")
        self.log = SqliteLog(folder / "capacity.db")
        self.views_url = f"sqlite:///{folder / 'capacity.views.db'}"

    def append_rows(self, rows: list[StoredRow], recorded_at: datetime = RECORDED_AT) -> int:
        with self._connection as connection:
            for originator_id, *rest in rows:
                connection.execute(
                    "INSERT INTO stored_events VALUES (?, ?, ?, ?)", (originator_id.hex, *rest)
                )
            position = int(connection.execute("SELECT max(rowid) FROM stored_events").fetchone()[0])
            recorded_at_us = int(recorded_at.timestamp()) * 1_000_000
            connection.execute(
                "INSERT INTO append_groups VALUES (?, ?)", (position, recorded_at_us)
            )
        return position

    def erase(self) -> None:
        with self._connection as connection:
            connection.execute("DELETE FROM stored_events")
            connection.execute("DELETE FROM append_groups")

    def close(self) -> None:
        super().close()
        self._connection.close()


class BarePostgres(BareLedger):
    def __init__(self, url: str) -> None:
        super().__init__()
        self._connection = psycopg.connect(url)
        with self._connection.transaction():
            self._connection.execute(POSTGRES_TABLES)
        self.log = PostgresLog(url)
        self.views_url = url

    def append_rows(self, rows: list[StoredRow], recorded_at: datetime = RECORDED_AT) -> int:
        with self._connection.transaction():
            self._connection.execute("LOCK TABLE stored_events IN EXCLUSIVE MODE")
            position = 0
            for row in rows:
                found = self._connection.execute(
                    "INSERT INTO stored_events VALUES (%s, %s, %s, %s) RETURNING notification_id",
                    row,
                ).fetchone()
                assert found is not None
                position = int(found[0])
            recorded_at_us = int(recorded_at.timestamp()) * 1_000_000
            self._connection.execute(
                "INSERT INTO append_groups VALUES (%s, %s)", (position, recorded_at_us)
            )
            self._connection.execute("NOTIFY stored_events")
        return position

    def skip_positions(self, many: int) -> None:
        """Use up positions as a rolled back append does."""
        sql = "SELECT nextval('stored_events_notification_id_seq') FROM generate_series(1, %s)"
        with self._connection.transaction():
            self._connection.execute(sql, (many,))

    def erase(self) -> None:
        with self._connection.transaction():
            self._connection.execute("TRUNCATE stored_events, append_groups RESTART IDENTITY")

    def close(self) -> None:
        super().close()
        self._connection.close()


class Life:
    """Decisions of the supplier context, each returned as the group of events that it records."""

    def __init__(self, reason: str = "a test", line: str = LINE) -> None:
        self._reason, self._line = reason, line
        self._aggregates: dict[UUID, Aggregate] = {}
        self.reset_number = 0

    def open(self, terms: tuple[SupplierTerms, ...] = TERMS, name: str = SCENARIO) -> list[Event]:
        scenario = self._bound(Scenario, Scenario.identity(self._line, name))
        scenario.open(self._line, name, 1, terms, "")
        opened = [self._capacity(each.supplier, name) for each in terms]
        for capacity, each in zip(opened, terms, strict=True):
            capacity.open(self._line, name, each.supplier, each.capacity_slots)
        return _collected(scenario, *opened)

    def publish(self, *, line: str = "", suppliers: tuple[str, ...] = SUPPLIERS) -> list[Event]:
        line = line or self._line
        offers = self._bound(Offers, Offers.identity(line))
        listed = [{"SupplierID": each, "Capacity": 5} for each in suppliers]
        offers.publish(line, msgspec.json.encode({"SupplierOffers": listed}))
        return _collected(offers)

    def set_aliases(self, supplier_by_alias: dict[str, str]) -> list[Event]:
        aliases = self._bound(SupplierAliases, SupplierAliases.identity(self._line))
        aliases.set(self._line, supplier_by_alias)
        return _collected(aliases)

    def book(self, registration_id: str, supplier: str, zip_code: str = "55407") -> list[Event]:
        booking, capacity = self._booking(registration_id), self._capacity(supplier)
        details = MatchDetails(zip_code=zip_code, num_panels=12)
        if booking.book(
            self._line, SCENARIO, self.reset_number, registration_id, supplier, details, "alias"
        ):
            capacity.book_slot(booking.id, registration_id)
        return _collected(capacity, booking)

    def release(self, registration_id: str) -> list[Event]:
        booking = self._booking(registration_id)
        capacity = self._capacity(booking.supplier)
        booking.release()
        capacity.release_slot(booking.id, registration_id)
        return _collected(capacity, booking)

    def reassign(self, registration_id: str, supplier: str) -> list[Event]:
        booking = self._booking(registration_id)
        before, after = self._capacity(booking.supplier), self._capacity(supplier)
        if booking.reassign(supplier, ""):
            before.release_slot(booking.id, registration_id)
            after.book_slot(booking.id, registration_id)
        return _collected(before, after, booking)

    def reset(self) -> list[Event]:
        scenario = self._bound(Scenario, Scenario.identity(self._line, SCENARIO))
        scenario.reset()
        self.reset_number = scenario.reset_number
        capacities = [self._capacity(each) for each in SUPPLIERS]
        for capacity in capacities:
            capacity.clear(self.reset_number)
        return _collected(scenario, *capacities)

    def change_capacity(self, supplier: str, capacity_slots: int) -> list[Event]:
        capacity = self._capacity(supplier)
        capacity.change_capacity(capacity_slots, 2)
        return _collected(capacity)

    def resync(self, terms: tuple[SupplierTerms, ...]) -> list[Event]:
        scenario = self._bound(Scenario, Scenario.identity(self._line, SCENARIO))
        scenario.resync(2, terms)
        return _collected(scenario)

    def import_file(self, used: dict[str, int]) -> list[Event]:
        """Take over a file with a note in each record; suppliers it does not name withdraw."""
        document = {
            name: {"Used": slots, "Note": "by hand", "Capacity": 100, "UsedPct": 0}
            for name, slots in used.items()
        }
        imported = read_capacity_file(msgspec.json.encode(document))
        scenario = self._bound(Scenario, Scenario.identity(self._line, SCENARIO))
        scenario.import_file(self._line, SCENARIO, "", imported, new_count=True)
        self.reset_number = scenario.reset_number
        capacities = [self._capacity(each) for each in SUPPLIERS]
        for usage in imported.usages:
            self._capacity(usage.supplier).import_usage(
                self._line, SCENARIO, usage, imported.sha256
            )
        for capacity in capacities:
            if capacity.supplier not in used:
                capacity.withdraw(imported.sha256)
        return _collected(scenario, *capacities)

    def held(self, registration_id: str) -> bool:
        return self._booking(registration_id).held

    def _booking(self, registration_id: str) -> Booking:
        names = (self._line, SCENARIO, self.reset_number, registration_id)
        booking: Booking = self._bound(Booking, Booking.identity(*names))
        return booking

    def _capacity(self, supplier: str, name: str = SCENARIO) -> SupplierCapacity:
        capacity_id = SupplierCapacity.identity(self._line, name, supplier)
        capacity: SupplierCapacity = self._bound(SupplierCapacity, capacity_id)
        return capacity

    def _bound(self, aggregate_class: Any, aggregate_id: UUID) -> Any:
        if aggregate_id not in self._aggregates:
            provenance = Provenance(
                actor="ada@example.org",
                reason=self._reason,
                command_id=UUID(int=1),
                correlation_id=UUID(int=2),
                recorded_at=RECORDED_AT,
            )
            self._aggregates[aggregate_id] = aggregate_class(aggregate_id).bound_to(provenance)
        return self._aggregates[aggregate_id]


def _collected(*aggregates: Aggregate) -> list[Event]:
    return [event for aggregate in aggregates for event in aggregate.collect_events()]


@pytest.fixture
def life() -> Life:
    """A life in which nothing has happened yet."""
    return Life()


@pytest.fixture(params=["sqlite", "postgres"])
def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[BareLedger]:
    """An empty ledger, once on each store."""
    if request.param == "sqlite":
        found: BareLedger = BareSqlite(tmp_path)
    else:
        found = BarePostgres(request.getfixturevalue("postgres_url"))
    yield found
    found.close()


@pytest.fixture
def postgres_ledger(postgres_url: str) -> Iterator[BarePostgres]:
    """An empty ledger in PostgreSQL."""
    found = BarePostgres(postgres_url)
    yield found
    found.close()


def rows_of(engine: Engine) -> dict[str, list[tuple[Any, ...]]]:
    """Return every row of every read model."""
    with engine.connect() as connection:
        return {
            table.name: sorted((tuple(row) for row in connection.execute(table.select())), key=repr)
            for projection in PROJECTIONS
            for table in projection.rows
        }


def positions_of(engine: Engine) -> dict[str, int]:
    """Return the stored position of each projection."""
    with engine.connect() as connection:
        found = connection.execute(text("SELECT name, position FROM projection_positions"))
        return {row.name: row.position for row in found}
