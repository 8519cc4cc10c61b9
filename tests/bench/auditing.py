"""The chain: what linking costs an append, and how fast the whole ledger is walked."""

import asyncio
from contextlib import closing
from functools import partial
from unittest.mock import patch

from application.ledger.audit import seal, verify
from application.suppliers import Suppliers
from domain.aggregate import Aggregate, Event
from domain.stored import encode
from interfaces.ledger_alone import log_of
from interfaces.settings import Settings
from tests.bench.booking import lists, measure, open_ledger, open_scenario, singles
from tests.bench.measuring import Figure, Report, stopwatch
from tests.bench.stores import Stores

EVENTS = 200_000
CALLERS, EACH = 8, 1_000


def chain(report: Report, stores: Stores) -> None:
    """Append with and without links, and walk a ledger of 200 000 events."""
    for kind in ("pg", "sqlite"):
        report.compare(
            f"chain_append_{kind}_8",
            partial(_append, stores, kind),
            partial(_append_unlinked, stores, kind),
            against="the same without links",
            rounds=7,
            bar=0.9,
        )
        settings = stores.settings(kind)
        asyncio.run(_fill(settings))
        with closing(log_of(settings)) as log:
            for name, walk in (("audit_verify", verify), ("audit_seal", seal)):
                with stopwatch() as elapsed:
                    events = walk(log).events
                    rate = events / elapsed()
                report.add(Figure(f"{name}_{kind}", rate, 0, 0, "events/s", "reported", rounds=1))


def _append(stores: Stores, kind: str) -> float:
    work = singles(EACH)
    return measure(stores.settings(kind), work, callers=CALLERS, bookings=CALLERS * EACH)


def _append_unlinked(stores: Stores, kind: str) -> float:
    with patch("application.ledger.unit_of_work.encode_linked", _encode_without_link):
        return _append(stores, kind)


def _encode_without_link(aggregate: Aggregate, event: Event) -> bytes:
    return encode(event)


async def _fill(settings: Settings) -> None:
    ledger = await open_ledger(settings)
    try:
        suppliers = Suppliers(ledger)
        await open_scenario(suppliers)
        work = lists(EVENTS // 2 // 100 // CALLERS)
        await asyncio.gather(*(work(suppliers, number) for number in range(CALLERS)))
    finally:
        await ledger.close()
