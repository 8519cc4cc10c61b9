"""What one command does wrong, or another process did first, never falls on its neighbours."""

import asyncio
from uuid import UUID

import pytest

from application.ledger import UnitOfWork
from application.ledger.library import ledger_store
from application.ledger.store import Batch, Row, StaleGroup
from domain.suppliers import SupplierCapacity
from domain.suppliers.capacity import CapacityExceeded
from tests.support.asynchronous import asynchronous, settled, soon
from tests.support.gated_store import GatedStore, Refused
from tests.support.ledgers import (
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
async def test_a_row_that_the_database_refuses_falls_alone(store_url: str) -> None:
    store = GatedStore(ledger_store(store_url))
    async with opened(store) as ledger:
        await ledger.execute(command(), opening())
        store.poison = b"POISON"
        held = await store.held(ledger.execute(command(), booking("R0")))
        group = [
            asyncio.create_task(ledger.execute(command(), booking(name)))
            for name in ("R1", "POISON", "R2")
        ]
        await settled()
        store.before_write.open()
        first, poisoned, second = await soon(asyncio.gather(*group, return_exceptions=True))
        await held
        assert isinstance(poisoned, Refused)
        assert not isinstance(first, BaseException)
        assert not isinstance(second, BaseException)
        assert (await ledger.execute(command(), counting())).result == 3


@asynchronous
async def test_a_decision_with_a_bug_falls_alone(store_url: str) -> None:
    def buggy(work: UnitOfWork) -> None:
        work.get(SupplierCapacity, supplier_id()).book_slot(booking_id("R9"), "R9")
        raise ZeroDivisionError

    async with opened(store_url) as ledger:
        await ledger.execute(command(), opening())
        tasks = [
            asyncio.create_task(ledger.execute(command(), decide))
            for decide in (booking("R1"), buggy, booking("R2"))
        ]
        _, failed, _ = await asyncio.gather(*tasks, return_exceptions=True)
        assert isinstance(failed, ZeroDivisionError)
        assert (await ledger.execute(command(), counting())).result == 2


@asynchronous
async def test_a_raw_append_conflicts_alone(store_url: str) -> None:
    async with opened(store_url) as ledger:
        await ledger.execute(command(), opening())
        taken = Row(supplier_id(), 1, "topic", b"{}")
        free = Row(UUID(int=1), 1, "topic", b"{}")
        conflicting, appended, booked = await asyncio.gather(
            ledger.append_raw([taken]),
            ledger.append_raw([free]),
            ledger.execute(command(), booking("R1")),
            return_exceptions=True,
        )
        assert isinstance(conflicting, StaleGroup)
        assert isinstance(appended, list)
        stored = {row.position: row.originator_id for row in await everything(ledger)}
        assert stored[appended[0]] == UUID(int=1)
        assert not isinstance(booked, BaseException)


@asynchronous
async def test_two_ledgers_on_one_database_book_one_supplier_exactly_full(store_url: str) -> None:
    async with opened(store_url) as ada, opened(store_url) as bob:
        await ada.execute(command(), opening(slots=30))
        answers = await soon(
            asyncio.gather(
                *(ada.execute(command(), booking(f"A{n}")) for n in range(20)),
                *(bob.execute(command(), booking(f"B{n}")) for n in range(20)),
                return_exceptions=True,
            )
        )
        refused = [each for each in answers if isinstance(each, CapacityExceeded)]
        assert (len(answers) - len(refused), len(refused)) == (30, 10)
        assert (await ada.execute(command(), counting())).result == 30
        assert (await bob.execute(command(), counting())).result == 30


@asynchronous
async def test_a_refusal_on_a_stale_state_is_decided_again(store_url: str) -> None:
    async with opened(store_url) as ada, opened(store_url) as bob:
        await ada.execute(command(), opening(slots=1))
        await ada.execute(command(), booking("R1"))
        await bob.execute(command(), releasing("R1"))
        assert (await ada.execute(command(), booking("R2"))).result == 1


@asynchronous
async def test_a_quiet_answer_on_a_stale_state_is_decided_again(store_url: str) -> None:
    async with opened(store_url) as ada, opened(store_url) as bob:
        await ada.execute(command(), opening(slots=5))
        await ada.execute(command(), booking("R1"))
        await bob.execute(command(), releasing("R1"))
        assert (await ada.execute(command(), booking("R1"))).result == 1
        assert (await bob.execute(command(), counting())).result == 1


@asynchronous
async def test_a_decision_is_refused_when_what_it_only_looked_at_has_moved_on(
    store_url: str,
) -> None:
    """BETA is opened with the capacity of ACME, which another process raises meanwhile."""

    def opening_beta_like_acme(work: UnitOfWork) -> int:
        slots = work.get(SupplierCapacity, supplier_id("ACME")).used_slots
        work.get(SupplierCapacity, supplier_id("BETA")).open("sbus", "x", "BETA", slots)
        return slots

    store = GatedStore(ledger_store(store_url))
    async with opened(store) as ada, opened(store_url) as bob:
        await ada.execute(command(), opening())
        opened_beta = await store.held(ada.execute(command(), opening_beta_like_acme))
        await bob.execute(command(), booking("R1"))
        store.before_write.open()
        assert (await soon(opened_beta)).result == 1


@pytest.mark.parametrize("assumption", ["cold", "warm"])
@asynchronous
async def test_a_booking_assumed_new_that_exists_is_found_out(
    store_url: str, assumption: str
) -> None:
    async with opened(store_url) as ada, opened(store_url) as bob:
        await ada.execute(command(), opening())
        if assumption == "warm":
            await bob.execute(command(), counting())
        await ada.execute(command(), booking("R1"))
        assert (await bob.execute(command(), booking("R1"))).result == 1
        assert (await bob.execute(command(), counting())).result == 1


@asynchronous
async def test_nobody_sees_what_a_turn_takes_back(store_url: str) -> None:
    """A state seen here would be decided on, and leave a gap in its stream."""

    class TakenBack(Exception):
        pass

    identity = supplier_id()
    store = ledger_store(store_url)
    await store.open()
    seen = None
    with pytest.raises(TakenBack):
        async with store.turn() as turn:
            await turn.append(Batch([Row(identity, 1, "topic", b"{}")], (), (), 1))
            seen = asyncio.create_task(store.load([identity]))
            await asyncio.wait([seen], timeout=0)
            await turn.load([identity])
            raise TakenBack
    assert seen is not None
    assert (await soon(seen))[identity].events == []
    await store.close()
