"""Decisions: which state they see, what they leave behind, and how bundles keep them apart."""

import asyncio

import pytest

from application.ledger import UnitOfWork
from application.ledger.library import ledger_store
from domain.stored import decode
from domain.suppliers import Booking, MatchDetails, SupplierCapacity
from domain.suppliers.bookings import BookedElsewhere
from domain.suppliers.capacity import CapacityExceeded
from tests.support.asynchronous import asynchronous, settled, soon
from tests.support.gated_store import GatedStore
from tests.support.ledgers import (
    LINE,
    SCENARIO,
    booking,
    booking_id,
    command,
    counting,
    everything,
    opened,
    opening,
    releasing,
    supplier_id,
)


@asynchronous
async def test_a_decision_sees_what_is_queued_before_it(store_url: str) -> None:
    store = GatedStore(ledger_store(store_url))
    async with opened(store) as ledger:
        await ledger.execute(command(), opening(slots=100))
        store.before_write.close()
        tasks = [
            asyncio.create_task(ledger.execute(command(), booking(f"R{n}"))) for n in range(100)
        ]
        await soon(store.before_write.reached.wait())
        store.before_write.open()
        outcomes = await soon(asyncio.gather(*tasks))
        assert [each.result for each in outcomes] == list(range(1, 101))
        positions = [each.position for each in outcomes]
        assert positions == sorted(positions)


@asynchronous
async def test_a_hot_aggregate_is_full_to_the_slot(store_url: str) -> None:
    async with opened(store_url) as ledger:
        await ledger.execute(command(), opening(slots=40))
        answers = await asyncio.gather(
            *(ledger.execute(command(), booking(f"R{n}")) for n in range(100)),
            return_exceptions=True,
        )
        assert [isinstance(each, CapacityExceeded) for each in answers] == [False] * 40 + [
            True
        ] * 60


@asynchronous
async def test_a_decision_that_raises_leaves_no_trace(store_url: str) -> None:
    """It had recorded on one aggregate before it failed on another."""

    def booking_then_refused(work: UnitOfWork) -> None:
        held = work.get(Booking, booking_id("R1"))
        held.book(LINE, SCENARIO, 0, "R1", "ACME", MatchDetails(), "")
        work.get(SupplierCapacity, supplier_id()).book_slot(held.id, "R1")

    async with opened(store_url) as ledger:
        await ledger.execute(command(), opening(slots=0))
        with pytest.raises(CapacityExceeded):
            await ledger.execute(command(), booking_then_refused)
        assert not (await ledger.newest(Booking, booking_id("R1"))).exists
        assert len(await everything(ledger)) == 1


@asynchronous
async def test_a_bundle_keeps_failures_apart(store_url: str) -> None:
    bundle = [
        booking("R1"),
        booking("R1", "BETA"),
        booking("R2"),
        booking("R3"),
        releasing("R1"),
        booking("R3"),
    ]
    async with opened(store_url) as ledger:
        await ledger.execute(command(), opening(slots=2))
        await ledger.execute(command(), opening(slots=2, supplier="BETA"))
        outcome = await ledger.execute_all(command(), bundle)
        first, elsewhere, second, full, released, after = outcome.result
        assert (first, second, released, after) == (1, 2, 1, 2)
        assert isinstance(elsewhere, BookedElsewhere)
        assert isinstance(full, CapacityExceeded)
        assert len(await everything(ledger)) == 2 + len(outcome.events)


@asynchronous
async def test_a_bundle_is_stored_whole(store_url: str) -> None:
    """One group, in one transaction, under one command."""
    store = GatedStore(ledger_store(store_url))
    async with opened(store) as ledger:
        await ledger.execute(command(), opening(slots=300))
        await ledger.execute_all(command(), [booking(f"R{n}") for n in range(300)])
        assert len(store.batches) == 2
        rows = await everything(ledger)
        commands = {
            decode(row.topic, row.state, row.originator_id, 1).provenance.command_id
            for row in rows[1:]
        }
        assert len(commands) == 1


@asynchronous
async def test_a_decision_that_lacks_states_is_restarted_with_all_of_them(store_url: str) -> None:
    suppliers = ["ACME", "BETA", "GAMMA"]
    runs = []

    def counting_all(work: UnitOfWork) -> int:
        runs.append("run")
        found = work.get_all(SupplierCapacity, [supplier_id(each) for each in suppliers])
        return sum(each.capacity_slots for each in found)

    async with opened(store_url) as ledger:
        for supplier in suppliers:
            await ledger.execute(command(), opening(slots=7, supplier=supplier))
    store = GatedStore(ledger_store(store_url))
    async with opened(store) as ledger:
        assert (await ledger.execute(command(), counting_all)).result == 21
        assert (len(runs), len(store.loads)) == (2, 1)


@asynchronous
async def test_a_restarted_decision_records_once(store_url: str) -> None:
    async with opened(store_url) as ledger:
        await ledger.execute(command(), opening(slots=5))
    async with opened(store_url) as ledger:
        answers = await asyncio.gather(
            *(ledger.execute(command(), booking(f"R{n}")) for n in range(3))
        )
        assert sorted(each.result for each in answers) == [1, 2, 3]
        assert len(await everything(ledger)) == 7


@asynchronous
async def test_what_follows_a_failed_group_is_decided_on_the_newest_state(store_url: str) -> None:
    """Queued behind a group that conflicts, in the order of the queue."""
    store = GatedStore(ledger_store(store_url))
    async with opened(store) as ledger, opened(store_url) as other:
        await ledger.execute(command(), opening(slots=4))
        first = await store.held(ledger.execute(command(), booking("R1")))
        behind = [
            asyncio.create_task(ledger.execute(command(), booking(f"R{n}"))) for n in range(2, 6)
        ]
        await settled()
        await other.execute(command(), booking("OTHER"))
        store.before_write.open()
        answers = await soon(asyncio.gather(first, *behind, return_exceptions=True))
        results = [each if isinstance(each, BaseException) else each.result for each in answers]
        assert results[:3] == [2, 3, 4]
        assert all(isinstance(each, CapacityExceeded) for each in results[3:])
        assert (await ledger.execute(command(), counting())).result == 4


@asynchronous
async def test_events_carry_who_when_why_and_by_which_command(store_url: str) -> None:
    cause = booking_id("cause")
    asked = command(
        actor="bob@example.org", reason="a caller asked", on_behalf_of="ada", causation_id=cause
    )
    async with opened(store_url) as ledger:
        outcome = await ledger.execute(asked, opening())
        row = (await everything(ledger))[0]
        stored = decode(row.topic, row.state, row.originator_id, row.originator_version)
        assert stored == outcome.events[0]
        provenance = stored.provenance
        assert (provenance.actor, provenance.reason) == ("bob@example.org", "a caller asked")
        assert (provenance.on_behalf_of, provenance.causation_id) == ("ada", cause)
        assert provenance.command_id == provenance.correlation_id == asked.command_id


@asynchronous
async def test_a_quiet_repeat_is_decided_again_when_what_it_repeats_was_refused_after_all(
    store_url: str,
) -> None:
    """It was quiet because of a booking under way, which then found the supplier full.

    The versions that it saw exist by now, with other events in them.
    """
    store = GatedStore(ledger_store(store_url))
    async with opened(store) as ledger, opened(store_url) as other:
        await ledger.execute(command(), opening(slots=1))
        first = await store.held(ledger.execute(command(), booking("R1")))
        repeat = asyncio.create_task(ledger.execute(command(), booking("R1")))
        await settled()
        await other.execute(command(), booking("OTHER"))
        store.before_write.open()
        answers = await soon(asyncio.gather(first, repeat, return_exceptions=True))
        assert [type(each) for each in answers] == [CapacityExceeded] * 2


@asynchronous
async def test_who_comes_while_a_group_is_decided_again_waits_for_its_turn(store_url: str) -> None:
    store = GatedStore(ledger_store(store_url))
    async with opened(store) as ledger, opened(store_url) as other:
        await ledger.execute(command(), opening(slots=3))
        store.before_turn.close()
        first = await store.held(ledger.execute(command(), booking("R1")))
        behind = asyncio.create_task(ledger.execute(command(), booking("R2")))
        await settled()
        await other.execute(command(), booking("OTHER"))
        store.before_write.open()
        await soon(store.before_turn.reached.wait())
        last = asyncio.create_task(ledger.execute(command(), booking("R3")))
        await settled()
        store.before_turn.open()
        assert [each.result for each in await soon(asyncio.gather(first, behind))] == [2, 3]
        with pytest.raises(CapacityExceeded):
            await soon(last)


@asynchronous
async def test_what_was_loaded_for_the_second_try_is_known_from_then_on(store_url: str) -> None:
    store = GatedStore(ledger_store(store_url))
    async with opened(store) as ledger, opened(store_url) as other:
        await ledger.execute(command(), opening())
        await other.execute(command(), booking("OTHER"))
        await ledger.execute(command(), booking("R1"))
        assert store.turns == 1
        assert (await ledger.execute(command(), booking("R2"))).result == 3
        assert store.turns == 1
