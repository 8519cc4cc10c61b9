"""A crew shares out tasks, tells how far they are, and says what went wrong with any of them."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import pytest
from sqlalchemy import create_engine

from projections.workers import Crew, PartFailed, Progress, Sources
from tests.support.ledgers import log_at


@contextmanager
def nothing() -> Iterator[Sources]:
    yield Sources(log_at(os.devnull), create_engine("sqlite://"), ())


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
