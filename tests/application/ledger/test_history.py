"""The history of any aggregate: whole, page by page, from either end, and cheap to look into."""

from typing import Any
from uuid import uuid4

import pytest

from application.ledger import Limits
from application.ledger.history import (
    Subject,
    SubjectNotFound,
    Told,
    find_subject,
    newest_page,
    oldest_page,
)
from domain.errors import Invalid
from domain.suppliers import Booking, Offers, SupplierAliases, SupplierCapacity
from tests.support.asynchronous import asynchronous, settled, until
from tests.support.ledgers import (
    LINE,
    SCENARIO,
    booking,
    booking_id,
    changing,
    command,
    everything,
    log_at,
    opened,
    opening,
    query,
    releasing,
    supplier_id,
)

ACME = Subject(SupplierCapacity, supplier_id())


def _versions(told: list[Told]) -> list[int]:
    return [each.event.originator_version for each in told]


async def _booked(url: str, count: int, limits: Limits) -> None:
    async with opened(url, limits=limits) as ledger:
        await ledger.execute(command(), opening(slots=50))
        for number in range(count):
            await ledger.execute(command(), booking(f"R{number}"))
        await settled()


@asynchronous
async def test_every_event_is_told_with_the_state_before_and_after(store_url: str) -> None:
    async with opened(store_url) as ledger:
        await ledger.execute(command(), opening(slots=5))
        await ledger.execute(command(), booking("R1"))
        await ledger.execute(command(actor="bob", reason="a caller asked"), releasing("R1"))
        await ledger.execute(command(), changing(7))
        stored = [row.position for row in await everything(ledger) if row[0] == supplier_id()]
    log = log_at(store_url)
    page = oldest_page(log, ACME, after=0, limit=10)
    log.close()
    assert [each.position for each in page.events] == stored
    assert page.follows is None
    assert [
        [(change.field, change.before, change.after) for change in each.changes]
        for each in page.events[1:]
    ] == [[("used_slots", 0, 1)], [("used_slots", 1, 0)], [("capacity_slots", 5, 7)]]
    assert {change.before for change in page.events[0].changes} == {None}
    assert page.events[2].event.provenance.actor == "bob"


@pytest.mark.parametrize("every", [4, 1_000])
@asynchronous
async def test_pages_from_either_end_join_to_the_whole(store_url: str, every: int) -> None:
    await _booked(store_url, 12, Limits(snapshot_every_events=every))
    log = log_at(store_url)
    whole = oldest_page(log, ACME, after=0, limit=100).events
    assert _versions(whole) == list(range(1, 14))
    for limit in (1, 3, 5, 13):
        found: list[Told] = []
        after: int | None = 0
        while after is not None:
            page = oldest_page(log, ACME, after=after, limit=limit)
            found, after = found + page.events, page.follows
        assert [(each.position, each.changes) for each in found] == [
            (each.position, each.changes) for each in whole
        ]
        found, before = [], None
        while True:
            page = newest_page(log, ACME, before=before, limit=limit)
            found, before = found + page.events, page.follows
            if before is None:
                break
        assert [(each.position, each.changes) for each in found] == [
            (each.position, each.changes) for each in whole[::-1]
        ]
    values: dict[str, object] = {}
    for each in whole:  # what one event left is what the next one found
        for change in each.changes:
            assert change.before == values.get(change.field)
            values[change.field] = change.after
    assert values["used_slots"] == 12
    log.close()


@asynchronous
async def test_a_page_is_folded_from_the_nearest_snapshot(store_url: str) -> None:
    """Without the snapshot the events before the page are read: the ruined one shows it."""
    await _booked(store_url, 12, Limits(snapshot_every_events=4))
    count = "SELECT count(*) FROM snapshots WHERE originator_version = 8"
    await until(lambda: query(store_url, count) == [(1,)])
    ruined = _as_bytes(store_url, b"{}")
    query(store_url, f"UPDATE stored_events SET state = {ruined} WHERE originator_version = 7")
    log = log_at(store_url)
    page = oldest_page(log, ACME, after=8, limit=2)
    assert [change.after for told in page.events for change in told.changes] == [8, 9]
    query(store_url, "DELETE FROM snapshots")
    with pytest.raises(Exception, match="missing required field"):
        oldest_page(log, ACME, after=8, limit=2)
    log.close()


def _as_bytes(url: str, value: bytes) -> str:
    return f"X'{value.hex()}'" if url.startswith("sqlite") else f"'\\x{value.hex()}'::bytea"


@asynchronous
async def test_a_snapshot_of_another_shape_is_passed_over(store_url: str) -> None:
    await _booked(store_url, 12, Limits(snapshot_every_events=4))
    query(store_url, f"UPDATE snapshots SET state = {_as_bytes(store_url, b'0123456789abcdef')}")
    log = log_at(store_url)
    page = oldest_page(log, ACME, after=8, limit=2)
    assert [change.after for told in page.events for change in told.changes] == [8, 9]
    log.close()


@asynchronous
async def test_a_subject_is_found_by_its_name_or_its_id(store_url: str) -> None:
    def publish(work: Any) -> None:
        document = b'{"SupplierOffers": [{"SupplierID": "ACME", "Capacity": 1}]}'
        work.get(Offers, Offers.identity(LINE)).publish(LINE, document)
        work.get(SupplierAliases, SupplierAliases.identity(LINE)).set(LINE, {"a": "ACME"})

    slashed = supplier_id("All/in one")
    async with opened(store_url) as ledger:
        await ledger.execute(command(), opening(supplier="ACME"))
        await ledger.execute(command(), opening(supplier="All/in one"))
        await ledger.execute(command(), booking("R1"))
        await ledger.execute(command(), publish)
    log = log_at(store_url)
    named = f"{LINE}/{SCENARIO}/ACME"
    assert find_subject(log, "suppliers", named) == ACME
    assert find_subject(log, "suppliers", str(supplier_id())) == ACME
    held = Subject(Booking, booking_id("R1"))
    assert find_subject(log, "suppliers", f"{LINE}/{SCENARIO}/0/R1") == held
    found = find_subject(log, "suppliers", f"{LINE}/{SCENARIO}/All/in one")
    assert found == Subject(SupplierCapacity, slashed)
    with pytest.raises(Invalid, match="/kind: 'sbus' names several: Offers, SupplierAliases"):
        find_subject(log, "suppliers", LINE)
    assert find_subject(log, "suppliers", LINE, kind="Offers").aggregate_class is Offers
    with pytest.raises(Invalid, match="/kind: found 'Nobody'; known in suppliers: Offers"):
        find_subject(log, "suppliers", LINE, kind="Nobody")
    with pytest.raises(Invalid, match=r"/context: found 'nothing'; known: .*suppliers"):
        find_subject(log, "nothing", LINE)
    for missing in (f"{LINE}/{SCENARIO}/NONE", str(uuid4()), "/", "a//b"):
        with pytest.raises(SubjectNotFound, match="SupplierCapacity: LINE/SCENARIO/SUPPLIER"):
            find_subject(log, "suppliers", missing)
    log.close()
