"""How states come into the cache: whoever loads them says from where."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol
from uuid import UUID

from application.ledger.cache import AggregateCache
from application.ledger.store import StoredRow, Stream
from application.ledger.unit_of_work import Reference


class Loads(Protocol):
    """Where streams can be read: the store, or a turn in which the write lock is held."""

    async def load(self, wanted: Sequence[UUID]) -> dict[UUID, Stream]:
        """Return the streams; an aggregate without events has an empty one."""

    async def events(
        self, originator_id: UUID, *, after_version: int, limit: int
    ) -> list[StoredRow]:
        """Return events of one stream, oldest first."""


Load = Callable[[Sequence[Reference], AggregateCache, Loads], Awaitable[None]]
