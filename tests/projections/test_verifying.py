"""Verifying: a skipped position is found by the digest, a lost effect by comparing rows."""

import asyncio
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import delete, select, update

from projections import verifying
from projections.completeness import Applied, applied
from projections.database import projection_positions
from projections.leases import lease_statuses
from projections.log import LogRow
from projections.projector import Projector, UnknownProjection
from projections.retrying import Overtaken
from projections.supplier_capacity import matches_table
from projections.turns import FOLLOWING, take_following
from projections.verifying import RowDifference, Verification
from tests.projections.conftest import PROJECTIONS, BareLedger, Life

NEVER = 3_600.0


def filled(ledger: BareLedger, life: Life, bookings: int = 6) -> int:
    ledger.append(life.open())
    return [ledger.append(life.book(f"R-{number}", "ACME")) for number in range(bookings)][-1]


class Skipping:
    """A log that loses one event on the way to the projector, as a gap that is filled late does."""

    def __init__(self, log: Any, position: int) -> None:
        self._log, self._position = log, position

    def __getattr__(self, name: str) -> object:
        return getattr(self._log, name)

    def page(self, after: int, up_to: int) -> list[LogRow]:
        return [row for row in self._log.page(after, up_to) if row[0] != self._position]


def verified_at(projector: Projector) -> tuple[int | None, int | None]:
    columns = projection_positions.c
    with projector._engine.connect() as connection:
        found = select(columns.verified_at_us, columns.verified_position)
        at_us, position = connection.execute(found).one()
        return at_us, position


def test_what_was_read_whole_is_found_complete(ledger: BareLedger, life: Life) -> None:
    head = filled(ledger, life)
    projector = ledger.projector(page_events=3)
    projector.catch_up()
    assert verified_at(projector) == (None, None)
    (found,) = projector.verify()
    assert found == Verification("supplier_capacity", head, head, head, True, 0, False, 0, ())
    at_us, position = verified_at(projector)
    assert position == head
    (deep,) = projector.verify(["supplier_capacity"], deep=True)
    assert (deep.sound, deep.deep, deep.examples) == (True, True, ())
    projector.rebuild()
    (rebuilt,) = projector.verify()
    assert rebuilt == found
    assert (verified_at(projector)[0] or 0) > (at_us or 0)


def test_a_skipped_position_is_found_by_the_digest(ledger: BareLedger, life: Life) -> None:
    head = filled(ledger, life)
    engine = ledger.engine()
    skipping: Any = Skipping(ledger.log, head - 2)
    Projector(skipping, engine, PROJECTIONS).catch_up()
    projector = ledger.projector(engine)
    (found,) = projector.verify()
    assert (found.complete, found.sound) == (False, False)
    assert (found.read_events, found.log_events) == (head - 1, head)
    assert verified_at(projector) == (None, None)


def test_an_event_read_in_the_place_of_another_is_found_too(ledger: BareLedger, life: Life) -> None:
    """The count alone would not tell: the negative control of the digest."""
    filled(ledger, life)
    engine = ledger.engine()
    projector = ledger.projector(engine)
    projector.catch_up()
    columns = projection_positions.c
    with engine.begin() as connection:
        connection.execute(
            update(projection_positions).values(applied_digest=columns.applied_digest + 1)
        )
    (found,) = projector.verify()
    assert found.read_events == found.log_events
    assert not found.complete


def test_a_lost_effect_is_found_by_comparing_rows(ledger: BareLedger, life: Life) -> None:
    filled(ledger, life)
    engine = ledger.engine()
    projector = ledger.projector(engine)
    projector.catch_up()
    columns = matches_table.c
    with engine.begin() as connection:
        connection.execute(delete(matches_table).where(columns.registration_id == "R-1"))
        changed = update(matches_table).where(columns.registration_id == "R-2")
        connection.execute(changed.values(zip_code="00000"))
        row = connection.execute(
            select(matches_table).where(columns.registration_id == "R-3")
        ).one()
        another = {**row._mapping, "booking_id": b"\x01" * 16}
        connection.execute(matches_table.insert().values(another))
    assert projector.verify()[0].sound  # the digest knows nothing of rows: the negative control
    (found,) = projector.verify(deep=True)
    assert (found.complete, found.sound, found.different_rows) == (True, False, 3)
    kinds = {(each.found is None, each.expected is None) for each in found.examples}
    assert kinds == {(True, False), (False, False), (False, True)}
    (different,) = (each for each in found.examples if each.found and each.expected)
    assert different == RowDifference(
        "matches", different.key, {"zip_code": "'00000'"}, {"zip_code": "'55407'"}
    )


def test_whoever_follows_stands_by_while_rows_are_compared(
    ledger: BareLedger, life: Life, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = ledger.engine()
    follower, other = ledger.projector(engine), ledger.projector(ledger.engine())
    first = filled(ledger, life)
    follower.start()
    assert asyncio.run(follower.passed(first, timeout_seconds=30))
    seen: list[int] = []

    def between(self: Any, projection: Any) -> None:
        seen.append(ledger.append(life.book("R-meanwhile", "iSoalr")))
        with engine.connect() as connection:
            (lease,) = lease_statuses(connection, FOLLOWING)
            seen.append(lease.epoch)
        run(self, projection)

    run = verifying._Comparison.run
    monkeypatch.setattr(verifying._Comparison, "run", between)
    (found,) = other.verify(deep=True)
    assert (found.sound, found.position) == (True, first)
    second, epoch = seen
    assert asyncio.run(follower.passed(second, timeout_seconds=30))
    assert follower._turn.epoch > epoch
    follower.stop()


def test_a_comparison_that_another_wrote_into_says_nothing(
    ledger: BareLedger, life: Life, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled(ledger, life)
    engine = ledger.engine()
    projector = ledger.projector(engine)
    projector.catch_up()

    def overtaken(self: Any, projection: Any) -> None:
        with engine.begin() as connection:
            take_following(connection, PROJECTIONS, ttl_seconds=NEVER, seize=True)

    monkeypatch.setattr(verifying._Comparison, "run", overtaken)
    with pytest.raises(Overtaken):
        projector.verify(deep=True)
    assert verified_at(projector) == (None, None)


def test_what_was_skipped_is_skipped_in_the_comparison_too(ledger: BareLedger, life: Life) -> None:
    ledger.append(life.open())
    poison = ledger.append_rows([(UUID(int=99), 1, "suppliers.never_heard_of", b"{}")])
    ledger.append(life.book("R-1", "ACME"))
    projector = ledger.projector()
    projector.catch_up()
    (parked,) = projector.verify(deep=True)
    assert (parked.sound, parked.parked) == (True, 1)
    projector.retry("supplier_capacity", position=poison, skip=True)
    (skipped,) = projector.verify(deep=True)
    assert (skipped.sound, skipped.parked) == (True, 0)


def test_only_known_projections_are_verified(ledger: BareLedger) -> None:
    with pytest.raises(UnknownProjection):
        ledger.projector().verify(["week_hours"])


events = st.lists(
    st.tuples(st.integers(1, 2**40), st.binary(min_size=16, max_size=16), st.integers(1, 2**20)),
    unique=True,
)


@given(found=events, split=st.integers(0, 50), seed=st.randoms())
def test_the_digest_knows_no_pages_and_no_order(
    found: list[tuple[int, bytes, int]], split: int, seed: Any
) -> None:
    rows: list[LogRow] = [(*each, "topic", b"{}") for each in found]
    whole = applied(rows)
    seed.shuffle(rows)
    assert applied(rows[:split]) + applied(rows[split:]) == whole
    assert applied([]) == Applied()
    if rows:
        assert applied(rows[1:]) != whole
