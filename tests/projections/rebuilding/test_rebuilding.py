"""Rebuilding beside the live version: what it leaves, and that following goes on from it."""

from contextlib import nullcontext
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import inspect, text

from projections import catching_up, closing
from projections.building import Manner, Stage
from projections.closing import Wish
from projections.folding import EventFailed
from projections.rebuilding import Rebuilt, rebuild_here, switch_to
from tests.projections.conftest import PROJECTIONS, BareLedger, Life, positions_of, rows_of
from tests.projections.rebuilding.conftest import NAME, Desk, applied_of


def test_rows_are_mended_the_old_ones_are_kept_and_can_be_had_back(desk: Desk) -> None:
    right = rows_of(desk.engine)
    desk.spoil()
    wrong = rows_of(desk.engine)
    position = desk.ledger.log.head()
    rebuilt = desk.rebuild()
    assert rebuilt == Rebuilt((NAME,), {NAME: position}, switched=True)
    assert rows_of(desk.engine) == right
    assert desk.beside()["before"].position == position
    switch_to(desk.sources, [NAME], "before")
    assert rows_of(desk.engine) == wrong
    switch_to(desk.sources, [NAME], "before")  # undo the undo
    assert rows_of(desk.engine) == right


def test_following_goes_on_after_a_switch_and_counts_what_it_applied(desk: Desk) -> None:
    for _ in range(3):  # tables and indexes change places again and again
        desk.rebuild()
        desk.book(2, begin=desk.ledger.log.head())
        desk.projector.catch_up()
    followed = rows_of(desk.engine)
    counted = applied_of(desk.engine)
    desk.rebuild()
    assert rows_of(desk.engine) == followed
    assert applied_of(desk.engine) == counted


def test_indexes_and_keys_are_those_of_the_tables(desk: Desk) -> None:
    def shapes() -> list[object]:
        found = inspect(desk.engine)
        return [
            (
                table.name,
                found.get_pk_constraint(table.name)["constrained_columns"],
                sorted(str(index["column_names"]) for index in found.get_indexes(table.name)),
            )
            for table in PROJECTIONS[0].rows
        ]

    before = shapes()
    desk.rebuild()
    assert shapes() == before


def test_until_builds_up_to_there_and_leaves_it(desk: Desk) -> None:
    rebuilt = desk.rebuild(Wish(until=7))  # within a group, which then is left out
    assert (rebuilt.positions, rebuilt.switched) == ({NAME: 6}, False)
    live = rows_of(desk.engine)
    assert switch_to(desk.sources, [NAME], "next").switched  # from there it catches up
    assert rows_of(desk.engine) == live


def test_only_one_line_is_replaced(desk: Desk) -> None:
    desk.ledger.append(desk.life.publish(line="roof"))
    desk.ledger.append(desk.life.publish())
    desk.projector.catch_up()
    right = rows_of(desk.engine)
    with desk.engine.begin() as connection:
        connection.execute(text("UPDATE offers_publications SET reason = 'wrong'"))
    assert desk.rebuild(Wish(only=("line", "roof"))).switched
    rows = rows_of(desk.engine)["offers_publications"]
    reasons = {row[0]: row[7] for row in rows}
    assert reasons == {"roof": "a test", "sbus": "wrong"}
    assert desk.rebuild(Wish(only=("line", "sbus"))).switched
    assert rows_of(desk.engine) == right
    assert desk.beside() == {}  # it was only lent
    desk.book(2, begin=8)
    desk.projector.catch_up()  # what was remembered of the rows is not taken for true any more
    followed = rows_of(desk.engine)
    desk.rebuild()
    assert rows_of(desk.engine) == followed


def test_an_empty_ledger_is_rebuilt_to_nothing(ledger: BareLedger, tmp_path: Path) -> None:
    engine = ledger.engine()
    projector = ledger.projector(engine)
    for jobs in (1, 2):
        manner = Manner(folder=tmp_path, jobs=jobs)
        done = rebuild_here(ledger.log, engine, PROJECTIONS, manner=manner)
        assert (done.positions, done.switched) == ({NAME: 0}, True)
    assert projector.catch_up() == 0


def test_read_models_that_were_never_made_are_built(ledger: BareLedger, life: Life) -> None:
    head = ledger.append(life.open())
    engine = ledger.engine()
    assert rebuild_here(ledger.log, engine, PROJECTIONS).switched
    assert ledger.projector(engine).catch_up() == head
    assert len(rows_of(engine)["scenarios"]) == 1


def test_what_is_far_behind_is_built_up_to_the_head(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(closing, "FAR_POSITIONS", 2)
    right = rows_of(desk.engine)
    head = desk.book(4, begin=8)
    assert desk.rebuild().positions == {NAME: head}
    assert rows_of(desk.engine) != right
    assert positions_of(desk.engine) == {NAME: head}


def test_an_event_that_cannot_be_read_changes_nothing(desk: Desk) -> None:
    poison = desk.ledger.append_rows([(UUID(int=99), 1, "suppliers.never_heard_of", b"{}")])
    desk.projector.catch_up()  # following has parked it
    rows, positions = rows_of(desk.engine), positions_of(desk.engine)
    with pytest.raises(EventFailed, match=f"suppliers.never_heard_of at position {poison}"):
        desk.rebuild()
    assert (rows_of(desk.engine), positions_of(desk.engine)) == (rows, positions)


def test_what_people_skipped_is_left_out(desk: Desk) -> None:
    poison = desk.ledger.append_rows([(UUID(int=99), 1, "suppliers.never_heard_of", b"{}")])
    desk.book(2, begin=8)
    desk.projector.catch_up()
    desk.projector.retry(NAME, position=poison, skip=True)
    followed, counted = rows_of(desk.engine), applied_of(desk.engine)
    desk.rebuild()
    assert rows_of(desk.engine) == followed
    assert applied_of(desk.engine) == counted


def test_rebuilding_with_nothing_named_takes_all(desk: Desk) -> None:
    sources = desk.sources
    with nullcontext():
        done = rebuild_here(sources.log, sources.engine, PROJECTIONS)
    assert done.projections == tuple(each.name for each in PROJECTIONS)


def test_events_that_arrive_faster_than_they_are_read_do_not_keep_it_from_ending(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each page that is read brings more than a page, and the follower takes all of it at once."""
    monkeypatch.setattr(closing, "MOST_ROUNDS", 3)
    monkeypatch.setattr(closing, "PAGE_POSITIONS", 2)
    monkeypatch.setattr(catching_up, "PAGE_POSITIONS", 2)
    steps = 0

    def more(stage: Stage, done: int, total: int) -> None:
        nonlocal steps
        steps += 1
        if stage == "following" and steps < 5_000:
            for slots in range(3):
                desk.ledger.append(desk.life.change_capacity("ACME", 1_000 + 3 * steps + slots))
            # While it stands by it is not its turn.
            while desk.projector._turn.taken() and desk.projector._step(1_000):
                pass

    desk.rebuild(Wish(until=4))
    assert switch_to(desk.sources, [NAME], "next", tell=more).switched
    assert steps < 5_000
    desk.projector.catch_up()
    followed = rows_of(desk.engine)
    desk.rebuild()
    assert rows_of(desk.engine) == followed
