"""Rebuilds in processes: shared between several, and killed anywhere, again and again."""

import random
import subprocess
import sys
from functools import partial
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import Engine, update

from domain.stored import encode, stored_topic
from projections.building import Manner
from projections.closing import Wish
from projections.rebuilding import rebuild, versions_beside
from projections.supplier_capacity import capacities
from projections.workers import PartFailed
from tests.projections.conftest import (
    SUPPLIERS,
    BareLedger,
    BarePostgres,
    BareSqlite,
    Life,
    rows_of,
)
from tests.support.rebuild_worker import open_bare

BOOKINGS = 150


def where(ledger: BareLedger) -> tuple[str, str]:
    """Return how a process of its own finds the ledger and the read models."""
    if isinstance(ledger, BarePostgres):
        return ledger.views_url, ledger.views_url
    assert isinstance(ledger, BareSqlite)
    return ledger.views_url.removeprefix("sqlite:///").replace(".views", ""), ledger.views_url


def filled(ledger: BareLedger, life: Life) -> Engine:
    """Put bookings into a ledger in one group, and return the read models, which are wrong."""
    events = [*life.publish(), *life.open(), *life.set_aliases({"iSolar": "iSoalr"})]
    for number in range(BOOKINGS):
        events += life.book(f"R-{number}", SUPPLIERS[number % 3])
    ledger.append_rows(
        [
            (each.originator_id, each.originator_version, stored_topic(type(each)), encode(each))
            for each in events
        ]
    )
    engine = ledger.engine()
    ledger.projector(engine).catch_up()
    return engine


def spoil(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(update(capacities).values(used_slots=77))


def test_two_processes_build_the_same(ledger: BareLedger, life: Life, tmp_path: Path) -> None:
    engine = filled(ledger, life)
    right = rows_of(engine)
    spoil(engine)
    seen: list[tuple[int, int]] = []
    rebuilt = rebuild(
        partial(open_bare, *where(ledger)),
        manner=Manner(folder=tmp_path / "spools", jobs=2),
        tell=lambda stage, done, total: seen.append((done, total)) if stage == "reading" else None,
    )
    assert rebuilt.switched
    assert rows_of(engine) == right
    assert seen[-1][0] == seen[-1][1] == 2 * ledger.log.head()


def test_what_fails_in_a_worker_is_said_by_the_rebuild(
    ledger: BareLedger, life: Life, tmp_path: Path
) -> None:
    filled(ledger, life)
    poison = ledger.append_rows([(UUID(int=99), 1, "suppliers.booked", b'{"line":')])
    ledger.projector().catch_up()
    with pytest.raises(PartFailed, match=f"at position {poison}: DecodeError"):
        rebuild(partial(open_bare, *where(ledger)), manner=Manner(jobs=2))


def killed_at_random(
    ledger: BareLedger, life: Life, folder: Path, *, kills: int, chance: random.Random
) -> None:
    """Kill rebuilds until one has had enough, and compare with what following has made."""
    engine = filled(ledger, life)
    right = rows_of(engine)
    command = [sys.executable, "-m", "tests.support.rebuild_worker", *where(ledger), str(folder)]
    for _ in range(kills):
        spoil(engine)
        jobs = chance.choice(["1", "2"])
        with subprocess.Popen([*command, jobs], stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            for _ in range(chance.randrange(1, 45)):
                process.stdout.readline()
            process.kill()
    for manner in (Manner(folder=folder), Manner(folder=folder, anew=True)):
        rebuild(partial(open_bare, *where(ledger)), manner=manner, wish=Wish(switch=True))
        assert rows_of(engine) == right
        spoil(engine)
    assert [copy.place for copy in versions_beside(engine)] == ["before"]


def test_a_rebuild_that_is_killed_goes_on_and_ends_right(
    ledger: BareLedger, life: Life, tmp_path: Path
) -> None:
    killed_at_random(ledger, life, tmp_path / "spools", kills=5, chance=random.Random(4))


@pytest.mark.long
def test_a_rebuild_may_be_killed_any_number_of_times(
    ledger: BareLedger, life: Life, tmp_path: Path
) -> None:
    killed_at_random(ledger, life, tmp_path / "spools", kills=200, chance=random.Random(5))
