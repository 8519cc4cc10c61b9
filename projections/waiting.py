"""Waiting for positions: how far each projection is known to have come, and who wants to hear."""

import asyncio
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple


class _Waiter(NamedTuple):
    names: tuple[str, ...]
    position: int
    wake: Callable[[], None]


class KnownPositions:
    """Positions as last heard of, from any thread; tasks wait until they have been passed."""

    def __init__(self) -> None:
        self._known: dict[str, int] | None = None
        self._waiters: set[_Waiter] = set()
        self._waiting = threading.Lock()

    @property
    def known(self) -> dict[str, int] | None:
        """What was last heard; None: look it up."""
        return self._known

    def forget(self) -> None:
        """Take nothing for known any more."""
        self._known = None

    def set(self, positions: Mapping[str, int]) -> None:
        """Replace all positions."""
        self._known = dict(positions)
        self._wake(lambda waiter: self.have_passed(waiter.names, waiter.position))

    def move(self, names: Sequence[str], position: int) -> None:
        """Replace the position of some."""
        self.set((self._known or {}) | dict.fromkeys(names, position))

    def wake_all(self) -> None:
        """Let everybody look again for themselves."""
        self._wake(lambda waiter: True)

    def have_passed(self, names: Sequence[str], position: int) -> bool:
        """Return whether all these are known to have come to a position, or beyond."""
        known = self._known
        return known is not None and all(known.get(name, -1) >= position for name in names)

    async def passed(self, names: Sequence[str], position: int) -> None:
        """Return when these have passed a position, or when all are woken."""
        loop = asyncio.get_running_loop()
        passed = asyncio.Event()
        waiter = _Waiter(tuple(names), position, lambda: _call(loop, passed.set))
        with self._waiting:
            self._waiters.add(waiter)
        try:
            # Between the question and the entry the position may have moved.
            if not self.have_passed(names, position):
                await passed.wait()
        finally:
            with self._waiting:
                self._waiters.discard(waiter)

    def _wake(self, concerns: Callable[[_Waiter], bool]) -> None:
        with self._waiting:
            woken = [waiter for waiter in self._waiters if concerns(waiter)]
            self._waiters.difference_update(woken)
        for waiter in woken:
            waiter.wake()


def _call(loop: asyncio.AbstractEventLoop, callback: Callable[[], object]) -> None:
    if not loop.is_closed():
        loop.call_soon_threadsafe(callback)
