"""Our side of the append benchmarks: bookings through the application service, until durable."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import uvloop

from application.ledger import Command, Ledger, Reply
from application.ledger.postgres_store import PostgresStore
from application.ledger.sqlite_store import SqliteStore
from application.suppliers import Match, Suppliers
from interfaces.identity import fresh_id
from interfaces.settings import Settings
from interfaces.settled import settled
from tests.bench.measuring import stopwatch

SUPPLIERS = 1_000
LINE, SCENARIO = "sbus", "bench"

Work = Callable[[Suppliers, int], Awaitable[None]]


def command(key: str = "") -> Command:
    """Return a command with all of its provenance, and with an idempotency key if one is given."""
    return Command(
        actor="bench",
        reason="measuring",
        command_id=fresh_id(),
        at=datetime.now(UTC),
        idempotency_key=key,
        fingerprint=key.encode(),
        render=_render if key else None,
    )


def _render(result: object) -> Reply:
    return Reply(201, repr(result).encode())


def offers(suppliers: int = SUPPLIERS, capacity: int = 10**9) -> bytes:
    """Return an offers document."""
    listed = [
        {"SupplierID": f"S{each}", "Capacity": capacity, "ServiceAreas": ["55407"]}
        for each in range(suppliers)
    ]
    return json.dumps({"SupplierOffers": listed}).encode()


async def open_ledger(settings: Settings) -> Ledger:
    """Return an open ledger on its own: no read models, no projector."""
    store = (
        PostgresStore(settings.database_url)
        if settings.database_url
        else SqliteStore(settings.ledger_file)
    )
    ledger = Ledger(store, clock=lambda: datetime.now(UTC), limits=settings.limits)
    await ledger.open()
    return ledger


async def open_scenario(suppliers: Suppliers, *, count: int = SUPPLIERS) -> None:
    """Publish offers and open the scenario of the benchmarks, unless it is open."""
    await suppliers.publish_offers(command(), line=LINE, document=offers(count))
    await suppliers.open_scenario(command(), line=LINE, scenario=SCENARIO)


async def book(suppliers: Suppliers, supplier: int, registration_id: str, key: str = "") -> None:
    """Book one registration."""
    match = Match(registration_id, f"S{supplier}")
    await suppliers.book(command(key), line=LINE, scenario=SCENARIO, match=match)


def measure(
    settings: Settings, work: Work, *, callers: int, bookings: int, suppliers: int = SUPPLIERS
) -> float:
    """Return bookings per second of `callers` at the same time; `bookings` is what all make."""

    async def run() -> float:
        ledger = await open_ledger(settings)
        try:
            use_cases = Suppliers(ledger)
            await open_scenario(use_cases, count=suppliers)
            await asyncio.gather(*(book(use_cases, each, f"warm-{each}") for each in range(100)))
            with settled(), stopwatch() as elapsed:
                await asyncio.gather(*(work(use_cases, number) for number in range(callers)))
                return bookings / elapsed()
        finally:
            await ledger.close()

    return uvloop.run(run())  # the loop that serves


def singles(each: int, *, keyed: bool = False, hot: bool = False) -> Work:
    """Return callers that book one registration after the other."""

    async def work(suppliers: Suppliers, number: int) -> None:
        for count in range(each):
            supplier = 0 if hot else (number * 131 + count * 7) % SUPPLIERS
            name = f"R{number}-{count}"
            await book(suppliers, supplier, name, key=f"bench {name}" if keyed else "")

    return work


def lists(each: int, size: int = 100, *, tag: str = "L") -> Work:
    """Return callers that book lists, every match in them decided for itself.

    Another `tag` on the same ledger means other registrations; the same would be booked already.
    """

    async def work(suppliers: Suppliers, number: int) -> None:
        for count in range(each):
            matches = [
                Match(
                    f"{tag}{number}-{count}-{place}",
                    f"S{(number * 131 + count + place) % SUPPLIERS}",
                )
                for place in range(size)
            ]
            await suppliers.book_all(command(), line=LINE, scenario=SCENARIO, matches=matches)

    return work


async def latencies_ms(suppliers: Suppliers, *, callers: int, each: int, tag: str) -> list[float]:
    """Return how long every single booking took."""
    found: list[float] = []

    async def caller(number: int) -> None:
        for count in range(each):
            begun = time.perf_counter()
            await book(suppliers, (number * 131 + count * 7) % SUPPLIERS, f"{tag}{number}-{count}")
            found.append(1_000 * (time.perf_counter() - begun))

    await asyncio.gather(*(caller(number) for number in range(callers)))
    return found
