"""A crew shares out tasks, tells how far they are, and says what went wrong with any of them."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path

import pytest

from projections.workers import Crew, PartFailed, Progress, Sources
from tests.support.crew_owner import nothing
from tests.support.waiting import wait_until


def squared(number: int, _sources: Sources, progress: Progress) -> tuple[int, int]:
    progress(number)
    return number**2, os.getpid()


def failing(_sources: Sources, _progress: Progress) -> None:
    raise ValueError("this cannot be done")


def dying(_sources: Sources, _progress: Progress) -> None:
    os._exit(3)


@pytest.fixture(params=[1, 2])
def crew(request: pytest.FixtureRequest) -> Iterator[Crew]:
    with nothing() as sources, Crew(sources, nothing, jobs=request.param) as crew:
        yield crew


def test_results_come_in_the_order_of_the_tasks(crew: Crew) -> None:
    told: list[int] = []
    for many in (5, 2):  # the same processes do what comes next
        found = crew.run([partial(squared, number) for number in range(many)], told.append)
        assert [result for result, _ in found] == [number**2 for number in range(many)]
        assert told[-1] == sum(range(many))


def test_processes_stay_for_the_next_tasks() -> None:
    with nothing() as sources, Crew(sources, nothing, jobs=2) as crew:
        tasks = [partial(squared, number) for number in range(8)]
        first, second = ({pid for _, pid in crew.run(tasks, not_looking)} for _ in range(2))
    assert os.getpid() not in first | second
    assert len(first | second) <= 2


def test_one_task_needs_no_process() -> None:
    with nothing() as sources, Crew(sources, nothing, jobs=2) as crew:
        assert crew.run([partial(squared, 3)], not_looking) == [(9, os.getpid())]


def not_looking(_: int) -> None:
    """Take progress when nobody looks."""


@pytest.mark.parametrize(
    ("task", "said"), [(failing, "this cannot be done"), (dying, "A worker ended with 3")]
)
def test_what_went_wrong_is_said(task: object, said: str) -> None:
    with (
        pytest.raises(PartFailed, match=said),
        nothing() as sources,
        Crew(sources, nothing, jobs=2) as crew,
    ):
        crew.run([partial(squared, 1), task, partial(squared, 2)], not_looking)  # type: ignore[list-item] # two kinds


def unopened() -> AbstractContextManager[Sources]:
    raise ValueError("nothing can be opened")


@pytest.mark.parametrize("ended", [True, False])
def test_why_a_process_could_not_begin_is_said(ended: bool) -> None:
    with (
        pytest.raises(PartFailed, match="nothing can be opened"),
        nothing() as sources,
        Crew(sources, unopened, jobs=2) as crew,
    ):
        if ended:  # before it is given anything
            for process in crew._workers.values():
                process.join()
        crew.run([partial(squared, 1), partial(squared, 2)], not_looking)


@pytest.mark.parametrize("state", ["idle", "busy"])
def test_no_process_outlives_its_owner(state: str) -> None:
    command = [sys.executable, "-m", "tests.support.crew_owner", state]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        assert owner.stdout.readline()
        crew = Path(f"/proc/{owner.pid}/task/{owner.pid}/children").read_text().split()
        assert len(crew) >= 2
        owner.kill()
    wait_until(lambda: not any(map(runs, crew)))


def runs(pid: str) -> bool:
    """Return whether a process is there, and not only waited for by nobody."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False
