"""How long a request may take until its answer begins.

One timer for all of them: each request costs two steps in a dict, where a timer of its own would
cost ten times as much.
"""

import asyncio
from time import perf_counter
from typing import Any

_Task = asyncio.Task[Any]


class TimeLimits:
    """Cancels the tasks of requests that are late; they ask `was_late` why they were cancelled."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._begun: dict[_Task, float] = {}  # in the order in which they will be late
        self._late: set[_Task] = set()
        self._timer: asyncio.TimerHandle | None = None

    def begin(self, began: float) -> _Task:
        """Count the time of the request that runs in this task; return the task, for `end`."""
        task = asyncio.current_task()
        assert task is not None, "a request is served by a task"
        self._begun[task] = began
        if self._timer is None:
            self._look_after(self.seconds)
        return task

    def end(self, task: _Task) -> None:
        """Count no more: the answer has begun, or never will."""
        self._begun.pop(task, None)
        self._late.discard(task)

    def was_late(self, task: _Task) -> bool:
        """Return whether it was cancelled from here; if so it may go on, to say so."""
        if task not in self._late:
            return False
        self._late.remove(task)
        task.uncancel()
        return True

    def _look(self) -> None:
        self._timer = None
        now = perf_counter()
        while self._begun:
            task, began = next(iter(self._begun.items()))
            if began + self.seconds > now:
                self._look_after(began + self.seconds - now)
                return
            del self._begun[task]
            self._late.add(task)
            task.cancel()

    def _look_after(self, seconds: float) -> None:
        self._timer = asyncio.get_running_loop().call_later(seconds, self._look)
