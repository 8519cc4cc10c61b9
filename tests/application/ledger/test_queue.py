"""The queue has an end, and a ledger that stopped storing says so to everybody."""

import asyncio

import pytest

from application.ledger import Ledger, LedgerUnavailable, Limits
from application.ledger.committer import CommitterDied, QueueFull
from application.ledger.library import ledger_store
from tests.support.asynchronous import asynchronous, settled, soon
from tests.support.gated_store import GatedStore
from tests.support.ledgers import (
    Clock,
    booking,
    command,
    counting,
    everything,
    opened,
    opening,
)


@asynchronous
async def test_a_full_queue_refuses_with_a_time_to_try_again(store_url: str) -> None:
    store = GatedStore(ledger_store(store_url))
    async with opened(store, limits=Limits(queue_commands=3)) as ledger:
        await ledger.execute(command(), opening())
        held = await store.held(ledger.execute(command(), booking("R0")))
        waiting = [
            asyncio.create_task(ledger.execute(command(), booking(f"R{n}"))) for n in (1, 2, 3)
        ]
        await settled()
        with pytest.raises(QueueFull) as caught:
            await ledger.execute(command(), booking("R4"))
        assert caught.value.retry_after_seconds >= 1
        store.before_write.open()
        await soon(asyncio.gather(held, *waiting))
        assert (await soon(ledger.execute(command(), booking("R4")))).result == 5


@asynchronous
async def test_a_bundle_counts_by_its_decisions(store_url: str) -> None:
    store = GatedStore(ledger_store(store_url))
    async with opened(store, limits=Limits(queue_commands=3)) as ledger:
        await ledger.execute(command(), opening())
        held = await store.held(ledger.execute(command(), booking("R0")))
        one = asyncio.create_task(ledger.execute(command(), booking("R1")))
        await settled()
        with pytest.raises(QueueFull):
            await ledger.execute_all(command(), [booking(f"R{n}") for n in (2, 3, 4)])
        store.before_write.open()
        await soon(asyncio.gather(held, one))


@asynchronous
async def test_a_bundle_larger_than_the_queue_is_taken_when_the_queue_is_empty(
    store_url: str,
) -> None:
    async with opened(store_url, limits=Limits(queue_commands=3)) as ledger:
        await ledger.execute(command(), opening())
        bundle = [booking(f"R{n}") for n in range(8)]
        assert (await ledger.execute_all(command(), bundle)).result == list(range(1, 9))


@asynchronous
async def test_a_dead_committer_fails_whoever_waits_and_whoever_comes(store_url: str) -> None:
    store = GatedStore(ledger_store(store_url))
    ledger = Ledger(store, clock=Clock())
    await ledger.open()
    await ledger.execute(command(), opening())
    under_way = await store.held(ledger.execute(command(), booking("R1")))
    queued = asyncio.create_task(ledger.execute(command(), booking("R2")))
    await settled()
    committer = next(task for task in asyncio.all_tasks() if task.get_name() == "committer")
    committer.cancel()
    for each in (under_way, queued):
        with pytest.raises(CommitterDied):
            await soon(each)
    assert ledger.failure is not None
    with pytest.raises(CommitterDied):
        await ledger.execute(command(), counting())
    store.before_write.open()
    await ledger.close()


@asynchronous
async def test_a_committer_that_fails_is_seen(store_url: str) -> None:
    def fail(position: int) -> None:
        raise ZeroDivisionError

    async with opened(store_url) as ledger:
        await ledger.execute(command(), opening())
        ledger.on_committed.append(fail)
        await soon(ledger.execute(command(), booking("R1")))
        await settled()
        assert isinstance(ledger.failure, ZeroDivisionError)
        with pytest.raises(LedgerUnavailable):
            await ledger.execute(command(), booking("R2"))


@asynchronous
async def test_closing_stores_what_is_queued_and_takes_nothing_more(store_url: str) -> None:
    store = GatedStore(ledger_store(store_url))
    ledger = Ledger(store, clock=Clock())
    await ledger.open()
    await ledger.execute(command(), opening())
    store.before_write.close()
    queued = [asyncio.create_task(ledger.execute(command(), booking(f"R{n}"))) for n in range(3)]
    await soon(store.before_write.reached.wait())
    closing = asyncio.create_task(ledger.close())
    await settled()
    with pytest.raises(LedgerUnavailable, match="shutting down"):
        await ledger.execute(command(), booking("R9"))
    store.before_write.open()
    await soon(asyncio.gather(closing, *queued))
    async with opened(store_url) as later:
        assert len(await everything(later)) == 7
