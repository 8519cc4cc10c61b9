"""A ledger for callers that cannot await: it lives on an event loop in a thread of its own."""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Sequence
from datetime import datetime
from typing import Any, TypeVar

from eventsourcing.persistence import IntegrityError, OperationalError

from application.ledger.command import LedgerUnavailable
from application.ledger.ledger import DEFAULT_LIMITS, Ledger, Limits
from application.ledger.store import EventStore, Row, Snapshot, StaleGroup

T = TypeVar("T")


class SynchronousLedger:
    """A ledger in an event loop in a thread of its own, for callers that cannot await."""

    def __init__(
        self, store: EventStore, *, clock: Callable[[], datetime], limits: Limits = DEFAULT_LIMITS
    ) -> None:
        self._loop = asyncio.new_event_loop()
        self._ledger = Ledger(store, clock=clock, limits=limits)
        self._thread = threading.Thread(
            target=self._loop.run_forever, name="synchronous-ledger", daemon=True
        )
        self._thread.start()
        self._closed = False
        try:
            self._wait_for(self._ledger.open())
        except BaseException:
            self.close()
            raise

    def append(self, rows: Sequence[Row]) -> list[int]:
        """Store rows as they are and return their positions. Raises the library's errors."""
        try:
            return self._wait_for(self._ledger.append_raw(rows))
        except StaleGroup as error:
            raise IntegrityError(str(error)) from error
        except LedgerUnavailable as error:
            raise OperationalError(str(error)) from error

    def save_snapshots(self, snapshots: Sequence[Snapshot]) -> None:
        """Keep these states; one that is there already stays."""
        self._wait_for(self._ledger.store.save_snapshots(snapshots))

    def close(self) -> None:
        """Store what is queued, then end the thread; a second time is harmless."""
        if self._closed:
            return
        self._closed = True
        try:
            self._wait_for(self._ledger.close())
        finally:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()

    def _wait_for(self, work: Coroutine[Any, Any, T]) -> T:
        if threading.current_thread() is self._thread:
            work.close()
            raise RuntimeError(
                "The synchronous ledger was called on its own event loop's thread, where waiting "
                "would never end; await the Ledger instead"
            )
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()
