"""The ledger in PostgreSQL: one server-side call locks, checks, inserts and notifies.

The lock lives inside the call, so it is never held while the client thinks; it makes the order
of positions the order of commits, which is what lets a reader that tails the log miss nothing.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection, errors
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from application.ledger.command import Reply
from application.ledger.postgres_arrays import (
    Array,
    bigint,
    bigints,
    blobs,
    integers,
    register_arrays,
    texts,
    uuids,
)
from application.ledger.postgres_calls import PreparedCall
from application.ledger.postgres_waiting import LoopConnection
from application.ledger.revisions import SchemaMissing, check_revision
from application.ledger.store import (
    Batch,
    FoundReply,
    Row,
    Snapshot,
    StaleGroup,
    StoredRow,
    StoreLost,
    StoreUnwritable,
    Stream,
)

LOCK_SECONDS = 10
_READERS = 4

_APPEND_TYPES = (
    *("uuid[]", "bigint[]", "text[]", "bytea[]", "uuid[]", "bigint[]", "bigint"),
    *("text[]", "bytea[]", "integer[]", "bytea[]", "integer[]"),
)
_COLUMNS = "originator_id, originator_version, topic, state, notification_id"
_LOAD = """
WITH newest AS (
    SELECT wanted.id, wanted.place, snapshot.originator_version, snapshot.topic, snapshot.state
    FROM unnest(%b) WITH ORDINALITY AS wanted (id, place)
    LEFT JOIN LATERAL (
        SELECT originator_version, topic, state FROM snapshots
        WHERE originator_id = wanted.id ORDER BY originator_version DESC LIMIT 1
    ) AS snapshot ON true
)
SELECT place, originator_version, topic, state, 0 AS position FROM newest
WHERE originator_version IS NOT NULL
UNION ALL
SELECT newest.place, event.originator_version, event.topic, event.state, event.notification_id
FROM newest CROSS JOIN LATERAL (
    SELECT originator_version, topic, state, notification_id FROM stored_events
    WHERE originator_id = newest.id
        AND originator_version > coalesce(newest.originator_version, 0)
) AS event
ORDER BY 1, 2
"""
_REPLIES = "SELECT key, fingerprint, status, body, position FROM replies WHERE key = ANY(%b)"
_UNWRITABLE = (errors.DiskFull, errors.ReadOnlySqlTransaction)
_LOST = (errors.OperationalError, errors.InterfaceError, PoolTimeout)


class PostgresStore:
    """Answers EventStore with the library's own table layout; one connection appends."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._writer: _Writer | None = None
        self._readers: AsyncConnectionPool[LoopConnection] | None = None

    async def open(self) -> None:
        await self._check_schema()
        self._readers = AsyncConnectionPool(
            self._url,
            connection_class=LoopConnection,
            min_size=1,
            max_size=_READERS,
            timeout=LOCK_SECONDS,
            kwargs={"autocommit": True},
            configure=_configure,
            open=False,
        )
        await self._readers.open()

    async def _check_schema(self) -> None:
        """Look over a connection of its own: it says at once what a pool would try for seconds."""
        try:
            async with await AsyncConnection.connect(self._url) as connection:
                cursor = await connection.execute("SELECT version_num FROM alembic_version")
                found = await cursor.fetchone()
        except errors.UndefinedTable:
            raise SchemaMissing("missing") from None
        except _LOST as error:
            raise StoreLost(str(error)) from error
        check_revision(found[0] if found else None)

    async def close(self) -> None:
        if self._readers is not None:
            await self._readers.close()
        await self._drop_writer()

    async def append(self, batch: Batch) -> int:
        try:
            return await self._append(await self._connected(), batch)
        except BaseException as error:
            await self._give_up(error)
            raise

    async def confirm(self, reads: Sequence[tuple[UUID, int]]) -> int:
        try:
            writer = await self._connected()
            return await writer.confirm(*(each.bytes for each in _reads(reads)))
        except errors.SerializationFailure as error:
            raise StaleGroup(str(error)) from error
        except _LOST as error:
            await self._give_up(error)
            raise StoreLost(str(error)) from error
        except asyncio.CancelledError:
            await self._drop_writer()
            raise

    @asynccontextmanager
    async def turn(self) -> AsyncIterator["PostgresTurn"]:
        try:
            writer = await self._connected()
            async with writer.connection.transaction():
                await writer.connection.execute("LOCK TABLE stored_events IN EXCLUSIVE MODE")
                yield PostgresTurn(self, writer)
        except (StoreUnwritable, *_UNWRITABLE) as error:
            await self._give_up(error)
            raise _unwritable(error) from error
        except (StoreLost, *_LOST) as error:
            await self._give_up(error)
            raise StoreLost(str(error)) from error
        except asyncio.CancelledError:
            await self._drop_writer()
            raise

    async def load(self, wanted: Sequence[UUID]) -> dict[UUID, Stream]:
        return _streams(wanted, await self._fetch(_LOAD, (uuids(wanted),)))

    async def events(
        self, originator_id: UUID, *, after_version: int, limit: int
    ) -> list[StoredRow]:
        statement = (
            f"SELECT {_COLUMNS} FROM stored_events "
            "WHERE originator_id = %b AND originator_version > %b "
            "ORDER BY originator_version LIMIT %b"
        )
        rows = await self._fetch(statement, (originator_id, after_version, limit))
        return [StoredRow(*row) for row in rows]

    async def feed(
        self, *, after: int, limit: int, topics: Sequence[str] | None
    ) -> list[StoredRow]:
        statement = (
            f"SELECT {_COLUMNS} FROM stored_events WHERE notification_id > %b "
            "AND (%b OR topic = ANY(%b)) ORDER BY notification_id LIMIT %b"
        )
        values = (after, topics is None, list(topics or ()), limit)
        return [StoredRow(*row) for row in await self._fetch(statement, values)]

    async def head(self) -> tuple[int, int]:
        found = await self._fetch(
            "SELECT position, recorded_at_us FROM append_groups ORDER BY position DESC LIMIT 1", ()
        )
        return (found[0][0], found[0][1]) if found else (0, 0)

    async def replies(self, keys: Sequence[str]) -> dict[str, FoundReply]:
        rows = await self._fetch(_REPLIES, (texts(keys),))
        return {row[0]: FoundReply(row[1], Reply(row[2], row[3]), row[4]) for row in rows}

    async def save_snapshots(self, snapshots: Sequence[Snapshot]) -> None:
        statement = (
            "INSERT INTO snapshots (originator_id, originator_version, topic, state) "
            "SELECT * FROM unnest(%b, %b, %b, %b) ON CONFLICT DO NOTHING"
        )
        await self._execute(statement, _rows(snapshots))

    async def forget_replies(self, before_us: int) -> int:
        return await self._execute("DELETE FROM replies WHERE kept_at_us < %b", (before_us,))

    # Connections.

    async def _connected(self) -> "_Writer":
        if self._writer is None or self._writer.connection.closed:
            try:
                connection = await LoopConnection.connect(self._url, autocommit=True)
                self._writer = _Writer(connection)
                await self._writer.prepare()
            except _LOST as error:
                await self._drop_writer()
                raise StoreLost(str(error)) from error
        return self._writer

    async def _append(self, writer: "_Writer", batch: Batch) -> int:
        try:
            return await writer.append(*_parameters(batch))
        except (errors.UniqueViolation, errors.SerializationFailure) as error:
            raise StaleGroup(str(error)) from error
        except _UNWRITABLE as error:
            raise _unwritable(error) from error
        except _LOST as error:
            raise StoreLost(str(error)) from error

    async def _give_up(self, error: BaseException) -> None:
        """Drop a connection whose state is not known; one that refused a group is sound."""
        if isinstance(error, (StoreLost, StoreUnwritable, asyncio.CancelledError, *_LOST)):
            await self._drop_writer()

    async def _drop_writer(self) -> None:
        if self._writer is not None:
            writer, self._writer = self._writer, None
            await writer.connection.close()

    async def _fetch(self, statement: str, values: Sequence[Any]) -> list[Any]:
        rows, _ = await self._ask(statement, values, prepare=True, binary=True)
        return rows

    async def _execute(self, statement: str, values: Sequence[Any]) -> int:
        _, count = await self._ask(statement, values)
        return count

    async def _ask(
        self, statement: str, values: Sequence[Any], **options: bool
    ) -> tuple[list[Any], int]:
        """Send what may be sent twice; the connections kept for it may have died meanwhile."""
        assert self._readers is not None, "the store is not open"
        for others in reversed(range(_READERS + 1)):
            try:
                async with self._readers.connection() as connection:
                    cursor = await connection.execute(statement, values, **options)
                    return await cursor.fetchall() if cursor.description else [], cursor.rowcount
            except _LOST as error:
                if not others or isinstance(error, PoolTimeout):
                    raise StoreLost(str(error)) from error
        raise AssertionError("unreachable: the last try returns or raises")


def _unwritable(error: Exception) -> StoreUnwritable:
    """Return what stands in the way of writing, with what mends it."""
    if isinstance(error, StoreUnwritable):
        return error
    if isinstance(error, errors.DiskFull):
        return StoreUnwritable("The database", "has no room on its disk", "make room there")
    mend = "connect to the primary, or let the database be written (`SHOW transaction_read_only`)"
    return StoreUnwritable("The database", "is read-only", mend)


class PostgresTurn:
    """The writer's connection inside a transaction that holds the table lock."""

    def __init__(self, store: PostgresStore, writer: "_Writer") -> None:
        self._store, self._writer = store, writer
        self._connection = writer.connection

    async def load(self, wanted: Sequence[UUID]) -> dict[UUID, Stream]:
        try:
            cursor = await self._connection.execute(_LOAD, (uuids(wanted),), binary=True)
            return _streams(wanted, await cursor.fetchall())
        except _LOST as error:
            raise StoreLost(str(error)) from error

    async def events(
        self, originator_id: UUID, *, after_version: int, limit: int
    ) -> list[StoredRow]:
        # What another connection sees is the same while the lock keeps writers away.
        return await self._store.events(originator_id, after_version=after_version, limit=limit)

    async def replies(self, keys: Sequence[str]) -> dict[str, FoundReply]:
        cursor = await self._connection.execute(_REPLIES, (texts(keys),), binary=True)
        rows = await cursor.fetchall()
        return {row[0]: FoundReply(row[1], Reply(row[2], row[3]), row[4]) for row in rows}

    async def positions(self, rows: Sequence[Row]) -> list[int | None]:
        cursor = await self._connection.execute(
            "SELECT event.notification_id FROM unnest(%b, %b, %b, %b) WITH ORDINALITY "
            "AS sent (id, version, topic, state, place) LEFT JOIN stored_events AS event "
            "ON event.originator_id = sent.id AND event.originator_version = sent.version "
            "AND event.topic = sent.topic AND event.state = sent.state ORDER BY sent.place",
            _rows(rows),
        )
        return [row[0] for row in await cursor.fetchall()]

    async def append(self, batch: Batch) -> int:
        return await self._store._append(self._writer, batch)


async def _configure(connection: AsyncConnection[Any]) -> None:
    register_arrays(connection)
    await connection.execute(f"SET lock_timeout = '{LOCK_SECONDS}s'")


class _Writer:
    """The one connection that appends, and the functions prepared on it."""

    def __init__(self, connection: AsyncConnection[Any]) -> None:
        self.connection = connection
        self.append = PreparedCall(connection, "append_events", _APPEND_TYPES)
        self.confirm = PreparedCall(connection, "confirm_versions", ("uuid[]", "bigint[]"))

    async def prepare(self) -> None:
        await _configure(self.connection)
        await self.append.prepare()
        await self.confirm.prepare()


def _rows(rows: Sequence[Row] | Sequence[Snapshot]) -> tuple[Array, ...]:
    return (
        uuids([row[0] for row in rows]),
        bigints([row[1] for row in rows]),
        texts([row[2] for row in rows]),
        blobs([row[3] for row in rows]),
    )


def _reads(reads: Sequence[tuple[UUID, int]]) -> tuple[Array, ...]:
    return uuids([each for each, _ in reads]), bigints([version for _, version in reads])


def _parameters(batch: Batch) -> list[bytes]:
    replies = batch.replies
    before = (*_rows(batch.rows), *_reads(batch.reads))
    after = (
        texts([kept.key for kept in replies]),
        blobs([kept.fingerprint for kept in replies]),
        integers([kept.reply.status for kept in replies]),
        blobs([kept.reply.body for kept in replies]),
        integers([kept.event_count for kept in replies]),
    )
    return [
        *(each.bytes for each in before),
        bigint(batch.recorded_at_us),
        *(each.bytes for each in after),
    ]


def _streams(wanted: Sequence[UUID], rows: Sequence[Any]) -> dict[UUID, Stream]:
    found = [Stream(None, []) for _ in wanted]
    # The place stands for the id: making a UUID of each row costs more than decoding it.
    for place, version, topic, state, position in rows:
        if position:
            found[place - 1].events.append((version, topic, state))
        else:
            snapshot = Snapshot(wanted[place - 1], version, topic, state)
            found[place - 1] = Stream(snapshot, [])
    return dict(zip(wanted, found, strict=True))
