"""Leases: one runner writes at a time, and one that was paused past its lease writes no more."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import Engine

from projections.leases import (
    Holder,
    Lease,
    LeaseHeld,
    LeaseStatus,
    acquire,
    lease_statuses,
    projection_leases,
    release,
    renew,
    this_process,
)
from projections.projector import NotFollowed
from projections.turns import FOLLOWING, paused, take_following
from tests.projections.conftest import (
    PROJECTIONS,
    BareLedger,
    BareSqlite,
    Life,
    positions_of,
    rows_of,
)

LEASE_SECONDS = 0.5
ELSEWHERE = Holder("far.example.org", "", 7, 0)
NEVER = 3_600.0


@pytest.fixture
def engine(ledger: BareLedger) -> Engine:
    """Read models in which nobody has followed yet."""
    engine = ledger.engine()
    ledger.projector(engine)
    return engine


def taken(engine: Engine, holder: Holder = ELSEWHERE, **options: float) -> Lease | LeaseHeld:
    with engine.begin() as connection:
        return acquire(connection, "work", holder=holder, **options)  # type: ignore[arg-type] # mine is whole


def test_a_lease_is_had_by_one_and_named_to_the_other(engine: Engine) -> None:
    first = taken(engine)
    assert first == Lease("work", 1, 10.0)
    second = taken(engine, this_process())
    assert isinstance(second, LeaseHeld)
    assert second.holder == ELSEWHERE
    assert 0 < second.left_seconds <= 10
    assert str(second.holder) == "process 7 on far.example.org"


def test_a_lease_given_back_is_free_at_once(engine: Engine) -> None:
    first = taken(engine)
    assert isinstance(first, Lease)
    with engine.begin() as connection:
        release(connection, first)
        (status,) = lease_statuses(connection)
        assert not status.held
    assert taken(engine) == Lease("work", 2, 10.0)


def test_a_lease_that_lapsed_cannot_be_renewed_once_another_took_it(engine: Engine) -> None:
    first = taken(engine, ttl_seconds=0.0)
    assert isinstance(first, Lease)
    with engine.begin() as connection:
        assert renew(connection, first)  # nobody minded
    second = taken(engine, ttl_seconds=NEVER)
    assert second == Lease("work", 2, NEVER)
    with engine.begin() as connection:
        assert not renew(connection, first)
        release(connection, first)  # which is no longer theirs to give
        (status,) = lease_statuses(connection, "work")
    assert (status.epoch, status.held) == (2, True)


def test_renewing_is_the_heartbeat(engine: Engine) -> None:
    lease = taken(engine)
    assert isinstance(lease, Lease)
    with engine.begin() as connection:
        connection.execute(projection_leases.update().values(renewed_at_us=0, until_us=0))
        (before,) = lease_statuses(connection)
        assert renew(connection, lease)
        (after,) = lease_statuses(connection)
    assert before.heartbeat_seconds > 1e9 > 60 > after.heartbeat_seconds
    assert (before.held, after.held) == (False, True)


def test_nobody_waits_for_a_process_that_has_died_here(engine: Engine) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        holder = this_process()._replace(pid=process.pid)
        assert isinstance(taken(engine, holder, ttl_seconds=NEVER), Lease)
        assert isinstance(taken(engine), LeaseHeld)
        process.kill()
    assert isinstance(taken(engine), Lease)


def test_one_of_two_projectors_stands_by_and_takes_over(ledger: BareLedger, life: Life) -> None:
    ledger.append(life.open())
    leader, other = ledger.projector(), ledger.projector()
    assert leader._turn.taken()
    assert not other._turn.taken()
    assert other._turn.standing_by is not None
    leader._turn.give_back()
    assert other._turn.taken()
    assert other._turn.standing_by is None


def test_catching_up_beside_a_leader_waits_for_what_it_applies(
    ledger: BareLedger, life: Life
) -> None:
    leader, other = ledger.projector(), ledger.projector()
    leader.start()
    first = ledger.append(life.open())
    heard: list[int] = []
    other.on_applied.append(lambda position, _: heard.append(position))
    assert other.catch_up() == first
    assert positions_of(other._engine) == {"supplier_capacity": first}
    leader.stop()
    second = ledger.append(life.book("R-1", "ACME"))
    assert heard in ([], [first])  # the second when the leader was not yet there
    assert other.catch_up() == second
    assert heard[-1] == second


def test_catching_up_gives_up_on_a_leader_that_does_not_move(
    ledger: BareLedger, life: Life, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("projections.projector.STALLED_SECONDS", 0.0)
    position = ledger.append(life.open())
    leader, other = ledger.projector(), ledger.projector()
    assert leader._turn.taken()
    with pytest.raises(NotFollowed, match=rf"position 0, before {position}: process \d+ on "):
        other.catch_up()


def test_a_follower_pauses_while_another_compares_and_goes_on(
    ledger: BareLedger, life: Life
) -> None:
    engine = ledger.engine()
    follower = ledger.projector(engine)
    follower.start()
    first = ledger.append(life.open())
    ledger.projector(engine).catch_up()
    with paused(engine, PROJECTIONS, ttl_seconds=NEVER):
        second = ledger.append(life.book("R-1", "ACME"))
        ledger.log.wake()
        deadline = time.monotonic() + 30
        while follower._turn.epoch and time.monotonic() < deadline:
            time.sleep(0.001)
        assert not follower._turn.epoch
        assert positions_of(engine) == {"supplier_capacity": first}
    ledger.projector(engine).catch_up()
    assert positions_of(engine) == {"supplier_capacity": second}
    follower.stop()
    assert follower.failure == ""


@contextmanager
def paused_between_reading_and_writing(
    ledger: BareLedger, guard: str
) -> Iterator["subprocess.Popen[str]"]:
    """A process that leads, and was stopped by SIGSTOP when it had read a page."""
    url = ledger.views_url
    path = url.removeprefix("sqlite:///").replace(".views", "")
    arguments = (path if isinstance(ledger, BareSqlite) else url, url, str(LEASE_SECONDS), guard)
    with subprocess.Popen(
        [sys.executable, "-m", "tests.support.following_worker", *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "read\n"
            os.kill(process.pid, signal.SIGSTOP)
            yield process
        finally:
            process.kill()


def resumed(process: "subprocess.Popen[str]") -> str:
    assert process.stdin is not None
    assert process.stdout is not None
    os.kill(process.pid, signal.SIGCONT)
    process.stdin.write("\n")
    process.stdin.flush()
    return process.stdout.readline().strip()


def lapsed(engine: Engine) -> Lease:
    """Take the lease as soon as time allows."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        with engine.begin() as connection:
            found = take_following(connection, PROJECTIONS, ttl_seconds=NEVER)
        if isinstance(found, Lease):
            return found
        time.sleep(0.01)
    raise AssertionError("the lease of a stopped process never lapsed")


@pytest.mark.parametrize(
    ("guard", "said"),
    [
        ("guarded", "refused"),
        ("unguarded", "applied"),  # the negative control: without the epoch it gets in
    ],
)
def test_a_leader_paused_past_its_lease_writes_nothing_when_it_resumes(
    ledger: BareLedger, life: Life, engine: Engine, guard: str, said: str
) -> None:
    head = ledger.append(life.open())
    with paused_between_reading_and_writing(ledger, guard) as process:
        (before,) = statuses(engine)
        assert before.holder.pid == process.pid
        lease = lapsed(engine)
        assert lease.epoch == before.epoch + 1
        assert resumed(process) == said
        accepted = said == "applied"
        assert positions_of(engine) == {"supplier_capacity": head if accepted else 0}
        assert bool(rows_of(engine)["scenarios"]) == accepted


def test_who_takes_over_applies_what_the_paused_leader_had_in_hand(
    ledger: BareLedger, life: Life, engine: Engine
) -> None:
    head = ledger.append(life.open())
    with paused_between_reading_and_writing(ledger, "guarded") as process:
        assert ledger.projector(engine).catch_up() == head
        rows = rows_of(engine)
        assert resumed(process) == "refused"
        assert rows_of(engine) == rows
        assert positions_of(engine) == {"supplier_capacity": head}


def statuses(engine: Engine) -> list[LeaseStatus]:
    with engine.connect() as connection:
        return lease_statuses(connection, FOLLOWING)
