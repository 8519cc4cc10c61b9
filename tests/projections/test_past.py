"""A past is the read side as it stood: equal to the live one at that position, whole or absent."""

import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections.past import open_past
from projections.past_files import PastFiles
from projections.supplier_capacity import position
from tests.projections.conftest import PROJECTIONS, BareLedger, Life, rows_of
from tests.projections.pasts import Watched, lived, past_rows, pasts
from tests.projections.test_projector import FEW, wishes


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


def test_the_past_of_an_empty_ledger_is_empty(ledger: BareLedger, tmp_path: Path) -> None:
    assert set(map(len, past_rows(pasts(ledger, tmp_path), 0).values())) == {0}
    engine = open_past(pasts(ledger, tmp_path).at(0))
    with engine.connect() as connection:
        assert position(connection) == 0
    engine.dispose()
