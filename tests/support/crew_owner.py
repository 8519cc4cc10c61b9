"""A crew whose owner never ends by itself: `python -m tests.support.crew_owner idle|busy`.

It prints a line as soon as its processes have nothing to do any more, or as often as they tell.
"""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import create_engine

from projections.workers import Crew, Progress, Sources
from tests.support.ledgers import log_at


@contextmanager
def nothing() -> Iterator[Sources]:
    """Open sources that hold nothing."""
    yield Sources(log_at(os.devnull), create_engine("sqlite://"), ())


def working(_sources: Sources, progress: Progress) -> None:
    """Work for ever, and tell."""
    while True:
        progress(1)


def done(_sources: Sources, progress: Progress) -> None:
    """Be done at once."""


def _main(state: str) -> None:
    task = working if state == "busy" else done
    with nothing() as sources, Crew(sources, nothing, jobs=2) as crew:
        crew.run([task, task], lambda _: print("working", flush=True))
        print("idle", flush=True)
        signal.pause()


if __name__ == "__main__":
    _main(sys.argv[1])
