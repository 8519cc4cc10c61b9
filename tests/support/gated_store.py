"""A store whose writes a test can hold, let go, lose or refuse, one by one."""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar
from uuid import UUID

from application.ledger.store import (
    Batch,
    EventStore,
    FoundReply,
    Row,
    Snapshot,
    StoredRow,
    StoreLost,
    Stream,
    Turn,
)
from tests.support.asynchronous import soon

T = TypeVar("T")


class Gate:
    """Open until it is closed; `reached` tells that somebody stands before it."""

    def __init__(self) -> None:
        self.reached = asyncio.Event()
        self._opened = asyncio.Event()
        self._opened.set()

    def close(self) -> None:
        """Hold whoever comes next."""
        self.reached.clear()
        self._opened.clear()

    def open(self) -> None:
        """Let everybody through."""
        self._opened.set()

    async def __call__(self) -> None:
        """Go through when it is open."""
        self.reached.set()
        await self._opened.wait()


class Refused(Exception):
    """The database refused the data of one row, for a reason that has no name."""


class GatedStore:
    """Passes everything on to a real store, through gates and faults.

    `errors_before` and `errors_after` are raised one by one before, or after, a write has
    happened; a group with a row that contains `poison` is refused.
    """

    def __init__(self, inner: EventStore) -> None:
        self.inner = inner
        self.before_write, self.after_write = Gate(), Gate()
        self.before_turn, self.before_load = Gate(), Gate()
        self.before_load_in_turn = Gate()
        self.errors_in_load: list[Exception] = []
        self.errors_before: list[Exception] = []
        self.errors_after: list[Exception] = []
        self.errors_in_turn: list[Exception] = []
        self.poison: bytes | None = None
        self.batches: list[Batch] = []
        self.loads: list[Sequence[UUID]] = []
        self.turns = 0
        self.lost: list[StoreLost] = []

    async def held(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Begin something, and return when it is about to be written, which waits for the gate."""
        self.before_write.close()
        begun = asyncio.create_task(work)
        await soon(self.before_write.reached.wait())
        return begun

    async def open(self) -> None:
        await self.inner.open()

    async def close(self) -> None:
        await self.inner.close()

    async def append(self, batch: Batch) -> int:
        await self._before()
        self._refuse(batch)
        self.batches.append(batch)
        try:
            base = await self.inner.append(batch)
        except StoreLost as lost:
            self.lost.append(lost)
            raise
        await self._after()
        return base

    async def confirm(self, reads: Sequence[tuple[UUID, int]]) -> int:
        await self._before()
        position = await self.inner.confirm(reads)
        await self._after()
        return position

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[Turn]:
        await self.before_turn()
        self.turns += 1
        if self.errors_in_turn:
            raise self.errors_in_turn.pop(0)
        async with self.inner.turn() as turn:
            yield _GatedTurn(self, turn)

    async def load(self, wanted: Sequence[UUID]) -> dict[UUID, Stream]:
        self.loads.append(wanted)
        await self.before_load()
        if self.errors_in_load:
            raise self.errors_in_load.pop(0)
        return await self.inner.load(wanted)

    async def events(
        self, originator_id: UUID, *, after_version: int, limit: int
    ) -> list[StoredRow]:
        return await self.inner.events(originator_id, after_version=after_version, limit=limit)

    async def feed(
        self, *, after: int, limit: int, topics: Sequence[str] | None
    ) -> list[StoredRow]:
        return await self.inner.feed(after=after, limit=limit, topics=topics)

    async def head(self) -> tuple[int, int]:
        return await self.inner.head()

    async def replies(self, keys: Sequence[str]) -> dict[str, FoundReply]:
        return await self.inner.replies(keys)

    async def save_snapshots(self, snapshots: Sequence[Snapshot]) -> None:
        await self.inner.save_snapshots(snapshots)

    async def forget_replies(self, before_us: int) -> int:
        return await self.inner.forget_replies(before_us)

    async def _before(self) -> None:
        await self.before_write()
        if self.errors_before:
            raise self.errors_before.pop(0)

    async def _after(self) -> None:
        await self.after_write()
        if self.errors_after:
            raise self.errors_after.pop(0)

    def _refuse(self, batch: Batch) -> None:
        if self.poison is not None and any(self.poison in row.state for row in batch.rows):
            raise Refused(self.poison.decode())


class _GatedTurn:
    def __init__(self, store: GatedStore, turn: Turn) -> None:
        self._store, self._turn = store, turn

    async def load(self, wanted: Sequence[UUID]) -> dict[UUID, Stream]:
        await self._store.before_load_in_turn()
        return await self._turn.load(wanted)

    async def events(
        self, originator_id: UUID, *, after_version: int, limit: int
    ) -> list[StoredRow]:
        return await self._turn.events(originator_id, after_version=after_version, limit=limit)

    async def replies(self, keys: Sequence[str]) -> dict[str, FoundReply]:
        return await self._turn.replies(keys)

    async def positions(self, rows: Sequence[Row]) -> list[int | None]:
        return await self._turn.positions(rows)

    async def append(self, batch: Batch) -> int:
        self._store._refuse(batch)
        return await self._turn.append(batch)
