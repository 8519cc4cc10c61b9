"""The ledger in one SQLite file: this process writes on one connection, others take turns.

A small group is stored at once, on the event loop: handing it to a thread and back costs as much
as storing it. Whatever may take longer, or has to wait for another process, goes to the thread.
"""

import asyncio
import sqlite3
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from time import perf_counter
from typing import Any, TypeVar
from uuid import UUID

from application.ledger.command import Reply
from application.ledger.migrations import SCHEMA_REVISION
from application.ledger.sqlite_appends import (
    BUSY_SECONDS,
    append,
    confirm,
    connect,
    insert,
)
from application.ledger.store import (
    Batch,
    FoundReply,
    Row,
    SchemaMissing,
    Snapshot,
    StoredRow,
    StoreLost,
    Stream,
)

T = TypeVar("T")

_VARIABLES = 500  # SQLite allows 32 766 in one statement; pages of this size plan quickly
# What is stored on the loop: few rows, as long as the disk answers quickly and no checkpoint is
# due. A disk that was slow is tried again after so many groups.
_ROWS_ON_LOOP = 64
_ROWS_BETWEEN_CHECKPOINTS = 6_000
_SLOW_SECONDS = 0.003
_GROUPS_AFTER_SLOW = 200

_SELECT_EVENT = "SELECT originator_id, originator_version, topic, state, rowid FROM stored_events"
_SELECT_TAIL = """
SELECT originator_version, topic, state FROM stored_events
WHERE originator_id = ? AND originator_version > ? ORDER BY originator_version
"""
_SELECT_STREAM = """
SELECT originator_version, topic, state, rowid FROM stored_events
WHERE originator_id = ? AND originator_version > ? ORDER BY originator_version LIMIT ?
"""


class SqliteStore:
    """Answers EventStore with the library's own table layout; positions are its row ids."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="ledger-store")
        self._connection: sqlite3.Connection | None = None
        self._jobs: deque[Future[Any]] = deque()  # what the thread has in hand, in its order
        self._pace = _Pace()
        self._reader = ThreadPoolExecutor(max_workers=1, thread_name_prefix="ledger-reader")
        self._reading: sqlite3.Connection | None = None
        # Reads share the writer's connection, and would see what a turn may yet take back.
        self._no_turn = asyncio.Lock()

    async def open(self) -> None:
        await self._do(self._open)

    async def close(self) -> None:
        await self._do(self._close)
        self._thread.shutdown()
        self._reader.shutdown()
        if self._reading is not None:
            self._reading.close()
            self._reading = None

    async def append(self, batch: Batch) -> int:
        if self._thread_is_idle() and self._pace.on_the_loop(len(batch.rows)):
            try:
                return self._append_without_waiting(batch)
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
                    raise StoreLost(f"{self._path.name}: {error}") from error
        return await self._do(self._append, batch)

    async def confirm(self, reads: Sequence[tuple[UUID, int]]) -> int:
        return await self._do(self._confirm, reads)

    @asynccontextmanager
    async def turn(self) -> AsyncIterator["SqliteTurn"]:
        async with self._no_turn:
            try:
                await self._do(self._execute, "BEGIN IMMEDIATE")
            except asyncio.CancelledError:
                # The thread goes on waiting for the lock; whatever it gets must not stay open.
                self._jobs.append(self._thread.submit(self._give_back))
                raise
            try:
                yield SqliteTurn(self)
            except BaseException:
                await asyncio.shield(self._do(self._execute, "ROLLBACK"))
                raise
            await asyncio.shield(self._do(self._execute, "COMMIT"))

    async def load(self, wanted: Sequence[UUID]) -> dict[UUID, Stream]:
        return await self._outside_turns(self._load, wanted)

    async def events(
        self, originator_id: UUID, *, after_version: int, limit: int
    ) -> list[StoredRow]:
        return await self._read(_stream, originator_id, after_version, limit)

    async def feed(
        self, *, after: int, limit: int, topics: Sequence[str] | None
    ) -> list[StoredRow]:
        chosen = f"AND topic IN ({_marks(topics)}) " if topics is not None else ""
        statement = f"{_SELECT_EVENT} WHERE rowid > ? {chosen}ORDER BY rowid LIMIT ?"
        return await self._read(_rows, statement, (after, *(topics or ()), limit))

    async def head(self) -> tuple[int, int]:
        return await self._outside_turns(self._head)

    async def replies(self, keys: Sequence[str]) -> dict[str, FoundReply]:
        return await self._outside_turns(self._replies, keys)

    async def save_snapshots(self, snapshots: Sequence[Snapshot]) -> None:
        await self._outside_turns(self._save_snapshots, snapshots)

    async def forget_replies(self, before_us: int) -> int:
        return await self._outside_turns(self._forget_replies, before_us)

    def _append_without_waiting(self, batch: Batch) -> int:
        """Store a group on the loop; SQLITE_BUSY, and nothing done, if another process writes."""
        self._execute("PRAGMA busy_timeout = 0")
        began = perf_counter()
        try:
            return append(self._opened(), batch)
        finally:
            self._pace.took(perf_counter() - began)
            self._pace.wrote(len(batch.rows))
            self._execute(f"PRAGMA busy_timeout = {1_000 * BUSY_SECONDS:.0f}")

    def _thread_is_idle(self) -> bool:
        # Not by counting those who wait: who is cancelled goes, and the work goes on.
        while self._jobs and self._jobs[0].done():
            self._jobs.popleft()
        return not self._jobs

    async def _do(self, work: Callable[..., T], *arguments: Any) -> T:
        job = self._thread.submit(work, *arguments)
        self._jobs.append(job)
        try:
            return await asyncio.wrap_future(job)
        except sqlite3.OperationalError as error:
            raise StoreLost(f"{self._path.name}: {error}") from error

    # Everything below runs in the store's thread.

    async def _read(self, work: Callable[..., T], *values: Any) -> T:
        """Read what is committed on a connection, and in a thread, that no command waits for."""
        loop = asyncio.get_running_loop()

        def reading() -> T:
            if self._reading is None:
                self._reading = connect(self._path)
                self._reading.execute("PRAGMA query_only = ON")
            return work(self._reading, *values)

        try:
            return await loop.run_in_executor(self._reader, reading)
        except sqlite3.OperationalError as error:
            raise StoreLost(f"{self._path.name}: {error}") from error

    async def _outside_turns(self, work: Callable[..., T], *arguments: Any) -> T:
        async with self._no_turn:
            return await self._do(work, *arguments)

    def _open(self) -> None:
        if not self._path.exists():
            raise SchemaMissing(f"missing: there is no file {self._path}")
        self._connection = connect(self._path)
        self._execute("PRAGMA wal_autocheckpoint = 0")  # a commit on the loop must not copy pages
        try:
            revision = self._execute("SELECT version_num FROM alembic_version").fetchone()
        except sqlite3.OperationalError:
            raise SchemaMissing("missing") from None
        if revision != (SCHEMA_REVISION,):
            raise SchemaMissing(f"at revision {revision and revision[0]}, not {SCHEMA_REVISION}")

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _execute(self, statement: str, values: Sequence[Any] = ()) -> sqlite3.Cursor:
        return self._opened().execute(statement, values)

    def _give_back(self) -> None:
        if self._connection is not None and self._connection.in_transaction:
            self._connection.execute("ROLLBACK")

    def _opened(self) -> sqlite3.Connection:
        assert self._connection is not None, "the store is not open"
        return self._connection

    def _append(self, batch: Batch) -> int:
        base = append(self._opened(), batch)
        self._pace.wrote(len(batch.rows))
        if self._pace.checkpoint_is_due:
            self._execute("PRAGMA wal_checkpoint(PASSIVE)")
            self._pace.checkpointed()
        return base

    def _insert(self, batch: Batch) -> int:
        return insert(self._opened(), batch)

    def _confirm(self, reads: Sequence[tuple[UUID, int]]) -> int:
        return confirm(self._opened(), reads)

    def _stream(self, identity: UUID, after_version: int, limit: int) -> list[StoredRow]:
        return _stream(self._opened(), identity, after_version, limit)

    def _load(self, wanted: Sequence[UUID]) -> dict[UUID, Stream]:
        streams: dict[UUID, Stream] = {}
        for begin in range(0, len(wanted), _VARIABLES):
            page = wanted[begin : begin + _VARIABLES]
            snapshots = {each.originator_id: each for each in self._snapshots(page)}
            for each in page:
                snapshot = snapshots.get(each)
                version = snapshot.originator_version if snapshot else 0
                tail = self._execute(_SELECT_TAIL, (each.hex, version)).fetchall()
                streams[each] = Stream(snapshot, tail)
        return streams

    def _snapshots(self, wanted: Sequence[UUID]) -> list[Snapshot]:
        # SQLite fills the bare columns from the row that holds the maximum.
        rows = self._execute(
            "SELECT originator_id, max(originator_version), topic, state FROM snapshots "
            f"WHERE originator_id IN ({_marks(wanted)}) GROUP BY originator_id",
            [each.hex for each in wanted],
        )
        return [Snapshot(UUID(hex=row[0]), *row[1:]) for row in rows]

    def _head(self) -> tuple[int, int]:
        row = self._execute(
            "SELECT position, recorded_at_us FROM append_groups ORDER BY position DESC LIMIT 1"
        ).fetchone()
        return row if row is not None else (0, 0)

    def _positions(self, rows: Sequence[Row]) -> list[int | None]:
        found = []
        for row in rows:
            stored = self._execute(
                "SELECT rowid, topic, state FROM stored_events "
                "WHERE originator_id = ? AND originator_version = ?",
                (row.originator_id.hex, row.originator_version),
            ).fetchone()
            same = stored is not None and tuple(stored[1:]) == (row.topic, row.state)
            found.append(stored[0] if same else None)
        return found

    def _replies(self, keys: Sequence[str]) -> dict[str, FoundReply]:
        rows = self._execute(
            "SELECT key, fingerprint, status, body, position FROM replies "
            f"WHERE key IN ({_marks(keys)})",
            keys,
        )
        return {row[0]: FoundReply(row[1], Reply(row[2], row[3]), row[4]) for row in rows}

    def _save_snapshots(self, snapshots: Sequence[Snapshot]) -> None:
        self._execute("BEGIN IMMEDIATE")
        try:
            self._opened().executemany(
                "INSERT OR IGNORE INTO snapshots (originator_id, originator_version, topic, state) "
                "VALUES (?,?,?,?)",
                [(each[0].hex, each[1], each[2], each[3]) for each in snapshots],
            )
        except BaseException:
            self._execute("ROLLBACK")
            raise
        self._execute("COMMIT")

    def _forget_replies(self, before_us: int) -> int:
        return self._execute("DELETE FROM replies WHERE kept_at_us < ?", (before_us,)).rowcount


class _Pace:
    """Says which groups are stored on the loop, from how long the last ones took."""

    def __init__(self) -> None:
        self._rows_since_checkpoint = 0
        self._groups_to_pass_on = 0

    def on_the_loop(self, rows: int) -> bool:
        """Return whether a group will take less time than handing it to the thread would."""
        if self._groups_to_pass_on:
            self._groups_to_pass_on -= 1
            return False
        return rows <= _ROWS_ON_LOOP and not self.checkpoint_is_due

    def took(self, seconds: float) -> None:
        """Learn from one that was."""
        if seconds > _SLOW_SECONDS:
            self._groups_to_pass_on = _GROUPS_AFTER_SLOW

    def wrote(self, rows: int) -> None:
        """Count what will be copied back."""
        self._rows_since_checkpoint += rows

    @property
    def checkpoint_is_due(self) -> bool:
        """Whether it is time to copy pages back, which takes tens of milliseconds."""
        return self._rows_since_checkpoint >= _ROWS_BETWEEN_CHECKPOINTS

    def checkpointed(self) -> None:
        """Begin to count anew."""
        self._rows_since_checkpoint = 0


class SqliteTurn:
    """The store inside an open BEGIN IMMEDIATE."""

    def __init__(self, store: SqliteStore) -> None:
        self._store = store

    async def load(self, wanted: Sequence[UUID]) -> dict[UUID, Stream]:
        return await self._store._do(self._store._load, wanted)

    async def events(
        self, originator_id: UUID, *, after_version: int, limit: int
    ) -> list[StoredRow]:
        return await self._store._do(self._store._stream, originator_id, after_version, limit)

    async def replies(self, keys: Sequence[str]) -> dict[str, FoundReply]:
        return await self._store._do(self._store._replies, keys)

    async def positions(self, rows: Sequence[Row]) -> list[int | None]:
        return await self._store._do(self._store._positions, rows)

    async def append(self, batch: Batch) -> int:
        return await self._store._do(self._store._insert, batch)


def _rows(connection: sqlite3.Connection, statement: str, values: Sequence[Any]) -> list[StoredRow]:
    return [StoredRow(UUID(hex=row[0]), *row[1:]) for row in connection.execute(statement, values)]


def _stream(
    connection: sqlite3.Connection, identity: UUID, after_version: int, limit: int
) -> list[StoredRow]:
    # The id is not read again: making a UUID of each row costs more than decoding it.
    rows = connection.execute(_SELECT_STREAM, (identity.hex, after_version, limit))
    return [StoredRow(identity, *row) for row in rows]


def _marks(values: Sequence[Any]) -> str:
    return ",".join("?" * len(values))
