"""The same request under the same key is decided once, and answered the same for ever after."""

import asyncio
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest

from application.ledger import (
    Command,
    KeyReused,
    Outcome,
    Replayed,
    Reply,
    StillRunning,
    UnitOfWork,
)
from application.ledger.library import ledger_store
from application.ledger.store import Batch, KeptReply, Row, StaleGroup
from domain.errors import DomainError
from domain.suppliers import SupplierCapacity
from tests.support.asynchronous import asynchronous, settled, soon
from tests.support.gated_store import GatedStore
from tests.support.ledgers import (
    Clock,
    booking,
    changing,
    command,
    counting,
    everything,
    migrated,
    opened,
    opening,
    query,
)


def render(result: object) -> Reply:
    """Answer as a door would: 201 with what was decided, or 409 with what stands in the way."""
    return Reply(409 if isinstance(result, DomainError) else 201, str(result).encode())


def keyed(key: str = "ada:POST:k1", fingerprint: bytes = b"f1", **fields: Any) -> Command:
    return command(idempotency_key=key, fingerprint=fingerprint, render=render, **fields)


@asynchronous
async def test_a_repeat_gets_the_same_bytes_and_position(store_url: str) -> None:
    async with opened(store_url) as ledger:
        await ledger.execute(command(), opening())
        first = await ledger.execute(keyed(), booking("R1"))
        await ledger.execute(command(), booking("R2"))
        with pytest.raises(Replayed) as caught:
            await ledger.execute(keyed(), booking("R1"))
        assert (caught.value.reply, caught.value.position) == (first.reply, first.position)
        assert (await ledger.execute(command(), counting())).result == 2


@asynchronous
async def test_a_repeat_in_another_process_gets_the_same(store_url: str) -> None:
    async with opened(store_url) as ledger, opened(store_url) as other:
        await ledger.execute(command(), opening())
        first = await ledger.execute(keyed(), booking("R1"))
        with pytest.raises(Replayed) as caught:
            await other.execute(keyed(), booking("R1"))
        assert (caught.value.reply, caught.value.position) == (first.reply, first.position)


@asynchronous
async def test_another_request_under_the_same_key_is_refused(store_url: str) -> None:
    async with opened(store_url) as ledger:
        await ledger.execute(command(), opening())
        await ledger.execute(keyed(), booking("R1"))
        with pytest.raises(KeyReused):
            await ledger.execute(keyed(fingerprint=b"f2"), booking("R2"))
        assert (await ledger.execute(command(), counting())).result == 1


@asynchronous
async def test_a_repeat_while_the_first_runs_is_told_so(store_url: str) -> None:
    store = GatedStore(ledger_store(store_url))
    async with opened(store) as ledger:
        await ledger.execute(command(), opening())
        first = await store.held(ledger.execute(keyed(), booking("R1")))
        with pytest.raises(StillRunning):
            await ledger.execute(keyed(), booking("R1"))
        store.before_write.open()
        assert (await soon(first)).result == 1


@asynchronous
async def test_a_refusal_is_kept_like_any_answer(store_url: str) -> None:
    async with opened(store_url) as ledger:
        await ledger.execute(command(), opening(slots=0))
        refused = await ledger.execute(keyed(), booking("R1"))
        assert refused.reply is not None
        assert refused.reply.status == 409
        await ledger.execute(command(), changing(5))
        with pytest.raises(Replayed) as caught:
            await ledger.execute(keyed(), booking("R1"))
        assert caught.value.reply == refused.reply
        assert (await ledger.execute(command(), counting())).result == 0


@asynchronous
async def test_a_quiet_answer_is_kept(store_url: str) -> None:
    async with opened(store_url) as ledger:
        await ledger.execute(command(), opening())
        await ledger.execute(command(), booking("R1"))
        quiet = await ledger.execute(keyed(), booking("R1"))
        with pytest.raises(Replayed) as caught:
            await ledger.execute(keyed(), booking("R1"))
        assert (caught.value.reply, caught.value.position) == (quiet.reply, quiet.position)


@asynchronous
async def test_a_dry_run_is_not_kept(store_url: str) -> None:
    async with opened(store_url) as ledger:
        await ledger.execute(command(), opening())
        tried = await ledger.execute(keyed(dry_run=True), booking("R1"))
        real = await ledger.execute(keyed(), booking("R1"))
        assert tried.reply == real.reply == Reply(201, b"1")
        assert len(real.events) == 2


@asynchronous
async def test_what_nobody_foresaw_is_not_kept(store_url: str) -> None:
    def buggy(work: UnitOfWork) -> None:
        raise ZeroDivisionError

    async with opened(store_url) as ledger:
        await ledger.execute(command(), opening())
        with pytest.raises(ZeroDivisionError):
            await ledger.execute(keyed(), buggy)
        assert (await ledger.execute(keyed(), booking("R1"))).result == 1


@asynchronous
async def test_a_reply_is_forgotten_after_its_time(store_url: str) -> None:
    clock = Clock()
    async with opened(store_url, clock=clock) as ledger:
        await ledger.execute(command(), opening())
        await ledger.execute(keyed("old"), booking("R1"))
        clock.turn(hours=23)
        await ledger.execute(keyed("young"), booking("R2"))
        assert await ledger.forget_old_replies() == 0
        clock.turn(hours=2)
        assert await ledger.forget_old_replies() == 1
        assert (await ledger.execute(keyed("old"), booking("R1"))).result == 2
        with pytest.raises(Replayed):
            await ledger.execute(keyed("young"), booking("R2"))


# Reply and events are in one transaction: what takes one back takes the other back too.


@asynchronous
async def test_events_that_conflict_take_their_reply_back(store_url: str) -> None:
    store = ledger_store(store_url)
    await store.open()
    row = Row(UUID(int=1), 1, "topic", b"{}")
    await store.append(Batch([row], (), (), 1))
    with pytest.raises(StaleGroup):
        await store.append(Batch([row], (), [KeptReply("k", b"", Reply(201, b""), 1)], 2))
    async with store.turn() as turn:
        assert await turn.replies(["k"]) == {}
    await store.close()


@asynchronous
async def test_a_reply_that_conflicts_takes_its_events_back(store_url: str) -> None:
    store = ledger_store(store_url)
    await store.open()
    kept = KeptReply("k", b"", Reply(201, b""), 1)
    await store.append(Batch([Row(UUID(int=1), 1, "topic", b"{}")], (), [kept], 1))
    with pytest.raises(StaleGroup):
        await store.append(Batch([Row(UUID(int=2), 1, "topic", b"{}")], (), [kept], 2))
    assert [row.originator_id for row in await store.feed(after=0, limit=9, topics=None)] == [
        UUID(int=1)
    ]
    await store.close()


# Two processes at the same moment, and the same without the guard.


def opening_a_new_one() -> Callable[[UnitOfWork], UUID]:
    """Return a decision that would collide with nothing if it ran twice."""
    new_id = uuid4()

    def decide(work: UnitOfWork) -> UUID:
        work.get(SupplierCapacity, new_id).open("sbus", "x", "NEW", 1)
        return new_id

    return decide


async def answers_of_two_processes(
    store_url: str,
) -> tuple[int, list[Outcome[UUID] | BaseException]]:
    """Send one key to two ledgers, the second while the first stands before its commit."""
    store = GatedStore(ledger_store(store_url))
    async with opened(store) as slow, opened(store_url) as quick:
        first = await store.held(slow.execute(keyed(), opening_a_new_one()))
        second = await soon(quick.execute(keyed(), opening_a_new_one()))
        store.before_write.open()
        answers = await soon(asyncio.gather(first, return_exceptions=True))
        return len(await everything(quick)), [second, *answers]


@asynchronous
async def test_two_processes_decide_one_key_once(store_url: str) -> None:
    stored, (winner, loser) = await answers_of_two_processes(store_url)
    assert stored == 1
    assert isinstance(winner, Outcome)
    assert isinstance(loser, Replayed)
    assert (loser.reply, loser.position) == (winner.reply, winner.position)


@asynchronous
async def test_without_the_primary_key_both_would_be_stored(empty_url: str) -> None:
    """The negative control of the test above."""
    store_url = migrated(empty_url)
    if store_url.startswith("sqlite"):
        query(store_url, "DROP TABLE replies")
        query(
            store_url,
            "CREATE TABLE replies (key TEXT, fingerprint BLOB, status INTEGER, body BLOB, "
            "position INTEGER, kept_at_us INTEGER)",
        )
    else:
        query(store_url, "ALTER TABLE replies DROP CONSTRAINT replies_pkey")
    stored, _ = await answers_of_two_processes(store_url)
    assert stored == 2


@asynchronous
async def test_many_keys_in_one_group_are_kept_each_at_its_own_position(store_url: str) -> None:
    async with opened(store_url) as ledger:
        await ledger.execute(command(), opening(slots=3))
        firsts = await asyncio.gather(
            *(ledger.execute(keyed(f"k{n}"), booking(f"R{n}")) for n in range(5))
        )
        await settled()
        for number, first in enumerate(firsts):
            with pytest.raises(Replayed) as caught:
                await ledger.execute(keyed(f"k{number}"), booking(f"R{number}"))
            assert (caught.value.reply, caught.value.position) == (first.reply, first.position)
