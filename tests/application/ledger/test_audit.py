"""The audit finds what was changed by hand, wherever it is; a seal finds what no link can tell."""

import asyncio
from collections.abc import Iterator
from contextlib import closing

import pytest

from application.ledger.audit import NoSeal, Seal, Verdict, read_seal, seal, verify
from application.ledger.history import Subject, oldest_page
from application.ledger.reader import LedgerLog
from domain.stored import BrokenChain
from domain.suppliers import SupplierCapacity
from tests.support.asynchronous import asynchronous
from tests.support.ledgers import booking, command, log_at, opened, opening, query, supplier_id


@pytest.fixture
def log(store_url: str) -> Iterator[LedgerLog]:
    with closing(log_at(store_url)) as found:
        yield found


@pytest.fixture
def position(store_url: str) -> str:
    """The column that holds an event's position."""
    return "rowid" if store_url.startswith("sqlite") else "notification_id"


async def book_some(store_url: str) -> None:
    async with opened(store_url) as ledger:
        for supplier in ("ACME", "SUN"):
            await ledger.execute(command(), opening(100, supplier))
        for number in range(6):
            supplier = "ACME" if number % 2 else "SUN"
            await ledger.execute(command(), booking(f"R{number}", supplier))


@pytest.fixture
def booked(store_url: str, log: LedgerLog) -> str:
    """A store with 14 events of 8 aggregates."""
    asyncio.run(book_some(store_url))
    return store_url


def test_a_ledger_that_nobody_touched_is_whole(booked: str, log: LedgerLog) -> None:
    assert verify(log) == Verdict(14, 8, 0, 0, None)


def test_an_empty_ledger_is_whole(store_url: str, log: LedgerLog) -> None:
    assert verify(log) == Verdict(0, 0, 0, 0, None)
    assert seal(log).events == 0


def change(url: str, position: str, at: int) -> None:
    """Give an event another actor, as somebody with access to the tables can."""
    if position == "rowid":
        altered = "CAST(replace(CAST(state AS TEXT), 'ada@', 'eve@') AS BLOB)"
    else:
        altered = "convert_to(replace(convert_from(state, 'UTF8'), 'ada@', 'eve@'), 'UTF8')"
    query(url, f"UPDATE stored_events SET state = {altered} WHERE {position} = {at}")


def test_a_changed_event_is_found_at_the_next_one(
    booked: str, log: LedgerLog, position: str
) -> None:
    change(booked, position, 2)  # SUN is opened; its next event is the first booking's first
    verdict = verify(log)
    assert verdict.broken_links == 1
    assert verdict.first_broken is not None
    assert (verdict.first_broken.position, verdict.first_broken.version) == (3, 2)
    assert verdict.first_broken.aggregate_id == supplier_id("SUN")


def test_of_several_the_lowest_position_is_named(
    booked: str, log: LedgerLog, position: str
) -> None:
    for at in (7, 1, 2):
        change(booked, position, at)
    verdict = verify(log)
    assert verdict.broken_links == 3
    assert verdict.first_broken is not None
    assert verdict.first_broken.position == 3


def test_a_removed_event_is_found(booked: str, log: LedgerLog, position: str) -> None:
    query(booked, f"DELETE FROM stored_events WHERE {position} = 3")
    verdict = verify(log)
    assert (verdict.events, verdict.broken_links) == (13, 1)


@asynchronous
async def load_all(store_url: str) -> None:
    async with opened(store_url) as ledger:
        await ledger.newest(SupplierCapacity, supplier_id("SUN"))


def replay(log: LedgerLog) -> int:
    subject = Subject(SupplierCapacity, supplier_id("SUN"))
    return len(oldest_page(log, subject, after=0, limit=100).events)


def test_whoever_loads_the_aggregate_is_told(booked: str, log: LedgerLog, position: str) -> None:
    load_all(booked)
    assert replay(log) == 4
    change(booked, position, 2)
    with pytest.raises(BrokenChain, match="Version 2 of"):
        load_all(booked)
    with pytest.raises(BrokenChain, match="Version 2 of"):
        replay(log)


@asynchronous
async def test_a_command_on_it_is_refused_and_nothing_is_stored(booked: str, position: str) -> None:
    change(booked, position, 2)
    async with opened(booked) as ledger:
        with pytest.raises(BrokenChain):
            await ledger.execute(command(), booking("R7", "SUN"))
        await ledger.execute(command(), booking("R8", "ACME"))  # the others go on
    assert query(booked, "SELECT count(*) FROM stored_events") == [(16,)]


# Seals.


def test_a_seal_stays_true_while_the_ledger_grows(booked: str, log: LedgerLog) -> None:
    kept = seal(log)
    assert (kept.position, kept.events) == (14, 14)
    asyncio.run(grow(booked))
    assert seal(log, until=kept.position) == kept
    assert seal(log) != kept


async def grow(store_url: str) -> None:
    async with opened(store_url) as ledger:
        await ledger.execute(command(), booking("R9", "ACME"))


def test_a_seal_finds_the_end_cut_off_which_no_link_tells(
    booked: str, log: LedgerLog, position: str
) -> None:
    kept = seal(log)
    query(booked, f"DELETE FROM stored_events WHERE {position} > 12")
    assert verify(log).broken_links == 0
    assert seal(log, until=kept.position) != kept


def test_a_seal_is_a_line_of_text(booked: str, log: LedgerLog) -> None:
    kept = seal(log)
    assert read_seal(f" {kept}\n") == kept


@pytest.mark.parametrize(
    "text",
    ["", "x", "capacity-seal:1:5", "capacity-seal:1:5:5:zz", f"capacity-seal:1:-1:5:{'0' * 64}"],
)
def test_what_is_no_seal_is_refused(text: str) -> None:
    with pytest.raises(NoSeal, match="as `capacity audit seal` prints it"):
        read_seal(text)


def test_a_page_may_end_inside_an_aggregate(
    booked: str, log: LedgerLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = seal(log)
    for size in (1, 3):
        monkeypatch.setattr("application.ledger.audit.PAGE_EVENTS", size)
        assert verify(log) == Verdict(14, 8, 0, 0, None)
        assert seal(log) == Seal(14, 14, whole.digest)
