"""A projector that is killed at any moment leaves rows and position that agree, and no trace."""

import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import pytest
from msgspec.structs import replace
from sqlalchemy import Engine

from projections.database import open_read_models
from projections.projector import Projector
from tests.projections.conftest import (
    PROJECTIONS,
    SUPPLIERS,
    TERMS,
    BareLedger,
    BareSqlite,
    Life,
    positions_of,
    rows_of,
)

TIMEOUT_SECONDS = 60
MANY = tuple(replace(each, capacity_slots=1_000_000) for each in TERMS)


@contextmanager
def following(ledger: BareLedger) -> Iterator["subprocess.Popen[str]"]:
    """A process that follows, from when it says so until it is killed."""
    url = ledger.views_url
    path = url.removeprefix("sqlite:///").replace(".views", "")
    arguments = (path if isinstance(ledger, BareSqlite) else url, url)
    with subprocess.Popen(
        [sys.executable, "-m", "tests.support.projector_worker", *arguments],
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "following\n"
            yield process
        finally:
            process.kill()


def kill_again_and_again(ledger: BareLedger, clean: Engine, *, times: int, seed: int) -> None:
    """Kill the projector while events are appended; the next begins where it was."""
    dice, life, numbers = random.Random(seed), Life(), count()
    ledger.append(life.open(MANY))
    engine = ledger.engine()
    projector = ledger.projector(engine)
    for _ in range(times):
        with following(ledger) as process:
            target = positions_of(engine)["supplier_capacity"] + dice.randint(1, 60)
            give_up_at = time.monotonic() + TIMEOUT_SECONDS
            while positions_of(engine)["supplier_capacity"] < target:
                assert process.poll() is None
                assert time.monotonic() < give_up_at
                for _ in range(dice.randint(1, 12)):
                    number = next(numbers)
                    ledger.append(life.book(f"R-{number}", SUPPLIERS[number % 3]))
            process.kill()
            process.wait()
    head = projector.catch_up()
    assert positions_of(engine) == {"supplier_capacity": head}
    compare(ledger, engine, clean)
    (found,) = projector.verify()
    assert (found.complete, found.parked) == (True, 0)


def compare(ledger: BareLedger, engine: Engine, clean: Engine) -> None:
    """Compare the rows with those of a run from the beginning."""
    Projector(ledger.log, clean, PROJECTIONS).catch_up()
    assert rows_of(engine) == rows_of(clean)


@pytest.fixture
def clean(tmp_path: Path) -> Iterator[Engine]:
    """Read models in another place, for a run in which nobody is killed."""
    engine = open_read_models(f"sqlite:///{tmp_path / 'clean.db'}")
    yield engine
    engine.dispose()


def test_what_a_killed_projector_leaves_is_what_a_clean_run_leaves(
    ledger: BareLedger, clean: Engine
) -> None:
    kill_again_and_again(ledger, clean, times=5, seed=1)


@pytest.mark.long
def test_a_projector_may_be_killed_two_hundred_times(ledger: BareLedger, clean: Engine) -> None:
    kill_again_and_again(ledger, clean, times=200, seed=2)


def test_the_comparison_finds_a_row_that_was_lost(ledger: BareLedger, clean: Engine) -> None:
    """The negative control: what a write without its transaction would leave."""
    ledger.append(Life().open(MANY))
    engine = ledger.engine()
    projector = ledger.projector(engine)
    projector.catch_up()
    with engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM scenarios")
    with pytest.raises(AssertionError):
        compare(ledger, engine, clean)
