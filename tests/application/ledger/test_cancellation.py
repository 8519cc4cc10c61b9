"""A caller may go away at any moment; a command that was queued is stored all the same, once."""

import asyncio
from collections import Counter

import pytest

from application.ledger.library import ledger_store
from application.ledger.store import StoreLost
from tests.support.asynchronous import asynchronous, settled, soon
from tests.support.gated_store import GatedStore
from tests.support.ledgers import (
    booking,
    command,
    counting,
    everything,
    opened,
    opening,
)


@asynchronous
async def test_a_queued_command_is_never_withdrawn(store_url: str) -> None:
    store = GatedStore(ledger_store(store_url))
    async with opened(store) as ledger:
        await ledger.execute(command(), opening())
        gone = await store.held(ledger.execute(command(), booking("R1")))
        gone_too = asyncio.create_task(ledger.execute(command(), booking("R2")))
        await settled()
        for each in (gone, gone_too):
            each.cancel()
            with pytest.raises(asyncio.CancelledError):
                await each
        store.before_write.open()
        assert (await soon(ledger.execute(command(), counting()))).result == 2
        assert len(await everything(ledger)) == 5


@asynchronous
async def test_a_caller_that_goes_while_its_group_is_decided_again_changes_nothing(
    store_url: str,
) -> None:
    store = GatedStore(ledger_store(store_url))
    async with opened(store) as ledger:
        await ledger.execute(command(), opening())
        store.errors_after = [StoreLost("the answer was lost")]
        store.before_turn.close()
        gone = asyncio.create_task(ledger.execute(command(), booking("R1")))
        await soon(store.before_turn.reached.wait())
        gone.cancel()
        store.before_turn.open()
        assert (await soon(ledger.execute(command(), counting()))).result == 1
        topics = Counter(row.topic for row in await everything(ledger))
        assert topics["suppliers.booked"] == 1


@asynchronous
async def test_a_command_that_was_not_queued_yet_is_never_stored(store_url: str) -> None:
    async with opened(store_url) as ledger:
        await ledger.execute(command(), opening())
    store = GatedStore(ledger_store(store_url))
    async with opened(store) as ledger:
        store.before_load.close()
        gone = asyncio.create_task(ledger.execute(command(), booking("R1")))
        await soon(store.before_load.reached.wait())
        gone.cancel()
        store.before_load.open()
        with pytest.raises(asyncio.CancelledError):
            await gone
        assert (await soon(ledger.execute(command(), counting()))).result == 0
        assert len(await everything(ledger)) == 1


@asynchronous
async def test_a_key_is_free_again_after_its_caller_went_away(store_url: str) -> None:
    store = GatedStore(ledger_store(store_url))
    async with opened(store) as ledger:
        await ledger.execute(command(), opening())
        gone = await store.held(ledger.execute(command(idempotency_key="k"), booking("R1")))
        gone.cancel()
        with pytest.raises(asyncio.CancelledError):
            await gone
        again = asyncio.create_task(ledger.execute(command(idempotency_key="k"), booking("R1")))
        await settled()
        store.before_write.open()
        assert (await soon(again)).result == 1
