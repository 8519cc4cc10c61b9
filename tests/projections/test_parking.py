"""Parking: what cannot be applied waits with all that depends on it, and the rest goes on."""

import asyncio
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Column, Engine, Integer, Table, Text, select

from domain.aggregate import Event
from domain.stored import encode, stored_topic
from domain.suppliers import Booking
from projections.database import metadata, projection_positions
from projections.parking import Blocked, left_out, parked_summary
from projections.projection import Projection, Row, events_of
from projections.projector import Projector
from projections.retrying import NotParked
from tests.projections.conftest import (
    SUPPLIERS,
    BareLedger,
    Life,
    positions_of,
    rows_of,
)

tallies = Table(
    "tallies",
    metadata,
    Column("supplier", Text, primary_key=True),
    Column("registrations", Text, nullable=False),
    Column("booked", Integer, nullable=False),
)


class TallyRow(Row):
    supplier: str
    registrations: str
    booked: int


tally = Projection("tally", version=1, rows={tallies: TallyRow}, subscribes=events_of(Booking))
failing: set[str] = set()  # registrations with which the rule fails
refused: set[str] = set()  # those of which it makes a row that no store takes


@tally.rule(tallies, Booking.Booked, key=lambda event: event.supplier)
def _booked(row: TallyRow | None, event: Booking.Booked, _position: int) -> TallyRow:
    row = row or TallyRow(event.supplier, "", 0)
    row.registrations += f" {event.registration_id}"  # done before it fails: to be taken back
    if event.registration_id in failing:
        raise ValueError(f"{event.registration_id} is more than can be counted")
    row.booked += 1
    if event.registration_id in refused:
        return TallyRow(event.supplier, None, row.booked)  # type: ignore[arg-type] # a rule's bug
    return row


@tally.rule(tallies, Booking.Released, Booking.Reassigned, key=lambda event: "")
def _changed(row: TallyRow | None, _event: Event, _position: int) -> TallyRow | None:
    return row


@pytest.fixture(autouse=True)
def _sound_rules() -> Iterator[None]:
    yield
    failing.clear()
    refused.clear()


def projector_of(ledger: BareLedger, engine: Engine | None = None, **options: Any) -> Projector:
    return Projector(ledger.log, engine or ledger.engine(), [tally], **options)


def tallied(projector: Projector) -> dict[str, str]:
    with projector._engine.connect() as connection:
        found = connection.execute(select(tallies).order_by(tallies.c.supplier))
        return {row.supplier: row.registrations.strip() for row in found}


def booked(ledger: BareLedger, life: Life, *bookings: str) -> dict[str, int]:
    """Book, each in a command of its own, and return the positions of the bookings."""
    positions = {}
    for each in bookings:
        registration_id, supplier = each.split("@")
        positions[registration_id] = ledger.append(life.book(registration_id, supplier))
    return positions


@pytest.mark.parametrize("fault", [failing, refused])
def test_a_poison_event_is_parked_with_what_depends_on_it(
    ledger: BareLedger, life: Life, fault: set[str]
) -> None:
    ledger.append(life.open())
    at = booked(ledger, life, "R-1@ACME", "R-2@ACME", "R-3@ACME", "R-4@iSoalr", "R-5@iSoalr")
    fault.add("R-2")
    projector = projector_of(ledger)
    head = projector.catch_up()
    assert head == at["R-5"]
    assert projector.positions() == {"tally": head}
    assert tallied(projector) == {"ACME": "R-1", "iSoalr": "R-4 R-5"}
    poison, waiting = projector.parked()
    assert (poison.position, waiting.position) == (at["R-2"], at["R-3"])
    assert poison.error.startswith(f"tally cannot apply suppliers.booked at position {at['R-2']}: ")
    assert "Traceback" in poison.traceback or fault is refused
    assert (poison.behind, waiting.behind) == (None, at["R-2"])
    assert waiting.error == f"It waits for the event at position {at['R-2']}"


def test_without_the_guard_a_row_shows_what_came_after_and_not_what_came_before(
    ledger: BareLedger, life: Life, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control of the test above."""
    monkeypatch.setattr(Blocked, "behind", lambda *_: None)
    ledger.append(life.open())
    booked(ledger, life, "R-1@ACME", "R-2@ACME", "R-3@ACME")
    failing.add("R-2")
    projector = projector_of(ledger)
    projector.catch_up()
    assert tallied(projector) == {"ACME": "R-1 R-3"}


def test_what_follows_in_later_pages_waits_too(ledger: BareLedger, life: Life) -> None:
    ledger.append(life.open())
    at = booked(ledger, life, "R-1@ACME")
    failing.add("R-1")
    engine = ledger.engine()
    projector = projector_of(ledger, engine)
    projector.catch_up()
    failing.clear()
    at |= booked(ledger, life, "R-2@ACME", "R-3@iSoalr")
    projector.catch_up()
    another = projector_of(ledger, engine)  # which has to read what waits
    at |= booked(ledger, life, "R-4@ACME", "R-5@iSoalr")
    another.catch_up()
    assert tallied(another) == {"iSoalr": "R-3 R-5"}
    assert [each.position for each in another.parked()] == [at[f"R-{n}"] for n in (1, 2, 4)]


@pytest.mark.parametrize(
    ("topic", "state", "cause"),
    [
        ("suppliers.never_heard_of", b"{}", "UnknownTopic"),
        ("suppliers.booked", b'{"line":', "DecodeError"),
        ("suppliers.booked.v9", b"{}", "UnknownTopic"),
        ("suppliers.slot_booked", None, "AttributeError"),
    ],
)
def test_an_event_that_cannot_be_read_is_parked_and_named(
    ledger: BareLedger, life: Life, topic: str, state: bytes | None, cause: str
) -> None:
    ledger.append(life.open())
    if state is None:  # readable, but no row stands where its rule expects one
        state = slot_booked()
    poison = ledger.append_rows([(UUID(int=99), 2, topic, state)])
    later = ledger.append_rows([(UUID(int=99), 3, topic, state)])
    head = ledger.append(life.book("R-1", "ACME"))
    engine = ledger.engine()
    projector = ledger.projector(engine)
    assert projector.catch_up() == head
    assert positions_of(engine) == {"supplier_capacity": head}
    rows = rows_of(engine)
    assert (len(rows["scenarios"]), len(rows["matches"])) == (1, 1)
    first, second = projector.parked()
    assert (first.position, second.position, second.behind) == (poison, later, poison)
    assert f"{topic} at position {poison}: {cause}" in first.error


def slot_booked() -> bytes:
    life = Life()
    life.open()
    events = life.book("R-9", "ACME")
    topic = "suppliers.slot_booked"
    return next(encode(each) for each in events if stored_topic(type(each)) == topic)


def test_an_unreadable_event_that_no_projection_wants_is_passed_over(
    ledger: BareLedger, life: Life
) -> None:
    ledger.append(life.open())
    head = ledger.append_rows([(UUID(int=99), 2, "suppliers.slot_booked", b"{")])
    projector = projector_of(ledger)  # it listens to bookings alone
    assert projector.catch_up() == head
    assert projector.parked() == []


def test_the_thread_goes_on_past_a_poison_event(ledger: BareLedger, life: Life) -> None:
    projector = projector_of(ledger)
    projector.start()
    failing.add("R-1")
    ledger.append(life.open())
    at = booked(ledger, life, "R-1@ACME", "R-2@iSoalr")
    assert asyncio.run(projector.passed(at["R-2"], timeout_seconds=30))
    assert (projector.alive, projector.failure) == (True, "")
    projector.stop()
    assert tallied(projector) == {"iSoalr": "R-2"}


def test_parked_events_are_applied_in_order_when_the_rule_is_mended(
    ledger: BareLedger, life: Life
) -> None:
    ledger.append(life.open())
    at = booked(ledger, life, "R-1@ACME", "R-2@ACME", "R-3@iSoalr", "R-4@ACME", "R-5@iSoalr")
    failing.update(("R-2", "R-3"))
    projector = projector_of(ledger)
    heard: list[tuple[int, Any]] = []
    head = projector.catch_up()
    since = projector.parked()[0].parked_at_us
    assert projector.retry("tally").applied == []  # nothing is mended yet
    assert len(projector.parked()) == 4
    assert projector.parked()[0].parked_at_us == since
    failing.clear()
    projector.on_applied.append(lambda position, touched: heard.append((position, touched)))
    retried = projector.retry("tally", position=at["R-4"])  # waits for R-2, so that goes first
    assert (retried.applied, retried.parked) == ([at["R-2"], at["R-4"]], [])
    assert tallied(projector) == {"ACME": "R-1 R-2 R-4"}
    assert [position for position, _ in heard] == [head]
    assert list(heard[0][1]["tallies"]) == ["ACME"]
    assert projector.retry("tally").applied == [at["R-3"], at["R-5"]]
    assert tallied(projector) == {"ACME": "R-1 R-2 R-4", "iSoalr": "R-3 R-5"}
    assert behind(projector) == (None, {})


def test_a_skipped_event_is_left_out_and_what_waited_goes_on(
    ledger: BareLedger, life: Life
) -> None:
    ledger.append(life.open())
    at = booked(ledger, life, "R-1@ACME", "R-2@ACME")
    failing.add("R-1")
    projector = projector_of(ledger)
    projector.catch_up()
    count, (parked_from, _) = 2, behind(projector)
    assert (parked_from, behind(projector)[1]["tally"][0]) == (at["R-1"], count)
    assert projector.retry("tally", position=at["R-1"], skip=True).applied == [at["R-2"]]
    assert tallied(projector) == {"ACME": "R-2"}
    assert (projector.parked(), behind(projector)) == ([], (None, {}))
    with projector._engine.connect() as connection:
        assert left_out(connection, "tally") == {at["R-1"]}


def test_only_what_is_parked_can_be_retried(ledger: BareLedger) -> None:
    with pytest.raises(NotParked, match="tally has parked no event at position 7"):
        projector_of(ledger).retry("tally", position=7)


def test_a_follower_that_was_overtaken_by_a_retry_knows_what_waits_no_more(
    ledger: BareLedger, life: Life
) -> None:
    engine = ledger.engine()
    follower = projector_of(ledger, engine)
    ledger.append(life.open())
    booked(ledger, life, "R-1@ACME")
    failing.add("R-1")
    follower.catch_up()
    assert follower._turn.taken()
    failing.clear()
    projector_of(ledger).retry("tally")
    booked(ledger, life, "R-2@ACME")
    follower.catch_up()
    assert tallied(follower) == {"ACME": "R-1 R-2"}


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    bookings=st.lists(st.sampled_from(SUPPLIERS), min_size=1, max_size=12),
    faults=st.dictionaries(st.integers(0, 11), st.booleans(), max_size=5),
    page_events=st.integers(1, 30),
)
def test_a_row_shows_all_before_its_first_fault_and_all_once_mended(
    ledger: BareLedger, bookings: list[str], faults: dict[int, bool], page_events: int
) -> None:
    ledger.erase()
    life, engine = Life(), ledger.engine()
    ledger.append(life.open())
    start_anew(engine)
    for number, supplier in enumerate(bookings):
        booked(ledger, life, f"R-{number}@{supplier}")
    failing.update(f"R-{number}" for number, fails in faults.items() if fails)
    refused.update(f"R-{number}" for number, fails in faults.items() if not fails)
    projector = projector_of(ledger, engine, page_events=page_events)
    projector.catch_up()
    assert tallied(projector) == expected(bookings, faults)
    failing.clear()
    refused.clear()
    projector.retry("tally")
    assert tallied(projector) == expected(bookings, {})
    engine.dispose()


def start_anew(engine: Engine) -> None:
    with engine.begin() as connection:
        metadata.drop_all(connection)


def expected(bookings: list[str], faults: dict[int, bool]) -> dict[str, str]:
    shown: dict[str, list[str]] = {}
    stopped: set[str] = set()
    for number, supplier in enumerate(bookings):
        if number in faults:
            stopped.add(supplier)
        if supplier not in stopped:
            shown.setdefault(supplier, []).append(f"R-{number}")
    return {supplier: " ".join(names) for supplier, names in shown.items()}


def behind(projector: Projector) -> tuple[int | None, dict[str, tuple[int, int]]]:
    with projector._engine.connect() as connection:
        parked_from = connection.scalar(
            select(projection_positions.c.parked_from).where(projection_positions.c.name == "tally")
        )
        return parked_from, parked_summary(connection)
