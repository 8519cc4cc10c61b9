"""However rows are made, they are the same: page by page, rebuilt, killed, or from snapshots."""

import hashlib
import random
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from application.ledger.reader import SqliteLog
from domain.stored import encode, stored_topic
from projections import parts
from projections.building import Manner, Stage
from projections.catalogue import PROJECTIONS
from projections.database import open_read_models, projection_positions
from projections.past import open_past
from projections.past_files import PastFiles, PastLimits
from projections.projector import Projector
from projections.rebuilding import rebuild_here, switch_to
from projections.workers import Sources
from tests.projections.conftest import RECORDED_AT, SQLITE_TABLES
from tests.projections.histories import Group, history, side_by_side

HISTORIES, MANY_HISTORIES = 1_000, 100_000
TOGETHER = 10  # histories that one ledger holds, side by side
PARTS = 4  # so that processes that run the tests can share them
# For each history: what it is drawn from, and how many steps it has.
WANTED = st.lists(
    st.tuples(st.integers(0, 2**32), st.integers(0, 40)), min_size=TOGETHER, max_size=TOGETHER
)
ANYWHERE = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]


class Killed(BaseException):
    """What ends a rebuild anywhere, as a kill does."""


class Histories:
    """One ledger in memory after the other, with read models that are made in every way."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        path = folder / "capacity.db"
        self._ledger = sqlite3.connect(path)
        # Nothing here needs to outlive the test, so nothing waits for a disk.
        self._ledger.executescript(f"PRAGMA journal_mode = WAL; {SQLITE_TABLES}")
        self._ledger.execute("PRAGMA synchronous = OFF")
        self.log = SqliteLog(path)
        self.engine: Engine = open_read_models(f"sqlite:///{folder / 'views.db'}")
        self.projector = Projector(self.log, self.engine, PROJECTIONS)

    def begin(self, groups: list[Group]) -> None:
        with self._ledger:
            self._ledger.execute("DELETE FROM stored_events")
            self._ledger.execute("DELETE FROM append_groups")
            for group in groups:
                rows = [
                    (
                        each.originator_id.hex,
                        each.originator_version,
                        stored_topic(type(each)),
                        encode(each),
                    )
                    for each in group
                ]
                self._ledger.executemany("INSERT INTO stored_events VALUES (?, ?, ?, ?)", rows)
                self._ledger.execute(
                    "INSERT INTO append_groups SELECT max(rowid), ? FROM stored_events",
                    (int(RECORDED_AT.timestamp()) * 1_000_000,),
                )

    def followed(self, page_events: int) -> str:
        begun = {"position": 0, "epoch": 0, "applied_events": 0, "applied_digest": 0}
        with self.engine.begin() as connection:
            for projection in PROJECTIONS:
                for table in projection.rows:
                    connection.execute(table.delete())
            connection.execute(projection_positions.update().values(begun))
        self.projector = Projector(self.log, self.engine, PROJECTIONS, page_events=page_events)
        self.projector.catch_up()
        return self.digest()

    def rebuilt(self, manner: Manner, chance: random.Random, kills: int) -> str:
        for _ in range(kills):
            with suppress(Killed):
                rebuild_here(
                    self.log, self.engine, PROJECTIONS, manner=manner, tell=killing(chance)
                )
        rebuild_here(self.log, self.engine, PROJECTIONS, manner=manner)
        return self.digest()

    def undone(self) -> str:
        switch_to(Sources(self.log, self.engine, PROJECTIONS), (), "before")
        return self.digest()

    def from_snapshots(self, chance: random.Random) -> str:
        """Fold the last events on top of what an earlier snapshot of the read side shows."""
        limits = PastLimits(checkpoint_events=chance.randint(20, 600))
        with TemporaryDirectory(dir=self._folder) as folder:
            files = PastFiles(self.log, PROJECTIONS, Path(folder), limits=limits)
            past = open_past(files.at(self.log.head()))
            try:
                return digest_of(past)
            finally:
                past.dispose()

    def digest(self) -> str:
        return digest_of(self.engine)

    def close(self) -> None:
        self.log.close()
        self.engine.dispose()
        self._ledger.close()

    def manner(self, chance: random.Random) -> Manner:
        return Manner(
            budget_bytes=chance.choice([40_000, 100_000, 2**30]),  # several parts, or one
            folder=self._folder / "spools",
            checkpoint_positions=chance.choice([60, 300]),
        )


def digest_of(engine: Engine) -> str:
    """Return what stands for every row of every projection."""
    found = hashlib.sha256()
    with engine.connect() as connection:
        for projection in PROJECTIONS:
            for table in projection.rows:
                rows = connection.execute(table.select().order_by(*table.primary_key.columns))
                found.update(f"{table.name} {rows.all()}\n".encode())
    return found.hexdigest()


def killing(chance: random.Random) -> Callable[[Stage, int, int], None]:
    left = chance.randrange(12)

    def tell(stage: Stage, done: int, total: int) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise Killed

    return tell


def all_ways_agree(folder: Path, histories: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "WINDOW_POSITIONS", 50)
    monkeypatch.setattr(parts, "FOLDED_EVENTS", 20)
    monkeypatch.setattr(parts, "SQLITE_ROWS_IN_TRANSACTION", 20)
    found = Histories(folder)

    # Never the same histories, lest every part tries what the others have tried.
    @settings(
        max_examples=histories // TOGETHER,
        suppress_health_check=ANYWHERE,
        database=None,
        derandomize=False,
    )
    @given(wanted=WANTED, seed=st.integers(0, 2**32))
    def agree(wanted: list[tuple[int, int]], seed: int) -> None:
        chance = random.Random(seed)
        begun = [history(number, *each) for number, each in enumerate(wanted)]
        found.begin(side_by_side(begun, chance))
        digests = {found.followed(chance.choice([chance.randint(5, 60), 10_000]))}
        digests.add(found.rebuilt(found.manner(chance), chance, kills=2 if seed % 4 == 0 else 0))
        if seed % 8 == 1:
            digests.add(found.undone())
        if seed % 4 == 2:
            digests.add(found.from_snapshots(chance))
        assert len(digests) == 1

    try:
        agree()
    finally:
        found.close()


@pytest.mark.parametrize("part", range(PARTS))
def test_every_way_to_make_rows_makes_the_same(
    part: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    all_ways_agree(tmp_path, HISTORIES // PARTS, monkeypatch)


@pytest.mark.long
@pytest.mark.parametrize("part", range(PARTS))
def test_every_way_to_make_rows_makes_the_same_of_many_histories(
    part: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    all_ways_agree(tmp_path, MANY_HISTORIES // PARTS, monkeypatch)
