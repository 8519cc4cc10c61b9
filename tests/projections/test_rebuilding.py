"""Rebuilding beside the live version: what it leaves, what it refuses, and what it goes on from."""

from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import Engine, inspect, text, update

from projections import catching_up, closing
from projections.beside import Copy, Overtaken, RebuildRefused, projection_copies
from projections.building import Manner, Stage
from projections.closing import LiveBehind, OtherShape, Wish
from projections.database import VersionReplaced
from projections.folding import EventFailed
from projections.holding import RebuildUnderWay
from projections.leases import Holder, acquire
from projections.projector import Projector
from projections.rebuilding import (
    LacksEvents,
    NothingThere,
    OtherRules,
    Rebuilt,
    drop,
    rebuild_here,
    switch_to,
    versions_beside,
)
from projections.supplier_capacity import capacities, matches_table
from projections.workers import Sources
from tests.projections.conftest import (
    PROJECTIONS,
    SUPPLIERS,
    BareLedger,
    Life,
    positions_of,
    rows_of,
)

NAME = "supplier_capacity"

NOW = PROJECTIONS[0].version
NEXT = NOW + 1


class Desk:
    """A ledger with some bookings, its live read models, and rebuilds of them."""

    def __init__(self, ledger: BareLedger, life: Life, folder: Path) -> None:
        self.ledger, self.life, self.folder = ledger, life, folder / "spools"
        self.engine: Engine = ledger.engine()
        self.projector: Projector = ledger.projector(self.engine)
        ledger.append(life.open())
        self.book(8)
        self.projector.catch_up()

    @property
    def sources(self) -> Sources:
        return Sources(self.ledger.log, self.engine, PROJECTIONS)

    def book(self, many: int, begin: int = 0) -> int:
        groups = (
            self.life.book(f"R-{number}", SUPPLIERS[number % 3])
            for number in range(begin, begin + many)
        )
        return [self.ledger.append(group) for group in groups][-1]

    def rebuild(
        self,
        wish: Wish = Wish(),  # noqa: B008 - it never changes
        *,
        at: Callable[[Stage, int, int], object] = lambda stage, done, total: None,
        anew: bool = False,
    ) -> Rebuilt:
        how = Manner(folder=self.folder, checkpoint_positions=4, anew=anew)
        return rebuild_here(
            self.ledger.log, self.engine, PROJECTIONS, [NAME], manner=how, wish=wish, tell=at
        )

    def beside(self) -> dict[str, Copy]:
        return {copy.place: copy for copy in versions_beside(self.engine)}

    def spoil(self) -> None:
        """Make the live rows wrong in three ways: one changed, one more, one less."""
        with self.engine.begin() as connection:
            connection.execute(
                update(capacities).where(capacities.c.supplier == "ACME").values(used_slots=77)
            )
            rows = connection.execute(matches_table.select()).all()
            gone = min(rows, key=lambda row: row.registration_id)
            connection.execute(
                matches_table.delete().where(matches_table.c.booking_id == gone.booking_id)
            )
            more = gone._asdict() | {"booking_id": bytes(16), "registration_id": "R-never"}
            connection.execute(matches_table.insert().values(more))


@pytest.fixture
def desk(ledger: BareLedger, life: Life, tmp_path: Path) -> Desk:
    """A ledger with eight bookings, all of them projected."""
    return Desk(ledger, life, tmp_path)


class Killed(BaseException):
    """What ends a rebuild in the middle, as a kill does: nothing may be tidied up because of it."""


def killing(stage: Stage, share: float = 0.0) -> Callable[[Stage, int, int], object]:
    def at(now: Stage, done: int, total: int) -> None:
        if now == stage and done >= share * total:
            raise Killed

    return at


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


def test_the_kept_version_catches_up_before_it_is_switched_back_to(desk: Desk) -> None:
    desk.rebuild()
    desk.projector.catch_up()
    head = desk.book(5, begin=8)
    desk.projector.catch_up()
    live = rows_of(desk.engine)
    assert switch_to(desk.sources, [NAME], "before").positions == {NAME: head}
    assert rows_of(desk.engine) == live
    assert positions_of(desk.engine) == {NAME: head}


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


def applied_of(engine: Engine) -> list[tuple[int, int]]:
    with engine.connect() as connection:
        sql = "SELECT applied_events, applied_digest FROM projection_positions"
        return [(events, digest) for events, digest in connection.execute(text(sql))]


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


@pytest.mark.parametrize("stage", ["reading", "indexing", "following", "switching"])
def test_a_rebuild_that_ends_in_the_middle_changes_nothing_and_goes_on(
    desk: Desk, stage: Stage
) -> None:
    right = rows_of(desk.engine)
    desk.spoil()
    wrong, wish = rows_of(desk.engine), Wish()
    if stage == "following":  # as it was far away when it was switched to
        desk.rebuild(Wish(until=6))
    with pytest.raises(Killed):
        desk.rebuild(wish, at=killing(stage, 0.5 if stage == "reading" else 0))
    assert rows_of(desk.engine) == wrong
    begun = desk.beside()["next"]
    reads: list[int] = []
    desk.rebuild(wish, at=lambda now, done, total: reads.append(done) if now == "reading" else None)
    if stage == "reading":
        assert reads[0] == 0
        assert reads[1] > 4  # the first page is that after the checkpoint
    else:
        assert reads in ([], [begun.stop_position])
    assert rows_of(desk.engine) == right
    assert not desk.folder.exists()


def test_one_that_was_left_may_begin_anew(desk: Desk) -> None:
    with pytest.raises(Killed):
        desk.rebuild(at=killing("reading", 0.5))
    begun = desk.beside()["next"].rebuild_id
    reads: list[int] = []
    desk.rebuild(
        Wish(switch=False),
        anew=True,
        at=lambda now, done, total: reads.append(done) if now == "reading" else None,
    )
    assert desk.beside()["next"].rebuild_id != begun
    assert reads[1] <= 4


def test_a_spool_that_is_gone_makes_it_begin_anew(desk: Desk) -> None:
    right = rows_of(desk.engine)
    with pytest.raises(Killed):
        desk.rebuild(at=killing("reading", 0.5))
    for path in desk.folder.rglob("part-*"):
        path.unlink()
    desk.rebuild()
    assert rows_of(desk.engine) == right


def test_a_damaged_spool_is_noticed(desk: Desk) -> None:
    with pytest.raises(Killed):
        desk.rebuild(at=killing("reading", 0.5))
    for path in desk.folder.rglob("part-*"):
        path.write_bytes(path.read_bytes()[:-1] + b"?")
    with pytest.raises(RebuildRefused, match="is damaged; begin the rebuild anew with --anew"):
        desk.rebuild()
    assert desk.rebuild(anew=True).switched


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


def test_a_second_rebuild_is_refused_and_names_the_first(desk: Desk) -> None:
    other = Holder("far.example.org", "", 7, 0)
    with desk.engine.begin() as connection:
        acquire(connection, f"rebuilding {NAME}", holder=other)
    for work in (
        desk.rebuild,
        lambda: switch_to(desk.sources, [NAME], "before"),
        lambda: drop(desk.sources, [NAME]),
    ):
        with pytest.raises(RebuildUnderWay, match=r"by process 7 on far\.example\.org"):
            work()


@pytest.mark.parametrize("guarded", [True, False])
def test_one_that_was_taken_over_writes_no_more(
    desk: Desk, guarded: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other has a new epoch. Without the guard both write, and each row is there twice."""
    from projections import parts

    if not guarded:
        monkeypatch.setattr(parts, "check_copies", lambda connection, copies: None)

    def overtake(stage: Stage, done: int, total: int) -> None:
        if stage == "reading" and done:
            with desk.engine.begin() as connection:
                connection.execute(projection_copies.update().values(epoch=99))

    with pytest.raises(Overtaken):
        desk.rebuild(at=overtake)
    with desk.engine.connect() as connection:
        written = connection.scalar(text("SELECT count(*) FROM matches__next"))
    assert bool(written) is not guarded


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


def test_rebuilding_with_nothing_named_takes_all(desk: Desk) -> None:
    sources = desk.sources
    with nullcontext():
        done = rebuild_here(sources.log, sources.engine, PROJECTIONS)
    assert done.projections == tuple(each.name for each in PROJECTIONS)


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
