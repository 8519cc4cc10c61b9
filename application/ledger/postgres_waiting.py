"""Waiting for PostgreSQL on the event loop: once for each statement.

A long answer comes in pieces of a few kilobytes. To wake a task for each of them, and to register
its socket anew, takes longer than the server needs to read a stream of a thousand events.
"""

import asyncio
from contextlib import suppress
from typing import Any, Generic, TypeVar

import psycopg
from psycopg import AsyncConnection
from psycopg.abc import PQGen
from psycopg.pq import TransactionStatus

_R = TypeVar("_R")
_READ, _WRITE = 1, 2  # what psycopg's generators wait for, and are told
_CANCEL_SECONDS = 5.0


class LoopConnection(AsyncConnection[Any]):
    """A connection whose statements are driven by the loop's own call-backs."""

    async def wait(
        self,
        gen: PQGen[_R],
        interval: float = 0.1,
        timeout: float | None = None,  # noqa: ASYNC109 - psycopg's own signature
    ) -> _R:
        """Run one of psycopg's generators to its end, and return what it returns."""
        if timeout is not None:
            return await super().wait(gen, interval, timeout)
        waiting = _Waiting(gen, self.pgconn.socket)
        try:
            return await waiting.ended()
        except asyncio.CancelledError:
            if self.pgconn.transaction_status == TransactionStatus.ACTIVE:
                with suppress(psycopg.Error):  # that the statement was cancelled, for one
                    await self.cancel_safe(timeout=_CANCEL_SECONDS)
                    await super().wait(gen)
            raise


class _Waiting(Generic[_R]):
    """One generator, taken on whenever its socket is ready for what it waits for."""

    def __init__(self, gen: PQGen[_R], socket: int) -> None:
        self._gen, self._socket, self._watched = gen, socket, 0
        self._loop = asyncio.get_running_loop()
        self._end: asyncio.Future[_R] = self._loop.create_future()

    async def ended(self) -> _R:
        self._take_on(None)
        try:
            return await self._end
        finally:
            self._watch(0)

    def _take_on(self, ready: Any) -> None:
        if self._end.done():
            return
        try:
            wanted = self._gen.send(ready)
        except StopIteration as ended:
            self._end.set_result(ended.value)
        except Exception as error:
            self._end.set_exception(error)
        else:
            self._watch(wanted)

    def _watch(self, wanted: int) -> None:
        if wanted == self._watched:
            return
        loop, socket, changed = self._loop, self._socket, wanted ^ self._watched
        self._watched = wanted
        if changed & _READ:
            if wanted & _READ:
                loop.add_reader(socket, self._take_on, _READ)
            else:
                loop.remove_reader(socket)
        if changed & _WRITE:
            if wanted & _WRITE:
                loop.add_writer(socket, self._take_on, _WRITE)
            else:
                loop.remove_writer(socket)
