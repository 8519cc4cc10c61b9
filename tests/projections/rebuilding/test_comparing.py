"""A rebuild that verifies tells every difference, and switches only where there is none."""

import pytest

from projections import closing
from projections.closing import LiveBehind, Wish
from projections.rebuilding import switch_to
from tests.projections.conftest import rows_of
from tests.projections.rebuilding.conftest import NAME, Desk


def test_verifying_tells_every_difference_and_does_not_switch(desk: Desk) -> None:
    right = rows_of(desk.engine)
    desk.spoil()
    wrong = rows_of(desk.engine)
    rebuilt = desk.rebuild(Wish(verify=True))
    assert not rebuilt.switched
    assert rows_of(desk.engine) == wrong
    (found,) = rebuilt.differences
    tables = {each.table: each for each in found.tables}
    assert set(tables) == {"matches", "supplier_capacity"}
    matches, counts = tables["matches"], tables["supplier_capacity"]
    assert (matches.only_live, matches.only_rebuilt, matches.different) == (1, 1, 0)
    assert (counts.only_live, counts.only_rebuilt, counts.different) == (0, 0, 1)
    assert counts.columns == {"used_slots": 1}
    (example,) = counts.examples
    assert (example.live, example.rebuilt) == ({"used_slots": 77}, {"used_slots": 2})
    assert {side.key["booking_id"] for side in matches.examples} >= {bytes(16).hex()}
    # The events of the spoiled count, and the one of the booking that is gone.
    assert [each.topic for each in found.events] == [
        "suppliers.capacity_opened",
        "suppliers.booked",
        "suppliers.slot_booked",
        "suppliers.slot_booked",
    ]
    assert desk.rebuild(Wish(verify=True, switch=True)).switched
    assert rows_of(desk.engine) == right


def test_verifying_finds_nothing_where_there_is_nothing_and_switches(desk: Desk) -> None:
    rebuilt = desk.rebuild(Wish(verify=True))
    assert rebuilt.switched
    (found,) = rebuilt.differences
    assert (found.rows, found.events, found.position) == (0, (), desk.ledger.log.head())


def test_what_is_live_further_back_cannot_be_compared(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.book(3, begin=8)  # nobody follows
    monkeypatch.setattr(closing, "FAR_POSITIONS", 0)
    desk.rebuild(Wish(switch=False))
    with pytest.raises(LiveBehind, match="run its projector first"):
        switch_to(desk.sources, [NAME], "next", wish=Wish(verify=True))
    desk.projector.catch_up()
    assert switch_to(desk.sources, [NAME], "next", wish=Wish(verify=True)).switched
