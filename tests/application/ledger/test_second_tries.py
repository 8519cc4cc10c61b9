"""What goes wrong at first is tried again where nothing moves, and then told as it is."""

import asyncio
from collections.abc import Callable

import pytest

from application.ledger import (
    Ledger,
    LedgerUnavailable,
    Limits,
    Outcome,
    Replayed,
    Reply,
    UnitOfWork,
)
from application.ledger.committer import QueueFull
from application.ledger.library import ledger_store
from domain.suppliers import SupplierCapacity
from tests.support.asynchronous import asynchronous, settled, soon
from tests.support.gated_store import GatedStore
from tests.support.ledgers import (
    Clock,
    booking,
    command,
    opened,
    opening,
    query,
    releasing,
    supplier_id,
)


def used_of(supplier: str) -> Callable[[UnitOfWork], int]:
    def decide(work: UnitOfWork) -> int:
        return work.get(SupplierCapacity, supplier_id(supplier)).used_slots

    return decide


@asynchronous
async def test_an_error_on_states_of_the_past_is_not_believed(store_url: str) -> None:
    """What one ledger knew as not yet there, another has opened: then it has no such field."""
    async with opened(store_url) as ledger, opened(store_url) as another:
        assert not (await ledger.newest(SupplierCapacity, supplier_id("Late"))).exists
        await another.execute(command(), opening(5, "Late"))
        assert (await soon(ledger.execute(command(), used_of("Late")))).result == 0


@asynchronous
async def test_an_error_of_the_decision_itself_reaches_its_caller(store_url: str) -> None:
    def decide(work: UnitOfWork) -> None:
        raise ZeroDivisionError

    async with opened(store_url) as ledger:
        with pytest.raises(ZeroDivisionError):
            await soon(ledger.execute(command(), decide))
        assert ledger.failure is None


@asynchronous
async def test_a_store_that_hangs_is_not_waited_for_without_end(store_url: str) -> None:
    store = GatedStore(ledger_store(store_url))
    async with opened(store_url) as before:
        await before.execute(command(), opening())
    async with opened(store, limits=Limits(outage_seconds=0.05)) as ledger:
        store.before_write.close()
        store.before_turn.close()
        with pytest.raises(LedgerUnavailable):
            await soon(ledger.execute(command(), booking("R1")))
        store.before_write.open()
        store.before_turn.open()
        assert (await soon(_answered(ledger))).result == 1


async def _answered(ledger: Ledger) -> Outcome[int]:
    """Ask until there is an answer: on a busy machine a sound store may take as long as that."""
    while True:
        try:
            return await ledger.execute(command(), booking("R1"))
        except LedgerUnavailable:
            continue


@asynchronous
async def test_who_loads_for_long_finds_the_queue_full_all_the_same(store_url: str) -> None:
    store = GatedStore(ledger_store(store_url))
    async with opened(store_url) as before:
        await before.execute(command(), opening())
    async with opened(store, limits=Limits(queue_commands=2)) as ledger:
        store.before_load.close()
        store.before_write.close()
        callers = [
            asyncio.create_task(ledger.execute(command(), booking(f"R{number}")))
            for number in range(8)
        ]
        await soon(store.before_load.reached.wait())
        store.before_load.open()
        # Nothing is stored yet, so whoever is answered now found no place in the queue.
        done, _ = await soon(asyncio.wait(callers, return_when=asyncio.FIRST_COMPLETED))
        assert {type(each.exception()) for each in done} == {QueueFull}
        store.before_write.open()
        await soon(asyncio.gather(*callers, return_exceptions=True))


@asynchronous
async def test_a_refusal_on_an_older_state_is_decided_again(store_url: str) -> None:
    """In one group: a refusal decided on what was true once, and a look at what is true now."""
    store = GatedStore(ledger_store(store_url))
    limits = Limits(cached_aggregates=2)
    async with opened(store, limits=limits) as ledger, opened(store_url) as another:
        await ledger.execute(command(), opening(1))
        await ledger.execute(command(), booking("R1"))
        await ledger.execute(command(), opening(1, "Other"))
        await soon(ledger.execute(command(), used_of("ACME")))
        await another.execute(command(), releasing("R1"))  # there is room, before anybody asks

        held = await store.held(ledger.execute(command(), booking("R9", "Other")))
        refused = asyncio.create_task(ledger.execute(command(), booking("R2")))
        await settled()
        _forget(ledger)
        looked = asyncio.create_task(ledger.execute(command(), used_of("ACME")))
        await settled()
        store.before_write.open()
        await soon(held)
        assert (await soon(refused)).result == 1
        await soon(looked)


def _forget(ledger: Ledger) -> None:
    """Drop what is known, as a full cache does."""
    ledger._cache._young.clear()
    ledger._cache._old.clear()


def _render(result: object) -> Reply:
    return Reply(201, repr(result).encode())


@asynchronous
async def test_a_reply_given_a_moment_ago_costs_the_store_nothing(store_url: str) -> None:
    store = GatedStore(ledger_store(store_url))
    keyed = {"render": _render, "idempotency_key": "K", "fingerprint": b"F"}
    async with opened(store) as ledger:
        await ledger.execute(command(), opening())
        first = await ledger.execute(command(**keyed), booking("R1"))
        store.before_write.close()
        store.before_turn.close()
        with pytest.raises(Replayed) as caught:
            await soon(ledger.execute(command(**keyed), booking("R1")))
    assert (caught.value.reply, caught.value.position) == (first.reply, first.position)


@asynchronous
async def test_old_replies_are_removed_without_being_asked(
    store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("application.ledger.ledger.HOUSEKEEPING_SECONDS", 0.0)
    clock = Clock()
    async with opened(store_url, clock=clock) as ledger:
        await ledger.execute(command(), opening())
        keyed = command(render=_render, idempotency_key="K", fingerprint=b"F")
        await ledger.execute(keyed, booking("R1"))
        clock.turn(hours=25)

        async def removed() -> None:
            while query(store_url, "SELECT key FROM replies"):  # noqa: ASYNC110 - no event tells it
                await asyncio.sleep(0)

        await soon(removed())
