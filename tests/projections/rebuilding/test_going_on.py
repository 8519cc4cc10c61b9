"""A rebuild that ends in the middle changes nothing and goes on, one at a time."""

import pytest
from sqlalchemy import text

from projections.beside import Overtaken, RebuildRefused, projection_copies
from projections.building import Stage
from projections.closing import Wish
from projections.holding import RebuildUnderWay
from projections.leases import Holder, acquire
from projections.rebuilding import drop, switch_to
from tests.projections.conftest import rows_of
from tests.projections.rebuilding.conftest import NAME, Desk, Killed, killing


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
