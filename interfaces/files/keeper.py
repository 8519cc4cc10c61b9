"""One thread of this process keeps the ledgers of capacity files open, for all event loops.

So `asyncio.run` around every call costs no opening, and calls from several threads are stored
together. Before the process forks everything is closed: SQLite's locks do not survive a fork.
"""

import asyncio
import atexit
import os
import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from application.ledger import SchemaMissing
from interfaces.files.places import Place
from interfaces.files.tracked_file import TrackedFile, Work
from interfaces.service import Service, migrate_ledger, open_service
from interfaces.settings import Settings

MAX_OPEN_LEDGERS = 8
_THREADS = 4


class Keeper:
    """Runs an event loop in a thread of its own, from the first call until it is closed."""

    def __init__(self) -> None:
        self._turn = threading.Lock()  # held while the thread starts or ends, and across a fork
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop
        self._shelf: _Shelf
        self._stop: asyncio.Event

    def submit(
        self, place: Place, work: Work, fresh: Callable[[], bytes] | None = None
    ) -> "Future[Any]":
        """Have work done under the lock of a file; `fresh` makes the file where there is none."""
        with self._turn:
            if self._thread is None:
                self._start()
            return asyncio.run_coroutine_threadsafe(self._shelf.run(place, work, fresh), self._loop)

    def close(self) -> None:
        """Answer everybody, close every ledger, end the thread; the next call starts anew."""
        with self._turn:
            self._close()

    def before_fork(self) -> None:
        """Close everything, and start nothing until the fork is done."""
        self._turn.acquire()
        self._close()

    def after_fork(self) -> None:
        """Go on, on either side of a fork."""
        self._turn.release()

    def _start(self) -> None:
        ready = threading.Event()
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self._main(ready)), name="capacity-files", daemon=True
        )
        self._thread.start()
        ready.wait()

    def _close(self) -> None:
        if self._thread is not None:
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join()
            self._thread = None

    async def _main(self, ready: threading.Event) -> None:
        self._loop, self._stop, self._shelf = asyncio.get_running_loop(), asyncio.Event(), _Shelf()
        ready.set()
        await self._stop.wait()
        await self._shelf.close()


class _Shelf:
    """The open ledgers, of which those used last are kept, and the files whose calls are served."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="capacity-file")
        # Who holds a lock never waits for one of these: so processes cannot wait in a circle.
        self._lock_threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="capacity-file-lock")
        self._ledgers: OrderedDict[Settings, tuple[AsyncExitStack, Service]] = OrderedDict()
        self._opening = asyncio.Lock()
        self._files: dict[Place, TrackedFile] = {}
        self._calls: set[asyncio.Task[Any]] = set()

    async def run(self, place: Place, work: Work, fresh: Callable[[], bytes] | None) -> Any:
        """Have work done, and remember who waits for it."""
        task = asyncio.current_task()
        assert task is not None
        self._calls.add(task)
        try:
            return await self._file(place).run(work, fresh)
        finally:
            self._calls.discard(task)

    async def close(self) -> None:
        """Wait until everybody is answered, and close every ledger."""
        while self._calls or not all(each.idle for each in self._files.values()):
            await asyncio.gather(*self._calls, return_exceptions=True)
            await asyncio.gather(*(each.served() for each in self._files.values()))
        while self._ledgers:
            ledger, _ = self._ledgers.popitem()[1]
            await ledger.aclose()
        self._threads.shutdown()
        self._lock_threads.shutdown()

    def _file(self, place: Place) -> TrackedFile:
        if place not in self._files:
            if len(self._files) > MAX_OPEN_LEDGERS:
                self._files = {key: each for key, each in self._files.items() if not each.idle}
            self._files[place] = TrackedFile(place, self._opened, self._wait_for_lock, self._work)
        return self._files[place]

    async def _opened(self, place: Place) -> Service:
        async with self._opening:
            if place.settings not in self._ledgers:
                await self._close_some()
                self._ledgers[place.settings] = await self._open(place)
            self._ledgers.move_to_end(place.settings)
            return self._ledgers[place.settings][1]

    async def _open(self, place: Place) -> tuple[AsyncExitStack, Service]:
        ledger = AsyncExitStack()
        try:
            return ledger, await ledger.enter_async_context(open_service(place.settings))
        except SchemaMissing:
            if not place.embedded:
                raise
        await self._work(_make_ledger, place.settings)
        return ledger, await ledger.enter_async_context(open_service(place.settings))

    async def _close_some(self) -> None:
        """Close what was used longest ago and is not used now, beyond what may stay open."""
        busy = {place.settings for place, each in self._files.items() if not each.idle}
        idle = [settings for settings in self._ledgers if settings not in busy]
        for settings in idle[: max(0, len(self._ledgers) - MAX_OPEN_LEDGERS + 1)]:
            ledger, _ = self._ledgers.pop(settings)
            await ledger.aclose()

    async def _work(self, work: Callable[..., Any], *arguments: Any) -> Any:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, work, *arguments)

    async def _wait_for_lock(self, work: Callable[..., Any], *arguments: Any) -> Any:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._lock_threads, work, *arguments)


def _make_ledger(settings: Settings) -> None:
    """Make an embedded ledger; read models of one that is gone would be ahead of it."""
    if not settings.ledger_file.exists():
        for suffix in ("", "-wal", "-shm"):
            Path(f"{settings.views_file}{suffix}").unlink(missing_ok=True)
    migrate_ledger(settings)


KEEPER = Keeper()
os.register_at_fork(
    before=KEEPER.before_fork,
    after_in_parent=KEEPER.after_fork,
    after_in_child=KEEPER.after_fork,
)
# At the time of `atexit` threads can no longer be given work, and closing takes some.
getattr(threading, "_register_atexit", atexit.register)(KEEPER.close)
