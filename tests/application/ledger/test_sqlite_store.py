"""On SQLite small groups are stored on the event loop, and never at the expense of others."""

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from application.ledger import sqlite_appends, sqlite_store
from application.ledger.sqlite_store import SqliteStore
from application.ledger.store import Batch
from tests.support.asynchronous import asynchronous, settled, soon
from tests.support.ledgers import booking, command, everything, migrated, opened, opening


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(sqlite_store, "_SLOW_SECONDS", 60.0)  # however busy this machine is
    found = tmp_path / "ledger.db"
    migrated(f"sqlite:///{found}")
    return found


@contextmanager
def another_writes(path: Path) -> Iterator[sqlite3.Connection]:
    """Hold the write lock on a connection of its own, as another process does."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield connection


class Watched(SqliteStore):
    """Says where each group was stored."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.stored_in: list[str] = []

    def _append_without_waiting(self, batch: Batch) -> int:
        base = super()._append_without_waiting(batch)
        self.stored_in.append("loop")
        return base

    def _append(self, batch: Batch) -> int:
        base = super()._append(batch)
        self.stored_in.append("thread")
        return base


@asynchronous
async def test_a_small_group_is_stored_on_the_loop_and_a_large_one_in_the_thread(
    path: Path,
) -> None:
    store = Watched(path)
    async with opened(store) as ledger:
        await ledger.execute(command(), opening(1_000))
        await ledger.execute_all(command(), [booking(f"R{n}") for n in range(100)])
        await ledger.execute(command(), booking("S"))
        assert store.stored_in == ["loop", "thread", "loop"]
        assert len(await everything(ledger)) == 1 + 2 * 101


@asynchronous
async def test_while_another_process_writes_the_loop_goes_on(path: Path) -> None:
    store = Watched(path)
    async with opened(store) as ledger:
        await ledger.execute(command(), opening(1_000))
        with another_writes(path) as other:
            waiting = asyncio.create_task(ledger.execute(command(), booking("R")))
            await settled()  # the loop turns, though nothing can be stored
            assert not waiting.done()
            other.execute("ROLLBACK")
        await soon(waiting)
    assert store.stored_in == ["loop", "thread"]


@asynchronous
async def test_who_would_wait_on_the_loop_would_hold_it_up(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_appends, "BUSY_SECONDS", 0.2)

    class Waits(SqliteStore):
        def _append_without_waiting(self, batch: Batch) -> int:
            return sqlite_appends.append(self._opened(), batch)  # without the guard

    async with opened(Waits(path)) as ledger:
        await ledger.execute(command(), opening(1_000))
        loop = asyncio.get_running_loop()
        with another_writes(path) as other:
            began = loop.time()
            waiting = asyncio.create_task(ledger.execute(command(), booking("R")))
            await settled()
            assert loop.time() - began >= 0.2
            other.execute("ROLLBACK")
        await soon(waiting)


@asynchronous
async def test_after_a_slow_group_the_thread_stores_for_a_while(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_store, "_GROUPS_AFTER_SLOW", 2)
    store = Watched(path)
    async with opened(store) as ledger:
        await ledger.execute(command(), opening(1_000))
        monkeypatch.setattr(sqlite_store, "_SLOW_SECONDS", 0.0)
        await ledger.execute(command(), booking("R0"))
        for number in (1, 2, 3):
            await ledger.execute(command(), booking(f"R{number}"))
    assert store.stored_in == ["loop", "loop", "thread", "thread", "loop"]


@asynchronous
async def test_the_log_is_copied_back_in_the_thread_and_so_stays_short(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_store, "_ROWS_BETWEEN_CHECKPOINTS", 20)
    store = Watched(path)
    async with opened(store) as ledger:
        await ledger.execute(command(), opening(1_000))
        for number in range(200):
            await ledger.execute(command(), booking(f"R{number}"))
        assert path.with_name("ledger.db-wal").stat().st_size < 2 * 2**20
    # Every tenth booking or so reaches the mark, and the next one is the thread's.
    assert 15 <= store.stored_in.count("thread") <= 21


@asynchronous
async def test_who_cancels_a_wait_for_the_lock_leaves_the_thread_busy_until_it_has_it(
    path: Path,
) -> None:
    store = Watched(path)
    async with opened(store) as ledger:
        await ledger.execute(command(), opening(1_000))
        with another_writes(path) as other:
            turn = asyncio.create_task(store.turn().__aenter__())
            await settled()
            turn.cancel()
            with pytest.raises(asyncio.CancelledError):
                await turn
            waiting = asyncio.create_task(ledger.execute(command(), booking("R")))
            await settled()
            other.execute("ROLLBACK")
        await soon(waiting)
        assert len(await everything(ledger)) == 3
