"""The ledger in one SQLite file: one thread of this process writes, other processes take turns.

Every write begins with BEGIN IMMEDIATE: a transaction that reads first and writes later would be
refused at once when another process writes, whatever the busy time-out says.
"""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

from application.ledger.command import Reply
from application.ledger.migrations import SCHEMA_REVISION
from application.ledger.store import (
    Batch,
    FoundReply,
    Row,
    SchemaMissing,
    Snapshot,
    StaleGroup,
    StoredRow,
    StoreLost,
    Stream,
)

T = TypeVar("T")

BUSY_SECONDS = 30.0
# Ids are random, so pages are written again and again; copying them back eight times less often
# than SQLite's default saves a quarter of the time, and leaves a log of 32 MiB at the most.
_CHECKPOINT_PAGES = 8_000
_VARIABLES = 500  # SQLite allows 32 766 in one statement; pages of this size plan quickly

_INSERT_EVENTS = (
    "INSERT INTO stored_events (originator_id, originator_version, topic, state) VALUES "
)
# A statement lets go of the interpreter once; one for each row would hand it to and fro with the
# event loop's thread. Few sizes, so that each is prepared once.
_ROWS_AT_ONCE = (128, 32, 8, 1)
_INSERT_REPLY = """
INSERT INTO replies (key, fingerprint, status, body, position, kept_at_us)
VALUES (?,?,?,?,?,?)
"""
_INSERT_GROUP = """
INSERT INTO append_groups (position, recorded_at_us)
VALUES (?, max(?, coalesce((SELECT max(recorded_at_us) FROM append_groups
    WHERE position = (SELECT max(position) FROM append_groups)), 0)))
"""
_SELECT_EVENT = "SELECT originator_id, originator_version, topic, state, rowid FROM stored_events"
_SELECT_STREAM = """
SELECT originator_version, topic, state, rowid FROM stored_events
WHERE originator_id = ? AND originator_version > ? ORDER BY originator_version LIMIT ?
"""
_MOVED_ON = "SELECT 1 FROM stored_events WHERE originator_id = ? AND originator_version > ? LIMIT 1"


class SqliteStore:
    """Answers EventStore with the library's own table layout; positions are its row ids."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="ledger-store")
        self._connection: sqlite3.Connection | None = None
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
                self._thread.submit(self._give_back)
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

    # Everything below runs in the store's thread.

    async def _do(self, work: Callable[..., T], *arguments: Any) -> T:
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._thread, work, *arguments)
        except sqlite3.OperationalError as error:
            raise StoreLost(f"{self._path.name}: {error}") from error

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
        try:
            revision = self._execute("SELECT version_num FROM alembic_version").fetchone()
        except sqlite3.OperationalError:
            raise SchemaMissing("missing") from None
        if revision != (SCHEMA_REVISION,):
            found = revision[0] if revision else ""
            raise SchemaMissing(f"at revision {found}, not {SCHEMA_REVISION}", revision=found)

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _execute(self, statement: str, values: Sequence[Any] = ()) -> sqlite3.Cursor:
        assert self._connection is not None, "the store is not open"
        return self._connection.execute(statement, values)

    def _give_back(self) -> None:
        if self._connection is not None and self._connection.in_transaction:
            self._connection.execute("ROLLBACK")

    def _append(self, batch: Batch) -> int:
        self._execute("BEGIN IMMEDIATE")
        try:
            base = self._insert(batch)
        except BaseException:
            self._execute("ROLLBACK")
            raise
        self._execute("COMMIT")
        return base

    def _insert(self, batch: Batch) -> int:
        base = self._confirm(batch.reads)
        assert self._connection is not None
        try:
            self._insert_rows(batch.rows)
            self._connection.executemany(
                _INSERT_REPLY,
                [
                    (
                        kept.key,
                        kept.fingerprint,
                        kept.reply.status,
                        kept.reply.body,
                        base + kept.event_count,
                        batch.recorded_at_us,
                    )
                    for kept in batch.replies
                ],
            )
        except sqlite3.IntegrityError as error:
            raise StaleGroup(str(error)) from error
        if batch.rows:
            self._execute(_INSERT_GROUP, (base + len(batch.rows), batch.recorded_at_us))
        return base

    def _insert_rows(self, rows: Sequence[Row]) -> None:
        begin = 0
        for size in _ROWS_AT_ONCE:
            statement = f"{_INSERT_EVENTS}{','.join(['(?,?,?,?)'] * size)}"
            while len(rows) - begin >= size:
                values: list[Any] = []
                for row in rows[begin : begin + size]:
                    values += (row[0].hex, row[1], row[2], row[3])
                self._execute(statement, values)
                begin += size

    def _confirm(self, reads: Sequence[tuple[UUID, int]]) -> int:
        for aggregate_id, version in reads:
            if self._execute(_MOVED_ON, (aggregate_id.hex, version)).fetchone():
                raise StaleGroup(f"{aggregate_id} has moved on from version {version}")
        return int(self._execute("SELECT max(rowid) FROM stored_events").fetchone()[0] or 0)

    def _stream(self, identity: UUID, after_version: int, limit: int = -1) -> list[StoredRow]:
        assert self._connection is not None, "the store is not open"
        return _stream(self._connection, identity, after_version, limit)

    def _load(self, wanted: Sequence[UUID]) -> dict[UUID, Stream]:
        streams: dict[UUID, Stream] = {}
        for begin in range(0, len(wanted), _VARIABLES):
            page = wanted[begin : begin + _VARIABLES]
            snapshots = {each.originator_id: each for each in self._snapshots(page)}
            for each in page:
                snapshot = snapshots.get(each)
                version = snapshot.originator_version if snapshot else 0
                streams[each] = Stream(snapshot, self._stream(each, version))
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
        assert self._connection is not None
        self._execute("BEGIN IMMEDIATE")
        try:
            self._connection.executemany(
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


def connect(path: Path) -> sqlite3.Connection:
    """Open the file for writing: write-ahead log, and every commit on disk before it returns."""
    connection = sqlite3.connect(
        path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
    )
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute(f"PRAGMA wal_autocheckpoint={_CHECKPOINT_PAGES}")
    return connection


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
