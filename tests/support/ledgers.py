"""Ledgers for tests: empty stores, commands of a named somebody, a clock that tests turn."""

import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import UUID, uuid4

import psycopg

from application.ledger import Command, EventStore, Ledger, Limits, UnitOfWork
from application.ledger.ledger import DEFAULT_LIMITS
from application.ledger.library import ledger_store
from application.ledger.migrations import migrate
from application.ledger.reader import LedgerLog, PostgresLog, SqliteLog
from application.ledger.store import StoredRow
from domain.suppliers import Booking, BookingNotFound, MatchDetails, SupplierCapacity

BEGIN = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


def migrated(url: str) -> str:
    """Run the migrations at a URL, and return it."""
    migrate(url.replace("postgresql://", "postgresql+psycopg://", 1))
    return url


@cache
def migrated_bytes() -> bytes:
    """Return an empty SQLite ledger, for writing where one is needed, as migrating takes longer."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "capacity.db"
        migrated(f"sqlite:///{file}")
        return file.read_bytes()


class Clock:
    """Stands still until a test turns it, in either direction."""

    def __init__(self) -> None:
        self.now = BEGIN

    def __call__(self) -> datetime:
        return self.now

    def turn(self, **by: float) -> None:
        """Turn it by a timedelta's arguments."""
        self.now += timedelta(**by)


def command(**fields: Any) -> Command:
    """Return a command of Ada's, with a new id."""
    filled: dict[str, Any] = {
        "actor": "ada@example.org",
        "reason": "a test",
        "command_id": uuid4(),
        "at": BEGIN,
    } | fields
    return Command(**filled)


@asynccontextmanager
async def opened(
    store: EventStore | str,
    *,
    clock: Callable[[], datetime] | None = None,
    limits: Limits = DEFAULT_LIMITS,
) -> AsyncIterator[Ledger]:
    """Open a ledger on a store, or at a URL, until the end of the block."""
    if isinstance(store, str):
        store = ledger_store(store)
    ledger = Ledger(store, clock=clock or Clock(), limits=limits)
    await ledger.open()
    try:
        yield ledger
    finally:
        await ledger.close()


def log_at(place: str) -> LedgerLog:
    """Open the log at a URL, or in an SQLite file at a path."""
    if place.startswith("postgresql"):
        return PostgresLog(place)
    return SqliteLog(place.removeprefix("sqlite:///"))


async def everything(ledger: Ledger) -> list[StoredRow]:
    """Return all that is stored, in order."""
    return await ledger.store.feed(after=0, limit=2**31 - 1, topics=None)


def query(url: str, statement: str) -> list[tuple[Any, ...]]:
    """Run one SQL statement on a connection of its own, and return its rows, if it has any."""
    if url.startswith("sqlite:///"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"), timeout=30)) as connection:
            found = connection.execute(statement).fetchall()
            connection.commit()
            return found
    with psycopg.connect(url, autocommit=True) as server:
        cursor = server.execute(statement.encode())
        return cursor.fetchall() if cursor.description else []


# Decisions on one scenario, without the use cases around them.

LINE, SCENARIO = "sbus", "overlap_only"


def supplier_id(supplier: str = "ACME") -> UUID:
    """Return the id of a supplier's capacity."""
    return SupplierCapacity.identity(LINE, SCENARIO, supplier)


def booking_id(registration_id: str) -> UUID:
    """Return the id of a registration's booking."""
    return Booking.identity(LINE, SCENARIO, 0, registration_id)


def opening(slots: int = 10, supplier: str = "ACME") -> Callable[[UnitOfWork], None]:
    """Return the decision that gives a supplier its capacity."""

    def decide(work: UnitOfWork) -> None:
        capacity = work.get(SupplierCapacity, supplier_id(supplier))
        capacity.open(LINE, SCENARIO, supplier, slots)

    return decide


def booking(registration_id: str, supplier: str = "ACME") -> Callable[[UnitOfWork], int]:
    """Return the decision that books a registration, once, and answers how many are used."""

    def decide(work: UnitOfWork) -> int:
        capacity = work.get(SupplierCapacity, supplier_id(supplier))
        held = work.get(Booking, booking_id(registration_id))
        if held.book(LINE, SCENARIO, 0, registration_id, supplier, MatchDetails(), ""):
            capacity.book_slot(held.id, registration_id)
        return capacity.used_slots

    return decide


def releasing(registration_id: str, supplier: str = "ACME") -> Callable[[UnitOfWork], int]:
    """Return the decision that gives a registration's slot back."""

    def decide(work: UnitOfWork) -> int:
        capacity = work.get(SupplierCapacity, supplier_id(supplier))
        held = work.get(Booking, booking_id(registration_id))
        if not held.held:
            raise BookingNotFound(LINE, SCENARIO, registration_id)
        capacity.release_slot(held.id, registration_id)
        held.release()
        return capacity.used_slots

    return decide


def changing(slots: int, supplier: str = "ACME") -> Callable[[UnitOfWork], None]:
    """Return the decision that changes a capacity."""

    def decide(work: UnitOfWork) -> None:
        work.get(SupplierCapacity, supplier_id(supplier)).change_capacity(slots, publication=2)

    return decide


def counting(supplier: str = "ACME") -> Callable[[UnitOfWork], int]:
    """Return the decision that changes nothing, and answers how many are used."""
    return lambda work: work.get(SupplierCapacity, supplier_id(supplier)).used_slots
