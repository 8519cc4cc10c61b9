"""Rebuilds in several processes, and killed ones that go on: derived rows come out right."""

import random
import subprocess
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import astuple
from sqlalchemy import Engine, Table, text

from projections.building import Manner
from projections.closing import Wish
from projections.deriving import Stored
from projections.projection import Row, Share
from projections.rebuilding import rebuild
from projections.role_capacity import role_capacity
from projections.role_capacity.counting import Totals
from projections.rows import bulk_of
from tests.projections.role_capacity.documents import WEEKS, Planning
from tests.projections.role_capacity.life import Life
from tests.projections.role_capacity.test_parking import LATER
from tests.projections.test_rebuild_processes import where
from tests.support.rebuild_worker import open_bare

PEOPLE = 40
ROWS = role_capacity.rows
assert role_capacity.derivation is not None
derivation = role_capacity.derivation


def rows_of(engine: Engine) -> dict[str, list[Any]]:
    with engine.connect() as connection:
        return {
            table.name: sorted(map(tuple, connection.execute(table.select())), key=repr)
            for table in role_capacity.rows
        }


def spoil(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("UPDATE assignment_week_hours SET units = 7"))
        connection.execute(text("DELETE FROM role_week_totals"))


@pytest.fixture
def filled(life: Life) -> Life:
    """Many people, each with an assignment, in one log."""
    people, assignments = LATER["people"], LATER["assignments"]
    many = {
        **LATER,
        "people": [{**people[n % 2], "id": n} for n in range(1, PEOPLE)],
        "assignments": [
            {**assignments[0], "id": n, "person_id": n, "weekly_units": {WEEKS[n % 8]: 100 * n}}
            for n in range(1, PEOPLE)
        ],
    }
    life.begin(page_events=100)
    life.append(Planning().declare(many), 50)
    life.projector.catch_up()
    return life


def test_two_processes_build_the_same(filled: Life, tmp_path: Path) -> None:
    right = rows_of(filled.engine)
    spoil(filled.engine)
    open_it = partial(open_bare, *where(filled.ledger), role_capacity.name)
    seen: list[tuple[int, int]] = []
    rebuilt = rebuild(
        open_it,
        manner=Manner(folder=tmp_path / "spools", jobs=2),
        tell=lambda stage, done, total: seen.append((done, total)) if stage == "deriving" else None,
    )
    assert rebuilt.switched
    assert seen[-1] == (PEOPLE - 1, PEOPLE - 1)
    assert rows_of(filled.engine) == right


def test_a_rebuild_that_is_killed_goes_on_and_ends_right(filled: Life, tmp_path: Path) -> None:
    right, chance, folder = rows_of(filled.engine), random.Random(7), tmp_path / "spools"
    arguments = (*where(filled.ledger), str(folder))
    command = [sys.executable, "-m", "tests.support.rebuild_worker", *arguments]
    for jobs in ("1", "2", "2"):
        spoil(filled.engine)
        running = [*command, jobs, role_capacity.name]
        with subprocess.Popen(running, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            for _ in range(chance.randrange(1, 20)):
                process.stdout.readline()
            process.kill()
    open_it = partial(open_bare, *where(filled.ledger), role_capacity.name)
    rebuild(open_it, manner=Manner(folder=folder), wish=Wish(switch=True))
    assert rows_of(filled.engine) == right


@pytest.mark.parametrize("of", [1, 2, 3, 7])
def test_shares_of_derived_rows_come_to_the_whole(filled: Life, of: int) -> None:
    right = {table.name: rows_of(filled.engine)[table.name] for table in derivation.tables}
    shares = [Share(number, of) for number in range(of)]
    assert derived_in(filled, shares) == right
    # The negative control: without one of them something is missing.
    assert derived_in(filled, shares[1:]) != right


def derived_in(life: Life, shares: list[Share]) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {table.name: [] for table in derivation.tables}

    def write(table: Table, rows: Sequence[Row]) -> None:
        found[table.name] += map(astuple, rows)

    with life.engine.connect() as connection:
        bulk = {table: bulk_of(table, row, life.engine.dialect) for table, row in ROWS.items()}
        stored = Stored(connection, bulk)
        derivation.join([derivation.build(stored, write, share) for share in shares], write)
    return {name: sorted(rows, key=repr) for name, rows in found.items()}


def test_rows_that_are_not_derived_are_found(
    filled: Life, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control: a rebuild whose derivation writes nothing."""
    right = rows_of(filled.engine)
    monkeypatch.setattr(type(derivation), "build", lambda *_: Totals())
    open_it = partial(open_bare, *where(filled.ledger), role_capacity.name)
    rebuild(open_it, manner=Manner(folder=tmp_path / "spools"))
    assert rows_of(filled.engine) != right
