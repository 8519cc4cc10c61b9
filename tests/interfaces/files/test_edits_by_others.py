"""What others do to a capacity file between two calls is taken over, or refused."""

import pytest

from interfaces.files.errors import CapacityFileEdited
from tests.interfaces.files.calling import ACME, update
from tests.interfaces.files.conftest import Desk, plain


def test_an_edit_between_two_calls_is_adopted(any_desk: Desk) -> None:
    update(any_desk, ACME)
    any_desk.put(plain("ACME", 9, 7) | plain("BETA", 1, 0))
    update(any_desk, ACME)
    update(any_desk, {"supplier_id": "BETA"})
    assert any_desk.shown == plain("ACME", 9, 8) | plain("BETA", 1, 1)
    assert any_desk.history().count("capacity_file_imported") == 2


def test_a_file_that_was_deleted_begins_anew(any_desk: Desk) -> None:
    match = ACME | {"registration_id": "R1"}
    update(any_desk, match)
    any_desk.capacity.unlink()
    any_desk.offer(ACME=3)
    update(any_desk, match)
    assert any_desk.shown == plain("ACME", 3, 1)
    assert any_desk.history().count("slot_booked") == 2


def test_edits_can_be_refused(any_desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    any_desk.put(plain("ACME", 9, 7))
    monkeypatch.setenv("CAPACITY_EDITED_FILES", "refuse")
    update(any_desk, ACME)  # a file that was never ours is adopted all the same
    ours = any_desk.capacity.read_bytes()
    edited = any_desk.put(plain("ACME", 9, 0))
    with pytest.raises(CapacityFileEdited, match=r"edited since .*CAPACITY_EDITED_FILES=refuse"):
        update(any_desk, ACME)
    assert any_desk.capacity.read_bytes() == edited
    any_desk.put(ours)
    update(any_desk, ACME)
    assert any_desk.used() == 9
    any_desk.capacity.unlink()
    with pytest.raises(CapacityFileEdited, match="deleted since"):
        update(any_desk, ACME)
