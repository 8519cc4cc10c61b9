"""Where the ledger of a capacity file lies, and what becomes of the file without it."""

from pathlib import Path

import pytest

from interfaces.files.errors import CapacityFileInvalid, CapacityNotKept
from interfaces.files.keeper import KEEPER
from tests.interfaces.files.calling import ACME, update
from tests.interfaces.files.conftest import Desk


def test_the_ledger_lies_beside_the_file_and_is_no_json(desk: Desk) -> None:
    update(desk, ACME)
    KEEPER.close()
    names = sorted(each.name for each in desk.capacity.parent.iterdir())
    assert names == [".demo.json.lock", ".demo.ledger.db", ".demo.views.db", "demo.json"]


def test_in_postgres_a_file_outside_the_data_folder_has_a_scenario_of_its_own(
    any_desk: Desk, tmp_path: Path
) -> None:
    other, hidden = Desk(tmp_path / "elsewhere"), Desk(tmp_path / ".hidden" / ("x" * 210))
    hidden.capacity = hidden.capacity.with_name(f"{'ë' * 90}.json")
    for each in (any_desk, other, other, hidden):
        update(each, ACME)
    assert (any_desk.used(), other.used(), hidden.used()) == (1, 2, 1)


@pytest.mark.parametrize("name", ["a\nb", "b\udcff"])
def test_in_postgres_a_path_that_cannot_be_stored_is_named(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("CAPACITY_DATABASE_URL", "postgresql://nobody@localhost/never-asked")
    other = Desk(tmp_path / name)
    with pytest.raises(CapacityFileInvalid, match="a path of printable characters is needed"):
        update(other, ACME)


def test_a_postgres_without_tables_is_named(
    desk: Desk, postgres_url: str, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    request.addfinalizer(KEEPER.close)
    monkeypatch.setenv("CAPACITY_DATABASE_URL", postgres_url)
    with pytest.raises(CapacityNotKept, match="capacity migrate"):
        update(desk, ACME)
    assert not desk.capacity.exists()


def test_the_views_may_be_deleted(desk: Desk) -> None:
    update(desk, ACME)
    KEEPER.close()
    (desk.capacity.parent / ".demo.views.db").unlink()
    update(desk, ACME)
    assert desk.used() == 2
    assert desk.history().count("capacity_file_imported") == 1


def test_the_ledger_may_be_deleted(desk: Desk) -> None:
    update(desk, ACME)
    KEEPER.close()
    (desk.capacity.parent / ".demo.ledger.db").unlink()
    update(desk, ACME)
    assert desk.used() == 2
    assert desk.counted() == [
        "capacity_file_imported",
        "usage_imported",
        "usage_imported",
        "slot_booked",
    ]
