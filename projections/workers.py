"""Processes that share the work of a rebuild.

Each opens log and read models for itself, is given one task after the other, and says how far it
is through a pipe, whose breaking ends it: no worker outlives the rebuild.
"""

import os
import signal
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, suppress
from functools import partial
from multiprocessing import get_context
from multiprocessing.connection import Connection as Pipe
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from types import TracebackType
from typing import Any, NamedTuple, Self

from sqlalchemy import Engine

from projections.beside import RebuildRefused
from projections.log import Log
from projections.projection import Projection

END_SECONDS = 10.0


class Sources(NamedTuple):
    """What a rebuild reads and writes."""

    log: Log
    engine: Engine
    projections: Sequence[Projection]  # every one that is known

    def chosen(self, names: Sequence[str]) -> list[Projection]:
        """Return projections by their names, in the order in which they are known."""
        return [each for each in self.projections if each.name in names]


# Opens them in any process, so it must be something that can be pickled.
OpenSources = Callable[[], AbstractContextManager[Sources]]
Progress = Callable[[int], object]
# What can be done in any process, so it too can be pickled, as can what it returns. It tells now
# and then how far it is, in units of its own.
Task = Callable[[Sources, Progress], Any]


class PartFailed(RebuildRefused):
    """A worker could not finish its task; the message says why."""


class _Done(NamedTuple):
    result: Any


class Crew:
    """Does tasks: in processes that stay for the next ones, or here where one at a time will do."""

    def __init__(self, sources: Sources, open_sources: OpenSources, *, jobs: int) -> None:
        self._sources, self._open_sources, self._jobs = sources, open_sources, jobs
        self._workers: dict[Pipe, BaseProcess] = {}

    def __enter__(self) -> Self:
        """Start all processes, of which each takes half a second to be there."""
        if self._jobs > 1:
            self._start()
        return self

    def __exit__(
        self,
        error_class: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End every process: by itself, or at once if anything has failed."""
        for pipe, process in self._workers.items():
            pipe.close()
            if error is not None:
                process.terminate()
        for process in self._workers.values():
            _end(process)

    def run(self, tasks: Sequence[Task], progress: Progress) -> list[Any]:
        """Do tasks and return their results. `progress` gets how far all of them are, added up.

        Raises PartFailed, and in this process whatever a task raises.
        """
        far = [0] * len(tasks)

        def heard(place: int, now: int) -> None:
            far[place] = now
            progress(sum(far))

        if self._jobs == 1 or len(tasks) < 2:
            return [task(self._sources, partial(heard, place)) for place, task in enumerate(tasks)]
        return self._shared_out(tasks, heard)

    def _shared_out(self, tasks: Sequence[Task], heard: Callable[[int, int], object]) -> list[Any]:
        results: list[Any] = [None] * len(tasks)
        left, busy = deque(enumerate(tasks)), dict[Pipe, int]()
        idle = list(self._workers)
        while left or busy:
            while idle and left:
                pipe = idle.pop()
                busy[pipe], task = left.popleft()
                with suppress(BrokenPipeError):  # why it ended is read below
                    pipe.send(task)
            for pipe in _ready(busy):
                said = self._said(pipe)
                if isinstance(said, _Done):
                    results[busy.pop(pipe)] = said.result
                    idle.append(pipe)
                else:
                    heard(busy[pipe], said)
        return results

    def _start(self) -> None:
        context = get_context("spawn")  # a fork would share connections and locks
        for _ in range(self._jobs):
            ours, theirs = context.Pipe()
            process = context.Process(target=_work, args=(self._open_sources, theirs))
            process.start()
            theirs.close()
            self._workers[ours] = process

    def _said(self, pipe: Pipe) -> _Done | int:
        try:
            said: _Done | int | str = pipe.recv()
        except (EOFError, ConnectionResetError):
            process = self._workers[pipe]
            process.join()
            raise PartFailed(f"A worker ended with {process.exitcode}") from None
        if isinstance(said, str):
            raise PartFailed(said)
        return said


def _ready(busy: Iterable[Pipe]) -> list[Pipe]:
    return [pipe for pipe in wait(list(busy)) if isinstance(pipe, Pipe)]


def _end(process: BaseProcess) -> None:
    process.join(END_SECONDS)
    if process.is_alive():
        process.kill()
        process.join()


def _next(pipe: Pipe) -> Task | None:
    try:
        task: Task = pipe.recv()
    except (EOFError, ConnectionResetError):  # there is no more to do
        return None
    return task


def _work(open_sources: OpenSources, pipe: Pipe) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all; the first of us decides
    try:
        with open_sources() as sources:
            while task := _next(pipe):
                pipe.send(_Done(task(sources, pipe.send)))
    except BrokenPipeError:
        os._exit(1)  # nobody is there to be told
    except Exception as error:
        pipe.send(f"{error}")
        raise SystemExit(1) from error
