"""Versions beside the live one: they wait, catch up, are dropped, or may not be switched to."""

import pytest
from sqlalchemy import Engine, inspect, text

from projections.closing import OtherShape, Wish
from projections.database import VersionReplaced
from projections.rebuilding import LacksEvents, NothingThere, OtherRules, drop, switch_to
from tests.projections.conftest import PROJECTIONS, positions_of, rows_of
from tests.projections.rebuilding.conftest import NAME, NEXT, NOW, Desk


def test_the_kept_version_catches_up_before_it_is_switched_back_to(desk: Desk) -> None:
    desk.rebuild()
    desk.projector.catch_up()
    head = desk.book(5, begin=8)
    desk.projector.catch_up()
    live = rows_of(desk.engine)
    assert switch_to(desk.sources, [NAME], "before").positions == {NAME: head}
    assert rows_of(desk.engine) == live
    assert positions_of(desk.engine) == {NAME: head}


def test_a_version_that_is_not_switched_to_waits_and_can_be_switched_to_later(desk: Desk) -> None:
    right = rows_of(desk.engine)
    desk.spoil()
    rebuilt = desk.rebuild(Wish(switch=False))
    assert not rebuilt.switched
    assert rows_of(desk.engine) != right
    head = desk.book(2, begin=8)
    desk.projector.catch_up()
    assert switch_to(desk.sources, [NAME], "next").positions == {NAME: head}
    live = rows_of(desk.engine)
    desk.rebuild()
    assert rows_of(desk.engine) == live
    with pytest.raises(NothingThere, match="`capacity projections rebuild` builds one"):
        switch_to(desk.sources, [NAME], "next")


def test_a_version_that_is_dropped_leaves_nothing(desk: Desk) -> None:
    before = set(inspect(desk.engine).get_table_names())
    desk.rebuild(Wish(switch=False))
    drop(desk.sources, [NAME], folder=desk.folder)
    drop(desk.sources, [NAME], folder=desk.folder)  # quiet the second time
    assert set(inspect(desk.engine).get_table_names()) == before
    assert desk.beside() == {}
    with pytest.raises(NothingThere, match="no earlier version of it is kept"):
        switch_to(desk.sources, [NAME], "before")


def test_a_kept_version_of_other_rules_is_not_switched_back_to(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when a new program has rebuilt what an older one follows."""
    monkeypatch.setattr(PROJECTIONS[0], "version", NEXT)
    assert desk.rebuild().switched
    with pytest.raises(OtherRules, match=f"undo it with the program that has version {NOW}"):
        switch_to(desk.sources, [NAME], "before")


def test_a_kept_version_that_lacks_events_is_not_switched_back_to(desk: Desk) -> None:
    with desk.engine.begin() as connection:
        sql = "UPDATE projection_copies SET state = 'incomplete' WHERE place = 'before'"
        connection.execute(text(sql))
    desk.rebuild()
    with desk.engine.begin() as connection:
        connection.execute(text(sql))
    with pytest.raises(LacksEvents, match="rebuild instead"):
        switch_to(desk.sources, [NAME], "before")


def test_a_version_that_is_built_is_not_lost_when_the_process_opens_anew(desk: Desk) -> None:
    desk.rebuild(Wish(switch=False))
    again = desk.ledger.projector(desk.ledger.engine())
    again.catch_up()
    assert switch_to(desk.sources, [NAME], "next").switched


def test_a_new_program_builds_its_version_while_the_older_one_stays_live(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    older = desk.projector
    live = rows_of(desk.engine)
    monkeypatch.setattr(PROJECTIONS[0], "version", NEXT)
    desk.rebuild(Wish(switch=False))
    assert (rows_of(desk.engine), versions_of(desk.engine)) == (live, [NOW])
    with pytest.raises(OtherShape, match=f"is live at version {NOW}, the new one has {NEXT}"):
        switch_to(desk.sources, [NAME], "next", wish=Wish(verify=True))
    assert switch_to(desk.sources, [NAME], "next").switched
    assert (rows_of(desk.engine), versions_of(desk.engine)) == (live, [NEXT])
    desk.book(1, begin=8)
    monkeypatch.setattr(PROJECTIONS[0], "version", NOW)
    with pytest.raises(VersionReplaced, match=f"is no longer at version {NOW}: another runs it"):
        older.catch_up()


def versions_of(engine: Engine) -> list[int]:
    with engine.connect() as connection:
        return list(connection.scalars(text("SELECT version FROM projection_positions")))
