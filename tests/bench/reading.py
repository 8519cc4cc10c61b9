"""Reading: one's own write, long streams, the projector beside commands, and matching."""

import asyncio
import json
import os
import statistics
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from eventsourcing.domain import Aggregate

from application.suppliers import Match, Suppliers
from domain.suppliers import SupplierCapacity
from interfaces.service import open_service
from projections import supplier_capacity
from tests.bench.booking import (
    LINE,
    SCENARIO,
    command,
    latencies_ms,
    lists,
    measure,
    open_ledger,
    open_scenario,
    singles,
)
from tests.bench.measuring import Figure, Report, percentile, stopwatch
from tests.bench.stock import StockBookings, booking
from tests.bench.stores import Stores

LONG_STREAM_EVENTS = 1_000
REGISTRATIONS = 100_000


def reads(report: Report, stores: Stores) -> None:
    """Read one's own write, and load a long stream."""
    for kind in ("pg", "sqlite"):
        command_ms, visible_ms = asyncio.run(_read_your_writes(stores, kind))
        report.add(
            Figure(
                f"read_your_writes_p50_{kind}",
                visible_ms,
                command_ms,
                visible_ms - command_ms,
                "ms",
                "the command itself; the ratio is the difference",
                rounds=1,
                bar=3.0,
                at_most=True,
            )
        )
        report.compare(
            f"load_1000_{kind}",
            _load_ours(stores, kind),
            _load_stock(stores, kind),
            against="the library's repository",
            unit="loads/s",
            bar=8,
        )


async def _read_your_writes(stores: Stores, kind: str) -> tuple[float, float]:
    """Return the median of a command, and of a command with the read that shows it."""
    async with open_service(stores.settings(kind), projector="process") as service:
        await open_scenario(service.suppliers, count=100)
        commands, visible = [], []
        for count in range(300):
            begun = time.perf_counter()
            match = Match(f"R{count}", f"S{count % 100}")
            done = await service.suppliers.book(
                command(), line=LINE, scenario=SCENARIO, match=match
            )
            commands.append(time.perf_counter() - begun)
            await service.wait_for(done.position, timeout_seconds=5)
            found = await service.read(
                supplier_capacity.match,
                line=LINE,
                scenario=SCENARIO,
                registration_id=match.registration_id,
            )
            visible.append(time.perf_counter() - begun)
            assert found is not None
    return 1_000 * statistics.median(commands), 1_000 * statistics.median(visible)


def _load_ours(stores: Stores, kind: str) -> Callable[[], float]:
    settings = stores.settings(kind).model_copy(update={"snapshot_every_events": 10**9})
    work = singles(LONG_STREAM_EVENTS - 1, hot=True)
    measure(settings, work, callers=1, bookings=LONG_STREAM_EVENTS)

    async def load() -> float:
        identity = SupplierCapacity.identity(LINE, SCENARIO, "S0")
        ledger = await open_ledger(settings)
        try:
            with stopwatch() as elapsed:
                for _ in range(50):
                    found = await ledger.stored(SupplierCapacity, identity)
                    assert found.version >= LONG_STREAM_EVENTS
                return 50 / elapsed()
        finally:
            await ledger.close()

    return lambda: asyncio.run(load())


def _load_stock(stores: Stores, kind: str) -> Callable[[], float]:
    environment = stores.stock_environment(kind)
    with StockBookings(env=environment) as application:
        [capacity] = application.open(1)
        for each in range(LONG_STREAM_EVENTS - 1):
            held = booking("S0", f"R{each}")
            capacity.book_slot(held.id, held.registration_id, "bench", "measuring")
            if each % 100 == 0:
                application.save(capacity)
        application.save(capacity)

    def load() -> float:
        with StockBookings(env=environment) as application, stopwatch() as elapsed:
            for _ in range(10):
                found: Aggregate = application.repository.get(capacity.id)
                assert found.version >= LONG_STREAM_EVENTS
            return 10 / elapsed()

    return load


def append_beside_projector(report: Report, stores: Stores) -> None:
    """Compare the latency of bookings while the projector catches up with that while it idles."""
    for kind in ("pg", "sqlite"):
        idle, busy = asyncio.run(_beside(stores, kind))
        report.add(
            Figure(
                f"append_{kind}_p99_beside_projector",
                busy,
                idle,
                busy / idle,
                "ms",
                "the same while it idles",
                rounds=3,
                bar=3.0,
                at_most=True,
            )
        )


async def _beside(stores: Stores, kind: str) -> tuple[float, float]:
    settings = stores.settings(kind)
    await asyncio.to_thread(measure, settings, lists(100), callers=4, bookings=1)
    idle, busy = [], []
    for count in range(3):
        async with open_service(settings) as service:
            found = await latencies_ms(service.suppliers, callers=8, each=150, tag=f"idle{count}-")
            idle.append(percentile(found, 0.99))
        async with open_service(settings, projector="process") as service:
            found = await latencies_ms(service.suppliers, callers=8, each=150, tag=f"busy{count}-")
            busy.append(percentile(found, 0.99))
            behind = service.ledger.head - min(service.projector.positions().values())
            assert behind > 0, "the projector caught up before the measurement ended"
    return statistics.median(idle), statistics.median(busy)


def match_100k(report: Report, stores: Stores) -> None:
    """Match and book 100 000 registrations, beside reading and writing the file for each."""
    for kind in ("pg", "sqlite"):
        report.compare(
            f"match_100k_{kind}",
            partial(_match, stores, kind),
            partial(_file_for_each, stores.folder / "capacity.json"),
            against="read, change, write and fsync the file, 300 matches",
            unit="matches/s",
            rounds=1,
        )


def _match(stores: Stores, kind: str) -> float:
    async def run() -> float:
        ledger = await open_ledger(stores.settings(kind))
        try:
            use_cases = Suppliers(ledger)
            await open_scenario(use_cases, count=20)
            records = [
                {"RegistrationNumber": f"SPUS{each:06d}", "Contact_Zip": 55407}
                for each in range(REGISTRATIONS)
            ]
            with stopwatch() as elapsed:
                done = await use_cases.choose(
                    command(), line=LINE, scenario=SCENARIO, records=records
                )
                assert all(not isinstance(each, Exception) for each in done.result)
                return REGISTRATIONS / elapsed()
        finally:
            await ledger.close()

    return asyncio.run(run())


def _file_for_each(path: Path) -> float:
    document = {
        f"S{each}": {"SupplierID": f"S{each}", "Capacity": 10**9, "Used": 0, "UsedPct": 0.0}
        for each in range(20)
    }
    path.write_text(json.dumps(document, indent=2))
    with stopwatch() as elapsed:
        for _ in range(300):
            read = json.loads(path.read_text())
            least = min(read.values(), key=lambda each: each["Used"] / each["Capacity"])
            least["Used"] += 1
            with path.open("w") as file:
                file.write(json.dumps(read, indent=2))
                file.flush()
                os.fsync(file.fileno())
        return 300 / elapsed()
