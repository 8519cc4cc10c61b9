"""Wake-ups between threads: none is lost, and none wakes who has seen what it tells of."""

import threading


class Wakes:
    """Wake-ups that cannot be lost, and that wake nobody who has seen what they tell of.

    One write is told of by several: who wrote it, who needs it, and the server. One that names no
    position wakes everybody, and each thread remembers the last such that it saw.
    """

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._furthest = self._count = 0
        self._seen = threading.local()

    def wake(self, position: int | None) -> None:
        """Tell of a write up to a position, or of something unknown."""
        with self._condition:
            if position is None:
                self._count += 1
            elif position > self._furthest:
                self._furthest = position
            else:
                return
            self._condition.notify_all()

    def wait(self, after: int, timeout_seconds: float) -> bool:
        """Return whether there is more beyond a position, or the thread was woken without one."""
        seen = getattr(self._seen, "count", -1)
        with self._condition:
            woken = self._condition.wait_for(
                lambda: self._furthest > after or self._count != seen, timeout_seconds
            )
            self._seen.count = self._count
        return woken
