"""Pasts are kept as files: from checkpoint to checkpoint, within limits, the oldest go first."""

import os
import threading
from pathlib import Path

import pytest

from projections.past_files import PastFiles
from tests.projections.conftest import PROJECTIONS, BareLedger, Life
from tests.projections.pasts import Rows, Watched, booked, past_rows, pasts


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
