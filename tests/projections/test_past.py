"""A past is the read side as it stood: equal to the live one at that position, whole or absent."""

import os
import resource
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from sqlalchemy import Engine

from domain.aggregate import Event
from projections.database import standing
from projections.folding import Fold
from projections.parking import parked_of
from projections.past import PastFailed, open_past
from projections.past_files import PastFiles, PastLimits, PastStopped
from projections.supplier_capacity import position
from tests.projections.conftest import (
    PROJECTIONS,
    RECORDED_AT,
    BareLedger,
    Life,
    positions_of,
    rows_of,
)
from tests.projections.test_projector import FEW, groups, start_over, wishes

Rows = dict[str, list[tuple[Any, ...]]]


def pasts(ledger: BareLedger, folder: Path, **limits: int) -> PastFiles:
    return PastFiles(ledger.log, PROJECTIONS, folder, limits=PastLimits(**limits))


def past_rows(files: PastFiles, at: int) -> Rows:
    engine = open_past(files.at(at))
    assert positions_of(engine) == {each.name: at for each in PROJECTIONS}
    found = rows_of(engine)
    engine.dispose()
    return found


class Watched:
    """A log that remembers which pages were read of it."""

    def __init__(self, log: Any) -> None:
        self._log = log
        self.pages: list[tuple[int, int]] = []

    def page(self, after: int, up_to: int) -> Any:
        self.pages.append((after, up_to))
        return self._log.page(after, up_to)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._log, name)


def lived(
    ledger: BareLedger, engine: Engine, wanted: list[tuple[str, str, str]]
) -> dict[int, Rows]:
    """Append a history, and return what the live read side showed at each position."""
    ledger.erase()
    start_over(engine)
    projector = ledger.projector(engine)
    shown = {0: rows_of(engine)}
    for group in groups(wanted):
        ledger.append(group)
        at = projector.catch_up()
        shown[at] = rows_of(engine)
    return shown


@FEW
@given(wanted=wishes, step=st.integers(1, 9), order=st.randoms(use_true_random=False))
def test_a_past_equals_the_live_rows_at_its_position(
    ledger: BareLedger, wanted: list[tuple[str, str, str]], step: int, order: Any
) -> None:
    engine = ledger.engine()
    shown = lived(ledger, engine, wanted)
    engine.dispose()
    asked = sorted(shown)
    order.shuffle(asked)
    with tempfile.TemporaryDirectory() as folder:
        files = pasts(ledger, Path(folder), checkpoint_events=step)
        for at in asked:
            assert past_rows(files, at) == shown[at]


def test_current_rows_filtered_by_position_would_be_another_history(
    ledger: BareLedger, life: Life, tmp_path: Path
) -> None:
    """The negative control: rows that changed later are lost to whoever filters current ones."""
    ledger.append(life.open())
    booked = ledger.append(life.book("R-1", "ACME"))
    ledger.append(life.release("R-1"))
    engine = ledger.engine()
    ledger.projector(engine).catch_up()
    place = -1  # of the column `position`, the last of every table
    filtered = [row for row in rows_of(engine)["matches"] if row[place] <= booked]
    assert filtered == []
    assert len(past_rows(pasts(ledger, tmp_path), booked)["matches"]) == 1


def test_a_past_is_made_once(ledger: BareLedger, life: Life, tmp_path: Path) -> None:
    head = ledger.append(life.open())
    files = pasts(ledger, tmp_path)
    first = files.at(head).stat().st_ino
    assert pasts(ledger, tmp_path).at(head).stat().st_ino == first


def test_a_past_starts_from_the_nearest_before(
    ledger: BareLedger, life: Life, tmp_path: Path
) -> None:
    ledger.append(life.open())
    middle = ledger.append(life.book("R-1", "ACME"))
    head = ledger.append(life.book("R-2", "ACME"))
    pasts(ledger, tmp_path).at(middle)
    log = Watched(ledger.log)
    PastFiles(log, PROJECTIONS, tmp_path).at(head)
    assert log.pages == [(middle, head)]


def test_a_start_that_another_process_removes_is_another_start(
    ledger: BareLedger, life: Life, tmp_path: Path
) -> None:
    ledger.append(life.open())
    middle = ledger.append(life.book("R-1", "ACME"))
    head = ledger.append(life.book("R-2", "ACME"))
    base = pasts(ledger, tmp_path).at(middle)

    class Removing(Watched):
        def last_event(self, up_to: int) -> Any:
            if up_to == head:  # what is asked after a start was chosen, and before it is copied
                base.unlink(missing_ok=True)
            return self._log.last_event(up_to)

    log = Removing(ledger.log)
    PastFiles(log, PROJECTIONS, tmp_path).at(head)
    assert log.pages == [(0, head)]


def test_another_version_of_a_projection_makes_its_own_past(
    ledger: BareLedger, life: Life, tmp_path: Path
) -> None:
    head = ledger.append(life.open())
    before = pasts(ledger, tmp_path).at(head)
    PROJECTIONS[0].version += 1
    try:
        files = pasts(ledger, tmp_path)
        after = files.at(head)
        assert after != before
        assert not before.exists()  # nobody else would ever remove it
    finally:
        PROJECTIONS[0].version -= 1


def test_a_past_of_another_ledger_is_never_shown(
    ledger: BareLedger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after an older backup was restored: positions are taken again by other events."""
    head = ledger.append(Life("one history").open())
    old = past_rows(pasts(ledger, tmp_path), head)
    ledger.erase()
    assert ledger.append(Life("another").open()) == head
    ledger.append(Life("another").publish())
    engine = ledger.engine()
    ledger.projector(engine)
    now = past_rows(pasts(ledger, tmp_path / "fresh"), head)
    # The negative control: without the mark, the file of the other ledger would be believed.
    assert past_rows(pasts(ledger, tmp_path), head) == now
    monkeypatch.setattr("projections.past_files.mark_at", lambda *_: None)
    monkeypatch.setattr("projections.past_files.read_mark", lambda *_: None)
    ledger.erase()
    ledger.append(Life("a third").publish())
    assert past_rows(pasts(ledger, tmp_path), head)["scenarios"] == old["scenarios"]


def test_a_damaged_past_is_made_again(ledger: BareLedger, life: Life, tmp_path: Path) -> None:
    head = ledger.append(life.open())
    files = pasts(ledger, tmp_path)
    found = past_rows(files, head)
    files.at(head).write_bytes(b"no database at all")
    assert past_rows(files, head) == found


# Checkpoints and limits.


def booked(ledger: BareLedger, life: Life, many: int) -> int:
    ledger.append(life.open())
    return [ledger.append(life.book(f"R-{each}", "ACME")) for each in range(many)][-1]


def test_a_long_way_leaves_checkpoints(ledger: BareLedger, life: Life, tmp_path: Path) -> None:
    head = booked(ledger, life, 10)
    told: list[tuple[int, int]] = []
    files = pasts(ledger, tmp_path, checkpoint_events=5)
    files.at(head, progress=lambda *progress: told.append(progress))
    assert files.checkpoints() == list(range(5, head, 5))
    assert told == [(each, head) for each in [*files.checkpoints(), head]]
    log = Watched(ledger.log)
    PastFiles(log, PROJECTIONS, tmp_path, limits=files.limits).at(head - 1)
    assert log.pages == [(files.checkpoints()[-1], head - 1)]


def test_a_file_has_its_name_only_when_it_is_whole(
    ledger: BareLedger, life: Life, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    head = booked(ledger, life, 10)
    monkeypatch.setattr("projections.past.WINDOW_POSITIONS", 2)
    path, seen = tmp_path / "past.db", []

    def look(done: int, total: int) -> None:
        seen.append((done, path.exists()))
        if len(seen) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pasts(ledger, tmp_path / "kept").write(head, path, progress=look)
    assert seen == [(2, False), (4, False), (6, False)]
    assert list(tmp_path.glob("*past.db*")) == list(tmp_path.glob(".*")) == []


def test_the_follower_leaves_checkpoints(ledger: BareLedger, life: Life, tmp_path: Path) -> None:
    head = booked(ledger, life, 10)
    files = pasts(ledger, tmp_path, checkpoint_events=5)
    files.keep_up(7)
    files.keep_up(7)
    assert files.checkpoints() == [5]
    files.keep_up(head)
    assert files.checkpoints() == list(range(5, head + 1, 5))


def test_checkpoints_are_thinned_out_evenly(ledger: BareLedger, life: Life, tmp_path: Path) -> None:
    head = booked(ledger, life, 20)
    files = pasts(ledger, tmp_path, checkpoint_events=2, checkpoints=4)
    for each in range(1, head + 1):
        files.keep_up(each)
    kept = files.checkpoints()
    assert len(kept) == 4
    assert kept[-1] == head - head % 2
    ways = [after - before for before, after in zip([0, *kept], kept, strict=False)]
    assert max(ways) <= 3 * head / 4


def test_pasts_that_were_not_asked_for_longest_go_first(
    ledger: BareLedger, life: Life, tmp_path: Path
) -> None:
    head = booked(ledger, life, 4)
    size = pasts(ledger, tmp_path / "measured").at(head).stat().st_size
    files = pasts(ledger, tmp_path / "kept", cache_bytes=int(2.5 * size))
    first, second = files.at(head), files.at(head - 1)
    _used_at(first, 2_000)
    _used_at(second, 1_000)
    third = files.at(head - 2)
    assert [first.exists(), second.exists(), third.exists()] == [True, False, True]


def _used_at(path: Path, seconds: int) -> None:
    os.utime(path, (seconds, seconds))


def test_two_may_make_the_same_past_at_once(ledger: BareLedger, life: Life, tmp_path: Path) -> None:
    head = booked(ledger, life, 10)
    found: list[Rows] = []
    meet = threading.Barrier(4)

    def make() -> None:
        files = pasts(ledger, tmp_path, checkpoint_events=3)
        meet.wait()
        found.append(past_rows(files, head))

    threads = [threading.Thread(target=make) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert len(found) == 4
    assert all(each == found[0] for each in found)
    assert not list(tmp_path.glob(".*"))


# What stands in the way.


@contextmanager
def small_disk(limit_bytes: int) -> Iterator[None]:
    """Let no file of this process grow beyond a limit, as on a disk that is nearly full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_leaves_what_was_there(ledger: BareLedger, life: Life, tmp_path: Path) -> None:
    head = booked(ledger, life, 10)
    files = pasts(ledger, tmp_path / "past", checkpoint_events=1_000)
    kept = files.at(head - 1)
    before = kept.read_bytes()
    ledger.log.head()
    with small_disk(20_000), pytest.raises(PastFailed, match=f"The past at position {head} "):
        files.at(head)
    assert kept.read_bytes() == before
    assert list((tmp_path / "past").iterdir()) == [kept]
    assert files.at(head).exists()


def test_a_folder_that_cannot_be_made_is_named(
    ledger: BareLedger, life: Life, tmp_path: Path
) -> None:
    head = ledger.append(life.open())
    (tmp_path / "file").touch()
    with pytest.raises(PastFailed, match="Not a directory"):
        pasts(ledger, tmp_path / "file" / "past").at(head)


def test_a_stopped_maker_leaves_nothing(ledger: BareLedger, life: Life, tmp_path: Path) -> None:
    head = ledger.append(life.open())
    files = pasts(ledger, tmp_path)
    files.stop()
    with pytest.raises(PastStopped):
        files.at(head)
    assert list(tmp_path.glob("*past*")) == []


def test_an_event_that_cannot_be_applied_is_named(
    ledger: BareLedger, life: Life, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    head = ledger.append(life.open())

    def fail(*_: object) -> None:
        raise OSError("no more")

    monkeypatch.setattr(Fold, "run", fail)
    with pytest.raises(PastFailed, match="no more"):
        pasts(ledger, tmp_path).at(head)


@pytest.mark.parametrize("step", [1, 1_000])
@pytest.mark.parametrize("state", [b'{"line":', b'{"line":"\\u0000"}'])
def test_what_could_not_be_applied_is_missing_in_the_past_too(
    ledger: BareLedger, life: Life, tmp_path: Path, state: bytes, step: int
) -> None:
    """With or without an earlier past to begin from, at the fault and beyond it."""
    ledger.append(life.open())
    ledger.append(life.book("R-1", "ACME"))
    poison = ledger.append_rows([(UUID(int=99), 1, "suppliers.booked", state)])
    ledger.append(life.book("R-2", "ACME"))
    waiting = ledger.append_rows([(UUID(int=99), 2, "suppliers.booked", b"{}")])
    head = ledger.append(life.book("R-3", "iSoalr"))
    engine = ledger.engine()
    projector = ledger.projector(engine)
    shown = {}
    for at in (poison, waiting, head):
        projector.catch_up(up_to=at)
        shown[at] = rows_of(engine), {each.position for each in projector.parked()}
    files = pasts(ledger, tmp_path, checkpoint_events=step)
    for at, (rows, parked) in shown.items():
        assert past_rows(files, at) == rows
        past = open_past(files.at(at))
        with past.connect() as connection:
            assert {each.position for each in parked_of(connection, projector.names)} == parked
            assert standing(connection, "supplier_capacity") == (at, poison)
        past.dispose()


# Moments.


def append_at(ledger: BareLedger, moment: datetime, events: list[Event]) -> int:
    """Append events recorded at a moment, in a group that is closed a second later."""
    dated = [
        replace(each, provenance=replace(each.provenance, recorded_at=moment)) for each in events
    ]
    return ledger.append(dated, moment + timedelta(seconds=1))


def test_a_time_means_the_last_position_before_what_came_after_it(
    ledger: BareLedger, life: Life
) -> None:
    hour = timedelta(hours=1)
    opened = append_at(ledger, RECORDED_AT, life.open())
    first = append_at(ledger, RECORDED_AT + hour, life.book("R-1", "ACME"))
    second = append_at(ledger, RECORDED_AT + hour, life.book("R-2", "ACME"))  # the same moment
    head = append_at(ledger, RECORDED_AT + 2 * hour, life.book("R-3", "ACME"))
    moments = (
        (RECORDED_AT - hour, 0),
        (RECORDED_AT, opened),
        (RECORDED_AT + hour - timedelta(microseconds=1), opened),
        (RECORDED_AT + hour, second),
        (RECORDED_AT + 2 * hour, head),
        (RECORDED_AT + 9 * hour, head),
    )
    for moment, expected in moments:
        assert ledger.log.position_at(moment) == expected, moment
    assert first < second


def test_a_time_before_positions_that_were_never_used(postgres_ledger: Any, life: Life) -> None:
    opened = append_at(postgres_ledger, RECORDED_AT, life.open())
    postgres_ledger.skip_positions(5)
    append_at(postgres_ledger, RECORDED_AT + timedelta(hours=1), life.book("R-1", "ACME"))
    assert postgres_ledger.log.position_at(RECORDED_AT) == opened


def test_the_past_of_an_empty_ledger_is_empty(ledger: BareLedger, tmp_path: Path) -> None:
    assert set(map(len, past_rows(pasts(ledger, tmp_path), 0).values())) == {0}
    engine = open_past(pasts(ledger, tmp_path).at(0))
    with engine.connect() as connection:
        assert position(connection) == 0
    engine.dispose()
