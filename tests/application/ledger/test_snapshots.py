"""Snapshots save time and never decide anything: what is loaded is what the events say."""

import asyncio

from application.ledger import Ledger, Limits
from application.ledger.library import ledger_store
from domain.stored import encode_snapshot
from domain.suppliers import SupplierCapacity
from tests.support.asynchronous import asynchronous, settled
from tests.support.gated_store import GatedStore
from tests.support.ledgers import (
    booking,
    command,
    opened,
    opening,
    query,
    supplier_id,
)


async def a_thousand_bookings(ledger: Ledger) -> None:
    await ledger.execute(command(), opening(slots=2_000))
    for begin in range(0, 1_000, 100):
        await ledger.execute_all(
            command(), [booking(f"R{number}") for number in range(begin, begin + 100)]
        )


async def events_loaded(store_url: str) -> tuple[SupplierCapacity, int]:
    """Load ACME in a new process; return it, and how many events were read for it."""
    store = GatedStore(ledger_store(store_url))
    async with opened(store) as ledger:
        found = await ledger.newest(SupplierCapacity, supplier_id())
        stream = (await store.inner.load([supplier_id()]))[supplier_id()]
        return found, len(stream.events)


@asynchronous
async def test_a_thousand_events_are_loaded_from_the_last_snapshot_on(store_url: str) -> None:
    async with opened(store_url) as ledger:
        await a_thousand_bookings(ledger)
    found, events = await events_loaded(store_url)
    assert (found.used_slots, found.version) == (1_000, 1_001)
    assert events < 200


@asynchronous
async def test_a_snapshot_is_taken_whenever_a_multiple_is_passed(store_url: str) -> None:
    async with opened(store_url, limits=Limits(snapshot_every_events=10)) as ledger:
        await ledger.execute(command(), opening(slots=50))
        for number in range(30):
            await ledger.execute(command(), booking(f"R{number}"))
    versions = query(store_url, "SELECT originator_version FROM snapshots ORDER BY 1")
    assert versions == [(10,), (20,), (30,)]


@asynchronous
async def test_a_snapshot_of_another_shape_is_passed_over(store_url: str) -> None:
    async with opened(store_url, limits=Limits(snapshot_every_events=10)) as ledger:
        await ledger.execute(command(), opening(slots=50))
        for number in range(25):
            await ledger.execute(command(), booking(f"R{number}"))
    blob = "X'00'" if store_url.startswith("sqlite") else "'\\x00'::bytea"
    query(store_url, f"UPDATE snapshots SET state = {blob}")
    found, _ = await events_loaded(store_url)
    assert (found.used_slots, found.version) == (25, 26)
    async with opened(store_url) as ledger:
        assert (await ledger.execute(command(), booking("NEXT"))).result == 26


@asynchronous
async def test_a_snapshot_of_another_shape_is_passed_over_under_the_lock(store_url: str) -> None:
    limits = Limits(snapshot_every_events=10, outage_seconds=5)
    async with opened(store_url, limits=limits) as ledger, opened(store_url) as other:
        await ledger.execute(command(), opening(slots=50))
        for number in range(12):
            await ledger.execute(command(), booking(f"R{number}"))
        await settled()
        blob = "X'00'" if store_url.startswith("sqlite") else "'\\x00'::bytea"
        query(store_url, f"UPDATE snapshots SET state = {blob}")
        await other.execute(command(), booking("OTHER"))
        assert (await ledger.execute(command(), booking("NEXT"))).result == 14


@asynchronous
async def test_a_snapshot_that_is_wrong_by_content_cannot_break_the_order_of_events(
    store_url: str,
) -> None:
    """A snapshot of a version that never was is refused by the version of the next event."""
    async with opened(store_url) as ledger:
        await ledger.execute(command(), opening(slots=50))
        await ledger.execute(command(), booking("R1"))
        ahead = await ledger.newest(SupplierCapacity, supplier_id())
        state = encode_snapshot(ahead)
        await ledger.execute(command(), booking("R2"))
    written = (
        f"X'{state.hex()}'" if store_url.startswith("sqlite") else f"'\\x{state.hex()}'::bytea"
    )
    identity = supplier_id().hex if store_url.startswith("sqlite") else str(supplier_id())
    query(
        store_url,
        "INSERT INTO snapshots (originator_id, originator_version, topic, state) "
        f"VALUES ('{identity}', 2, 'snapshot.SupplierCapacity', {written})",
    )
    found, events = await events_loaded(store_url)
    assert (found.used_slots, found.version, events) == (2, 3, 1)


@asynchronous
async def test_a_ledger_that_keeps_two_states_is_as_right_as_any(store_url: str) -> None:
    async with opened(store_url, limits=Limits(cached_aggregates=2)) as ledger:
        suppliers = [f"S{number}" for number in range(6)]
        for supplier in suppliers:
            await ledger.execute(command(), opening(slots=3, supplier=supplier))
        answers = await asyncio.gather(
            *(
                ledger.execute(command(), booking(f"{supplier}-{number}", supplier))
                for number in range(5)
                for supplier in suppliers
            ),
            return_exceptions=True,
        )
        await settled()
        assert sum(isinstance(each, BaseException) for each in answers) == 12
        used = [
            (await ledger.newest(SupplierCapacity, supplier_id(each))).used_slots
            for each in suppliers
        ]
        assert used == [3] * 6


@asynchronous
async def test_the_stored_state_is_newer_than_what_this_process_knows(store_url: str) -> None:
    async with opened(store_url) as ledger, opened(store_url) as other:
        await ledger.execute(command(), opening())
        await other.execute(command(), booking("R1"))
        known = await ledger.newest(SupplierCapacity, supplier_id())
        stored = await ledger.stored(SupplierCapacity, supplier_id())
        assert (known.used_slots, stored.used_slots) == (0, 1)
