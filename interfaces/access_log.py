"""What the doors saw of keys: uses and refusals, gathered in memory and stored now and then.

Never by request: a flood of refused requests must not become a flood of writes.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from projections import access_records
from projections.access_records import Refusal

USE_EVERY = timedelta(minutes=1)
STORE_SECONDS = 0.5
_MOST_WAITING = 1_000  # of a flood the newest are kept; the metric counts them all

logger = structlog.get_logger(__name__)


class AccessLog:
    """Uses at most once a minute for each key, refusals as they come, stored in the background."""

    def __init__(
        self, engine: Engine, *, refusals_kept: int, clock: Callable[[], datetime]
    ) -> None:
        self._engine, self._refusals_kept, self._clock = engine, refusals_kept, clock
        self._noted: dict[UUID, datetime] = {}
        self._used_at: dict[str, datetime] = {}
        self._refusals: deque[Refusal] = deque(maxlen=_MOST_WAITING)
        self._storing: asyncio.Task[None] | None = None
        self._closing = asyncio.Event()

    def used(self, key_id: UUID) -> None:
        """Note that a key was used, unless that was noted less than a minute ago."""
        now = self._clock()
        noted = self._noted.get(key_id)
        if noted is None or now - noted >= USE_EVERY:
            self._noted[key_id] = now
            self._used_at[str(key_id)] = now
            self._store_soon()

    def refused(
        self, *, reason: str, route: str, key_id: str, client_address: str, request_id: UUID
    ) -> None:
        """Note that a request was not let in."""
        self._refusals.append(
            Refusal(self._clock(), reason, route, key_id, client_address, str(request_id))
        )
        self._store_soon()

    async def close(self) -> None:
        """Store what was noted."""
        self._closing.set()
        if self._storing is not None:
            await asyncio.wait([self._storing])
        await self._store()

    def _store_soon(self) -> None:
        if self._storing is None or self._storing.done():
            self._storing = asyncio.create_task(self._store_later(), name="access log")

    async def _store_later(self) -> None:
        while (self._used_at or self._refusals) and not self._closing.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(self._closing.wait(), STORE_SECONDS)
            await self._store()

    async def _store(self) -> None:
        used_at, self._used_at = self._used_at, {}
        refusals = list(self._refusals)
        self._refusals.clear()
        if used_at or refusals:
            try:
                await asyncio.to_thread(self._write, used_at, refusals)
            except SQLAlchemyError as error:  # they only inform: no request shall fail for them
                logger.warning(
                    "access_not_recorded",
                    uses=len(used_at),
                    refusals=len(refusals),
                    error=type(error).__name__,
                )

    def _write(self, used_at: dict[str, datetime], refusals: list[Refusal]) -> None:
        with self._engine.begin() as connection:
            access_records.write(
                connection, used_at=used_at, refusals=refusals, refusals_kept=self._refusals_kept
            )
