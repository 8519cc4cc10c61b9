"""One of many bookers: a ledger of its own, and callers that book side by side.

As a program: `python -m tests.support.booking_worker URL WORKER BOOKINGS` waits for a line on its
input, books, and prints the registrations that succeeded as JSON.
"""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable

from application.ledger.library import ledger_store
from application.suppliers import Match, Suppliers
from domain.suppliers.capacity import CapacityExceeded
from tests.support.gated_store import GatedStore
from tests.support.ledgers import command, opened

LINE, SCENARIO, SUPPLIER = "sbus", "race", "ACME"
_CALLERS = 10


async def book_many(
    store_url: str, worker: int, bookings: int, begin: Callable[[], Awaitable[object]]
) -> list[str]:
    """Book; every registration is asked for by a neighbouring worker as well.

    Raises StoreLost when the database was locked, or away, even once.
    """
    succeeded: list[str] = []
    store = GatedStore(ledger_store(store_url))
    async with opened(store) as ledger:
        suppliers = Suppliers(ledger)
        waiting = [f"W{worker + number % 2}-{number // 2}" for number in range(bookings)]

        async def call() -> None:
            while waiting:
                registration_id = waiting.pop()
                match = Match(registration_id, SUPPLIER)
                try:
                    booked = await suppliers.book(
                        command(), line=LINE, scenario=SCENARIO, match=match
                    )
                except CapacityExceeded:
                    continue
                if booked.result.status == "booked":
                    succeeded.append(registration_id)

        await begin()
        await asyncio.gather(*(call() for _ in range(_CALLERS)))
    for lost in store.lost:
        raise lost
    return succeeded


async def _main(store_url: str, worker: int, bookings: int) -> None:
    async def begin() -> None:
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.readline)

    print(json.dumps(await book_many(store_url, worker, bookings, begin)))


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
