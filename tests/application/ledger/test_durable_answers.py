"""Nobody is answered before what the answer rests on is durable."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from application.ledger import Ledger, Outcome, UnitOfWork
from application.ledger.library import ledger_store
from application.ledger.unit_of_work import Member, Missing
from domain.suppliers.capacity import CapacityExceeded
from tests.support.asynchronous import asynchronous, settled, soon
from tests.support.gated_store import GatedStore
from tests.support.ledgers import (
    Clock,
    booking,
    changing,
    command,
    counting,
    everything,
    opened,
    opening,
)


class HastyLedger(Ledger):
    """The negative control: it answers as soon as it has decided."""

    async def _decided_and_stored(self, member: Member) -> Outcome[Any]:
        while not member.decided:
            try:
                member.decide(self._cache, self._now())
            except Missing as missing:
                await self._load_or_refuse(missing.references)
        self._committer.enqueue(member)
        return Outcome(member.result, self.head, tuple(member.events), member.reply)


QUIET_REPEAT = (booking("R1"), False)
REFUSAL = (booking("R2"), False)
DRY_RUN = (changing(5), True)
QUESTION = (counting(), False)
NEW_BOOKING = (booking("R3", "BETA"), False)


async def answered_early(
    store_url: str, ledger_class: type[Ledger], decide: Callable[[UnitOfWork], Any], dry_run: bool
) -> bool:
    """Whether a command is answered while the booking it was decided on is still under way."""
    store = GatedStore(ledger_store(store_url))
    ledger = ledger_class(store, clock=Clock())
    await ledger.open()
    await ledger.execute(command(), opening(slots=1))
    await ledger.execute(command(), opening(slots=1, supplier="BETA"))
    first = await store.held(ledger.execute(command(), booking("R1")))
    second = asyncio.create_task(ledger.execute(command(dry_run=dry_run), decide))
    await settled()
    early = second.done()
    store.before_write.open()
    await soon(asyncio.gather(first, second, return_exceptions=True))
    await ledger.close()
    return early


@pytest.mark.parametrize(
    ("decide", "dry_run"),
    [QUIET_REPEAT, REFUSAL, DRY_RUN, QUESTION, NEW_BOOKING],
    ids=["quiet repeat", "refusal", "dry run", "question", "new booking"],
)
class TestAnswersOnQueuedState:
    @asynchronous
    async def test_wait_for_the_group(
        self, store_url: str, decide: Callable[[UnitOfWork], Any], dry_run: bool
    ) -> None:
        assert not await answered_early(store_url, Ledger, decide, dry_run)

    @asynchronous
    async def test_given_at_once_are_noticed(
        self, store_url: str, decide: Callable[[UnitOfWork], Any], dry_run: bool
    ) -> None:
        """The negative control of the test above."""
        assert await answered_early(store_url, HastyLedger, decide, dry_run)


@asynchronous
async def test_a_refusal_on_queued_state_is_decided_again_when_the_group_fails(
    store_url: str,
) -> None:
    store = GatedStore(ledger_store(store_url))
    async with opened(store) as ledger, opened(store_url) as other:
        await ledger.execute(command(), opening(slots=1))
        first = await store.held(ledger.execute(command(), booking("R1")))
        refused_so_far = asyncio.create_task(ledger.execute(command(), booking("R2")))
        await settled()
        await other.execute(command(), changing(2))
        store.before_write.open()
        assert (await soon(first)).result == 1
        assert (await soon(refused_so_far)).result == 2


@asynchronous
async def test_a_refusal_that_still_holds_is_given_after_the_group_failed(store_url: str) -> None:
    store = GatedStore(ledger_store(store_url))
    async with opened(store) as ledger, opened(store_url) as other:
        await ledger.execute(command(), opening(slots=3))
        first = await store.held(ledger.execute(command(), booking("R1")))
        second = asyncio.create_task(ledger.execute(command(), booking("R2")))
        await settled()
        await other.execute(command(), changing(1))
        store.before_write.open()
        assert (await soon(first)).result == 1
        with pytest.raises(CapacityExceeded):
            await soon(second)


@asynchronous
async def test_a_dry_run_decides_and_stores_nothing(store_url: str) -> None:
    async with opened(store_url) as ledger:
        await ledger.execute(command(), opening())
        tried = await ledger.execute(command(dry_run=True), booking("R1"))
        assert tried.result == 1
        assert len(await everything(ledger)) == 1
        assert (await ledger.execute(command(), counting())).result == 0
