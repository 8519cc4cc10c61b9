"""Sharing the parts of a rebuild between processes.

Each process opens log and read models for itself and writes its own parts. It says how far it is
through a pipe, whose breaking ends it: no worker outlives the rebuild.
"""

import os
import signal
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack
from multiprocessing import get_context
from multiprocessing.connection import Connection as Pipe
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from typing import NamedTuple

from sqlalchemy import Engine

from projections.beside import RebuildRefused
from projections.log import Log
from projections.parts import PartWork, Plan
from projections.projection import Projection

END_SECONDS = 10.0


class Sources(NamedTuple):
    """What a rebuild reads and writes."""

    log: Log
    engine: Engine
    projections: Sequence[Projection]  # every one that is known


# Opens them in any process, so it must be something that can be pickled.
OpenSources = Callable[[], AbstractContextManager[Sources]]
Progress = Callable[[int], object]


class PartFailed(RebuildRefused):
    """A worker could not finish its parts; the message says why."""


def run_in_processes(
    open_sources: OpenSources,
    plan: Plan,
    numbers: Sequence[int],
    *,
    jobs: int,
    progress: Progress,
) -> None:
    """Do parts in so many processes. `progress` gets the positions done by all together.

    Raises PartFailed; whatever is raised ends all processes.
    """
    context = get_context("spawn")  # a fork would share connections and locks
    with ExitStack() as ended:
        pipes: dict[Pipe, BaseProcess] = {}
        for job in range(min(jobs, len(numbers))):
            ours, theirs = context.Pipe(duplex=False)
            share = numbers[job::jobs]
            process = context.Process(target=_work, args=(open_sources, plan, share, theirs))
            process.start()
            theirs.close()
            ended.callback(_end, process)
            pipes[ours] = process
        _listen(pipes, progress)


def _listen(pipes: dict[Pipe, BaseProcess], progress: Progress) -> None:
    done: dict[object, int] = {}
    while pipes:
        for pipe in wait(list(pipes)):
            assert isinstance(pipe, Pipe)
            try:
                said: int | str = pipe.recv()
            except EOFError:
                process = pipes.pop(pipe)
                process.join()
                if process.exitcode:
                    raise PartFailed(f"A worker ended with {process.exitcode}") from None
                continue
            if isinstance(said, str):
                raise PartFailed(said)
            done[pipe] = said
            progress(sum(done.values()))


def _end(process: BaseProcess) -> None:
    process.terminate()
    process.join(END_SECONDS)
    if process.is_alive():
        process.kill()
        process.join()


def _work(open_sources: OpenSources, plan: Plan, numbers: Sequence[int], pipe: Pipe) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all; the first of us decides
    names = {copy.name for copy in plan.copies}
    try:
        with open_sources() as sources:
            chosen = [each for each in sources.projections if each.name in names]
            for place, number in enumerate(numbers):
                work = PartWork(sources.log, sources.engine, chosen, plan, number)
                before = place * plan.stop
                work.run(lambda position, before=before: pipe.send(before + position))  # type: ignore[misc] # a default is how a loop's value is kept
    except BrokenPipeError:
        os._exit(1)  # nobody is there to be told
    except Exception as error:
        pipe.send(f"{error}")
        raise SystemExit(1) from error
