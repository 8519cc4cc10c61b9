"""Never one too many: processes and threads that book one supplier at the same time."""

import asyncio
import json
import subprocess
import sys
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from application.suppliers import Suppliers
from domain.suppliers import Booking, SupplierCapacity
from tests.support.booking_worker import LINE, SCENARIO, SUPPLIER, book_many
from tests.support.ledgers import command, everything, migrated, opened
from tests.support.offers import offers_document

WORKERS = 8
ROOT = Path(__file__).parents[2]
BOOKINGS_EACH, SLOTS = 500, 1_000


def open_race(store_url: str, slots: int) -> None:
    async def open_it() -> None:
        async with opened(store_url) as ledger:
            suppliers = Suppliers(ledger)
            document = offers_document({SUPPLIER: slots})
            await suppliers.publish_offers(command(), line=LINE, document=document)
            await suppliers.open_scenario(command(), line=LINE, scenario=SCENARIO)

    asyncio.run(open_it())


def check_race(store_url: str, slots: int, succeeded: list[str]) -> None:
    """Exactly as many as there is room for were told so, none of them twice, and all are kept."""

    async def check() -> None:
        async with opened(store_url) as ledger:
            assert len(succeeded) == slots
            assert max(Counter(succeeded).values()) == 1
            identity = SupplierCapacity.identity(LINE, SCENARIO, SUPPLIER)
            assert (await ledger.newest(SupplierCapacity, identity)).used_slots == slots
            stored = Counter(row.topic for row in await everything(ledger))
            assert stored["suppliers.booked"] == stored["suppliers.slot_booked"] == slots
            for registration_id in succeeded:
                held = Booking.identity(LINE, SCENARIO, 0, registration_id)
                assert (await ledger.newest(Booking, held)).held

    asyncio.run(check())


def book_in_threads(store_url: str, bookings: int) -> list[str]:
    """Let eight threads book, each through a ledger of its own."""
    started = threading.Barrier(WORKERS)

    def work(worker: int) -> list[str]:
        return asyncio.run(
            book_many(store_url, worker, bookings, lambda: asyncio.to_thread(started.wait))
        )

    with ThreadPoolExecutor(WORKERS) as pool:
        return [each for found in pool.map(work, range(WORKERS)) for each in found]


def book_in_processes(store_url: str, bookings: int, processes: int = WORKERS) -> list[str]:
    """Let several processes book; what one of them writes to its stderr is an error."""
    program = [sys.executable, "-W", "error", "-m", "tests.support.booking_worker", store_url]
    workers = [
        subprocess.Popen(
            [*program, str(worker), str(bookings)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for worker in range(processes)
    ]
    for each in workers:
        assert each.stdout is not None
        assert each.stdout.readline() == "ready\n"
    for each in workers:
        assert each.stdin is not None
        each.stdin.write("go\n")
        each.stdin.flush()
    succeeded: list[str] = []
    for each in workers:
        answer, complaints = each.communicate(timeout=300)
        assert complaints == ""
        succeeded += json.loads(answer)
    return succeeded


def test_eight_processes_never_sell_a_slot_too_many(postgres_url: str) -> None:
    open_race(migrated(postgres_url), SLOTS)
    check_race(postgres_url, SLOTS, book_in_processes(postgres_url, BOOKINGS_EACH))


def test_eight_threads_never_sell_a_slot_too_many(store_url: str) -> None:
    open_race(store_url, SLOTS)
    check_race(store_url, SLOTS, book_in_threads(store_url, BOOKINGS_EACH))


def test_two_processes_share_a_file_without_one_locked_database(tmp_path: Path) -> None:
    store_url = migrated(f"sqlite:///{tmp_path / 'capacity.db'}")
    open_race(store_url, slots=250)
    check_race(store_url, 250, book_in_processes(store_url, bookings=200, processes=2))
