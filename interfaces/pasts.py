"""Questions about the past: each is answered from a read side as it stood at one position.

A past is made once, in a thread of its own, whoever asks for it; who has waited long enough is
told to come again, and the making goes on.
"""

import asyncio
import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import OperationalError

from application.ledger import LedgerUnavailable
from interfaces.reads import Reads
from projections.past import PastFailed, open_past
from projections.past_files import PastFiles, PastStopped

R = TypeVar("R")

OPEN_PASTS = 8
RETRY_AFTER_SECONDS = 2


class PastNotReady(LedgerUnavailable):
    """A past is being made, and was not ready in the time that a question may wait."""

    def __init__(self, position: int) -> None:
        self.position = position
        message = f"The past at position {position} is still being made; ask again soon"
        super().__init__(message, RETRY_AFTER_SECONDS)


class TooManyPasts(LedgerUnavailable):
    """More pasts are asked for than can soon be made."""

    def __init__(self, waiting: int) -> None:
        message = f"{waiting} pasts are waiting to be made already; try again soon"
        super().__init__(message, RETRY_AFTER_SECONDS)


class PastUnavailable(LedgerUnavailable):
    """A past cannot be made now: the disk is full, or its folder cannot be written."""

    def __init__(self, failed: PastFailed) -> None:
        super().__init__(str(failed), RETRY_AFTER_SECONDS)


class OpenPast(NamedTuple):
    """One past, open for reading."""

    path: Path
    engine: Engine
    files: PastFiles

    def used_for(self, question: Callable[[Connection], R]) -> Callable[[Connection], R]:
        """Return the question; asking it keeps the file from being removed as unused."""

        def asked(connection: Connection) -> R:
            self.files.used(self.path)
            return question(connection)

        return asked


class Pasts:
    """Answers questions from pasts. Open ones stay open, up to a few."""

    def __init__(
        self, files: PastFiles, reads: Reads, *, wait_seconds: float, waiting: int
    ) -> None:
        self.files = files
        self._reads, self._wait_seconds, self._at_most = reads, wait_seconds, waiting
        self._maker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="past")
        self._making: dict[object, Future[object]] = {}
        self._open: OrderedDict[int, OpenPast] = OrderedDict()
        self._opening = threading.Lock()

    async def read(
        self, position: int, question: Callable[[Connection], R], *, reads: Reads | None = None
    ) -> R:
        """Answer a question as it would have been at a position, in a thread of some reads.

        Raises PastNotReady, TooManyPasts, PastUnavailable and TooManyReads.
        """
        past, threads = await self.open(position), reads or self._reads
        try:
            return await threads.run(past.used_for(question), past.engine)
        except OperationalError:
            # Removed by another process between our opening it and this connection.
            if past.path.exists():
                raise
            self._forget(position)
            past = await self.open(position)
            return await threads.run(past.used_for(question), past.engine)

    async def compare(self, begin: int, end: int, question: Callable[[Connection], R]) -> R:
        """Answer a question about what differs between two positions. Raises as `read` does."""
        key = ("differences", begin, end)
        path = await self.make(key, lambda: self.files.differences(begin, end), position=end)
        engine = open_past(path)
        try:
            return await self._reads.run(question, engine)
        finally:
            engine.dispose()

    async def open(self, position: int) -> "OpenPast":
        """Return the past at a position, open; it is made first if need be."""
        with self._opening:
            if (past := self._open.get(position)) is not None:
                self._open.move_to_end(position)
                return past
        return await self.make(position, lambda: self._opened(position), position=position)

    async def make(self, key: object, work: Callable[[], R], *, position: int) -> R:
        """Run work in the maker's thread, once for all who ask under one key at the same time.

        `position` is named to those who cannot wait as long as it takes.
        """
        future = self._making.get(key)
        if future is None:
            if len(self._making) >= self._at_most:
                raise TooManyPasts(len(self._making))
            future = self._making[key] = self._maker.submit(work)
            loop = asyncio.get_running_loop()
            future.add_done_callback(lambda done: self._made(loop, key))
        waiting = asyncio.wrap_future(future)
        waiting.add_done_callback(_passed_over)
        done, _ = await asyncio.wait([waiting], timeout=self._wait_seconds)
        if not done:
            raise PastNotReady(position)
        try:
            return waiting.result()  # type: ignore[return-value] # work under one key is the same
        except PastFailed as failed:
            raise PastUnavailable(failed) from failed
        except PastStopped as stopped:
            raise PastNotReady(position) from stopped

    def close(self) -> None:
        """End what is being made, and disconnect."""
        self.files.stop()
        self._maker.shutdown(cancel_futures=True)
        for past in self._open.values():
            past.engine.dispose()

    def _opened(self, position: int) -> "OpenPast":
        path = self.files.at(position)
        past = OpenPast(path, open_past(path), self.files)
        with self._opening:
            self._open[position] = past
            while len(self._open) > OPEN_PASTS:
                self._open.popitem(last=False)[1].engine.dispose()
        return past

    def _forget(self, position: int) -> None:
        with self._opening:
            if (past := self._open.pop(position, None)) is not None:
                past.engine.dispose()

    def _made(self, loop: asyncio.AbstractEventLoop, key: object) -> None:
        if not loop.is_closed():
            loop.call_soon_threadsafe(self._making.pop, key, None)


def _passed_over(made: "asyncio.Future[object]") -> None:
    """Take the outcome of what nobody waits for any more; the next who asks finds the file."""
    if not made.cancelled():
        made.exception()
