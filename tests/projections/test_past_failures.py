"""A past is whole or absent, whatever stands in its way."""

from pathlib import Path
from uuid import UUID

import pytest

from projections.database import standing
from projections.folding import Fold
from projections.parking import parked_of
from projections.past import PastFailed, open_past
from projections.past_files import PastStopped
from tests.projections.conftest import BareLedger, Life, rows_of
from tests.projections.pasts import booked, past_rows, pasts, small_disk


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
