"""The drop-in functions against the original's way: read the file, change it, write it, synced.

The original's way is measured with one caller, which it is right for, and with eight, whose
updates it loses: both sides do as much, and only ours has something to show for it.
"""

import asyncio
import json
import os
import tempfile
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

from interfaces.files.capacity_tracker import update_supplier_capacity
from interfaces.files.keeper import KEEPER
from tests.bench.measuring import Report, stopwatch
from tests.bench.stores import Stores
from tests.support import original_tracker

CALLS = 400
SUPPLIERS = {"All Energy Solar": 1_000_000, "iSoalr": 1_000_000, "TruNorthSolar": 1_000_000}
SUPPLIER = "iSoalr"

Call = Callable[[], Awaitable[object]]


def drop_in_pg(report: Report, stores: Stores) -> None:
    """Count with the ledger in PostgreSQL."""
    _drop_in(report, stores, "pg")


def drop_in_sqlite(report: Report, stores: Stores) -> None:
    """Count with a ledger beside the file."""
    _drop_in(report, stores, "sqlite")


def _drop_in(report: Report, stores: Stores, kind: str) -> None:
    settings = stores.settings(kind)
    folder = Path(tempfile.mkdtemp(dir=stores.folder))
    offers, ours, theirs = (folder / f"{name}.json" for name in ("offers", "ours", "theirs"))
    listed = [{"SupplierID": name, "Capacity": slots} for name, slots in SUPPLIERS.items()]
    offers.write_text(json.dumps({"SupplierOffers": listed}))
    os.environ["CAPACITY_DATABASE_URL"] = settings.database_url
    match = {"supplier_id": SUPPLIER}

    def ours_call() -> Awaitable[object]:
        return update_supplier_capacity(match, offers, ours)

    def their_call() -> Awaitable[object]:
        return original_tracker.update(SUPPLIER, theirs)

    try:
        asyncio.run(_many(ours_call, 10, 1))  # opened, and its tables made
        theirs.write_bytes(ours.read_bytes())
        for name, callers, note in (("alone", 1, ""), ("8_tasks", 8, "theirs loses updates")):
            report.compare(
                f"drop_in_{kind}_{name}",
                partial(_rate, ours_call, callers),
                partial(_rate, their_call, callers),
                against="read, change, write, with the same fsync",
                note=note,
            )
    finally:
        KEEPER.close()
        del os.environ["CAPACITY_DATABASE_URL"]


def _rate(call: Call, callers: int) -> float:
    with stopwatch() as elapsed:
        asyncio.run(_many(call, CALLS, callers))
        return CALLS / elapsed()


async def _many(call: Call, calls: int, callers: int) -> None:
    async def caller() -> None:
        for _ in range(calls // callers):
            await call()

    await asyncio.gather(*(caller() for _ in range(callers)))
