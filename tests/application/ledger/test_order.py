"""Positions appear in their order: a reader that follows by position loses nothing."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from uuid import UUID, uuid4

from application.ledger.library import ledger_store
from application.ledger.postgres_store import PostgresStore, PostgresTurn
from application.ledger.sqlite_store import SqliteStore
from application.ledger.store import Batch, EventStore, Row
from tests.support.asynchronous import asynchronous, soon, until
from tests.support.ledgers import (
    command,
    migrated,
    opened,
    opening,
    query,
)

WRITERS = 8
COMMANDS_EACH = 25

WITHOUT_THE_LOCK = """
DO $$
DECLARE
    definition text := pg_get_functiondef('append_events'::regproc);
    unlocked text := replace(definition, 'LOCK TABLE stored_events IN EXCLUSIVE MODE;', '');
BEGIN
    ASSERT unlocked <> definition;
    EXECUTE unlocked;
END $$
"""


class Reader:
    """Follows the log by position, as every projection does."""

    def __init__(self, store: EventStore) -> None:
        self._store = store
        self.seen: list[int] = []

    async def read(self) -> None:
        """Take whatever is there beyond the last position seen."""
        after = self.seen[-1] if self.seen else 0
        rows = await self._store.feed(after=after, limit=10_000, topics=None)
        self.seen += [row.position for row in rows]


def stored_positions(store_url: str) -> list[int]:
    column = "rowid" if store_url.startswith("sqlite") else "notification_id"
    found = query(store_url, f"SELECT {column} FROM stored_events ORDER BY {column}")
    return [row[0] for row in found]


def write_many(store_url: str, started: threading.Barrier, number: int) -> None:
    """Append commands of one to forty events, from a ledger of this thread's own."""

    async def write() -> None:
        async with opened(store_url) as ledger:
            await asyncio.to_thread(started.wait)
            for turn in range(COMMANDS_EACH):
                size = 1 + (7 * turn + number) % 40
                bundle = [opening(1, supplier=str(uuid4())) for _ in range(size)]
                await ledger.execute_all(command(), bundle)

    asyncio.run(write())


@asynchronous
async def test_a_reader_behind_eight_writers_sees_every_event(store_url: str) -> None:
    """One transaction is held open, with its positions drawn, when the writers begin."""
    async with AsyncExitStack() as stack:
        store = ledger_store(store_url)
        await store.open()
        stack.push_async_callback(store.close)
        reader = Reader(store)
        held = await stack.enter_async_context(AsyncExitStack())
        await held.enter_async_context(opened_transaction(store_url))
        started = threading.Barrier(WRITERS + 1)
        with ThreadPoolExecutor(WRITERS) as pool:
            writers = [
                pool.submit(write_many, store_url, started, number) for number in range(WRITERS)
            ]
            await asyncio.to_thread(started.wait)
            await reader.read()
            await held.aclose()
            while not all(writer.done() for writer in writers):
                await reader.read()
            for writer in writers:
                writer.result()
        await reader.read()
    assert len(reader.seen) > WRITERS * COMMANDS_EACH
    assert reader.seen == stored_positions(store_url)


def opened_transaction(store_url: str) -> "OpenTransaction":
    return OpenTransaction(store_url)


class OpenTransaction:
    """A transaction that has drawn a position and commits at the end of the block."""

    def __init__(self, store_url: str) -> None:
        self._store = ledger_store(store_url)
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> None:
        await self._store.open()
        self._stack.push_async_callback(self._store.close)
        batch = Batch([Row(UUID(int=1), 1, "topic", b"{}")], (), (), 1)
        if isinstance(self._store, PostgresStore):
            writer = await self._store._connected()
            await self._stack.enter_async_context(writer.connection.transaction())
            await PostgresTurn(self._store, writer).append(batch)
        else:
            assert isinstance(self._store, SqliteStore)
            turn = await self._stack.enter_async_context(self._store.turn())
            await turn.append(batch)

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()


async def lost_positions(postgres_url: str) -> set[int]:
    """Append while another append has drawn its position and not committed; read; read again."""
    waiting = (
        "SELECT pid FROM pg_stat_activity "
        "WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    async with opened(postgres_url) as ledger:
        reader = Reader(ledger.store)
        async with OpenTransaction(postgres_url):
            overtaking = asyncio.create_task(ledger.execute(command(), opening()))
            await soon(until(lambda: overtaking.done() or query(postgres_url, waiting)))
            await reader.read()
        await soon(overtaking)
        await reader.read()
    return set(stored_positions(postgres_url)) - set(reader.seen)


@asynchronous
async def test_an_append_never_overtakes_another(postgres_url: str) -> None:
    assert await lost_positions(migrated(postgres_url)) == set()


@asynchronous
async def test_without_the_lock_a_reader_loses_events(postgres_url: str) -> None:
    """The negative control of the test above."""
    query(migrated(postgres_url), WITHOUT_THE_LOCK)
    assert await lost_positions(postgres_url) == {1}
