"""The database may go away before, during or after a commit; what is stored is stored once."""

import asyncio
from collections import Counter
from pathlib import Path

import psycopg
import pytest

from application.ledger import LedgerUnavailable, Limits, Replayed, Reply
from application.ledger.library import ledger_store
from application.ledger.postgres_store import PostgresStore
from application.ledger.store import StoreLost
from domain.suppliers.capacity import CapacityExceeded
from tests.support.asynchronous import asynchronous, settled, soon, until
from tests.support.gated_store import GatedStore
from tests.support.ledgers import (
    booking,
    command,
    counting,
    everything,
    migrated,
    opened,
    opening,
    query,
)

LOST = StoreLost("the connection was lost")
KILL_ALL_OTHERS = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
"""


@asynchronous
async def test_a_lost_answer_is_found_in_the_store(store_url: str) -> None:
    """The group was committed, then the connection died: blind repeating would conflict."""
    store = GatedStore(ledger_store(store_url))
    async with opened(store) as ledger:
        await ledger.execute(command(), opening(slots=1))
        store.errors_after = [LOST]
        booked = await soon(ledger.execute(command(), booking("R1")))
        assert booked.result == 1
        rows = await everything(ledger)
        assert Counter(row.topic for row in rows)["suppliers.booked"] == 1
        assert booked.position == rows[-1].position


@asynchronous
async def test_a_group_that_never_arrived_is_stored_by_the_second_try(store_url: str) -> None:
    store = GatedStore(ledger_store(store_url))
    async with opened(store) as ledger:
        await ledger.execute(command(), opening())
        store.errors_before = [LOST]
        booked = await soon(
            asyncio.gather(*(ledger.execute(command(), booking(f"R{n}")) for n in range(5)))
        )
        assert sorted(each.result for each in booked) == [1, 2, 3, 4, 5]
        assert len(await everything(ledger)) == 11


@asynchronous
async def test_after_a_lost_answer_others_may_have_gone_on(store_url: str) -> None:
    """The command's events are found although the aggregate is newer than they made it."""
    store = GatedStore(ledger_store(store_url))
    async with opened(store) as ledger, opened(store_url) as other:
        await ledger.execute(command(), opening(slots=2))
        store.errors_after = [LOST]
        store.before_turn.close()
        booked = asyncio.create_task(ledger.execute(command(), booking("R1")))
        await soon(store.before_turn.reached.wait())
        await other.execute(command(), booking("R2"))
        store.before_turn.open()
        assert (await soon(booked)).result == 1
        assert (await ledger.execute(command(), counting())).result == 2


@asynchronous
async def test_a_refusal_whose_group_was_lost_is_decided_again(store_url: str) -> None:
    store = GatedStore(ledger_store(store_url))
    async with opened(store) as ledger:
        await ledger.execute(command(), opening(slots=1))
        await ledger.execute(command(), booking("R1"))
        store.errors_before = [LOST]
        with pytest.raises(CapacityExceeded):
            await soon(ledger.execute(command(), booking("R2")))


@asynchronous
async def test_a_lost_answer_under_a_key_keeps_one_reply(store_url: str) -> None:
    def render(result: object) -> Reply:
        return Reply(201, repr(result).encode())

    keyed = {"idempotency_key": "k", "render": render}
    store = GatedStore(ledger_store(store_url))
    async with opened(store) as ledger:
        await ledger.execute(command(), opening())
        store.errors_after = [LOST]
        booked = await soon(ledger.execute(command(**keyed), booking("R1")))
        assert booked.reply == Reply(201, b"1")
        with pytest.raises(Replayed) as caught:
            await ledger.execute(command(**keyed), booking("R1"))
        assert caught.value.reply == booked.reply
        assert caught.value.position == booked.position


@asynchronous
async def test_an_outage_that_lasts_is_answered_as_unavailable(store_url: str) -> None:
    store = GatedStore(ledger_store(store_url))
    async with opened(store, limits=Limits(outage_seconds=0.2)) as ledger:
        await ledger.execute(command(), opening())
        store.errors_before = [LOST]
        store.errors_in_turn = [LOST] * 100
        with pytest.raises(LedgerUnavailable, match="whether this was stored is unknown"):
            await soon(ledger.execute(command(), booking("R1")))
        store.errors_in_turn = []
        assert (await soon(ledger.execute(command(), booking("R1")))).result == 1
        assert ledger.failure is None


@asynchronous
async def test_an_outage_while_loading_is_answered_as_unavailable(store_url: str) -> None:
    store = GatedStore(ledger_store(store_url))
    async with opened(store) as ledger:
        store.errors_in_load = [LOST]
        with pytest.raises(LedgerUnavailable, match="cannot be read"):
            await ledger.execute(command(), counting())


@asynchronous
async def test_an_outage_while_loading_behind_a_failed_group_is_answered_the_same(
    store_url: str,
) -> None:
    async with opened(store_url) as ledger:
        await ledger.execute(command(), opening(supplier="BETA"))
    store = GatedStore(ledger_store(store_url))
    async with opened(store) as ledger:
        await ledger.execute(command(), opening())
        store.before_turn.close()
        store.errors_before = [LOST]
        first = asyncio.create_task(ledger.execute(command(), booking("R1")))
        await soon(store.before_turn.reached.wait())
        store.errors_in_load = [LOST]
        behind = asyncio.create_task(ledger.execute(command(), counting("BETA")))
        await settled()
        store.before_turn.open()
        assert (await soon(first)).result == 1
        with pytest.raises(LedgerUnavailable, match="cannot be read"):
            await soon(behind)


@asynchronous
async def test_a_lock_that_comes_too_late_is_given_back(tmp_path: Path) -> None:
    """The wait for SQLite's lock goes on in its thread after the time was up."""
    store_url = migrated(f"sqlite:///{tmp_path / 'capacity.db'}")
    store = GatedStore(ledger_store(store_url))
    async with opened(store, limits=Limits(outage_seconds=0.1)) as ledger:
        await ledger.execute(command(), opening())
        other = ledger_store(store_url)
        await other.open()
        async with other.turn():
            store.errors_before = [LOST]
            with pytest.raises(LedgerUnavailable):
                await soon(ledger.execute(command(), booking("R1")))
        await other.close()
        assert (await soon(ledger.execute(command(), booking("R1")))).result == 1


# The same with a real server that really ends the connection.


@asynchronous
async def test_a_connection_that_ended_between_commands_is_made_anew(postgres_url: str) -> None:
    async with opened(migrated(postgres_url)) as ledger:
        await ledger.execute(command(), opening())
        query(postgres_url, KILL_ALL_OTHERS)
        assert (await soon(ledger.execute(command(), booking("R1")))).result == 1
        assert len(await everything(ledger)) == 3


@asynchronous
async def test_a_connection_that_ends_during_the_append_costs_nothing(postgres_url: str) -> None:
    async with opened(migrated(postgres_url)) as ledger:
        await ledger.execute(command(), opening())
        async with await psycopg.AsyncConnection.connect(postgres_url) as locker:
            await locker.execute("LOCK TABLE stored_events IN EXCLUSIVE MODE")
            booked = asyncio.create_task(ledger.execute(command(), booking("R1")))
            waiting = (
                "SELECT pid FROM pg_stat_activity "
                "WHERE datname = current_database() AND wait_event_type = 'Lock'"
            )
            blocked = await soon(until(lambda: query(postgres_url, waiting)))
            query(postgres_url, f"SELECT pg_terminate_backend({blocked[0][0]})")
            await locker.rollback()
        assert (await soon(booked)).result == 1
        assert len(await everything(ledger)) == 3


@asynchronous
async def test_a_connection_that_ends_after_the_commit_stores_once(postgres_url: str) -> None:
    store = GatedStore(PostgresStore(migrated(postgres_url)))
    async with opened(store) as ledger:
        await ledger.execute(command(), opening())
        store.after_write.close()
        store.errors_after = [LOST]
        booked = asyncio.create_task(ledger.execute(command(), booking("R1")))
        await soon(store.after_write.reached.wait())
        query(postgres_url, KILL_ALL_OTHERS)
        store.after_write.open()
        assert (await soon(booked)).result == 1
        assert len(await everything(ledger)) == 3


@asynchronous
async def test_a_connection_that_ends_while_the_lock_is_held_costs_nothing(
    postgres_url: str,
) -> None:
    store = GatedStore(PostgresStore(migrated(postgres_url)))
    async with opened(store) as ledger:
        await ledger.execute(command(), opening())
        store.errors_before = [LOST]
        store.before_load_in_turn.close()
        booked = asyncio.create_task(ledger.execute(command(), booking("R1")))
        await soon(store.before_load_in_turn.reached.wait())
        query(postgres_url, KILL_ALL_OTHERS)
        store.before_load_in_turn.open()
        assert (await soon(booked)).result == 1
        assert len(await everything(ledger)) == 3
