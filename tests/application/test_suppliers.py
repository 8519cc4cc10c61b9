"""The use cases of the supplier context, each with its refusals, on both stores."""

import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from types import FrameType
from typing import Any

import pytest

from application.ledger import Ledger
from application.suppliers import BookingState, Chosen, Match, Suppliers
from domain.errors import Invalid
from domain.suppliers import (
    Booking,
    BookingNotFound,
    LineNotFound,
    MatchDetails,
    Offers,
    Scenario,
    ScenarioNotFound,
    SupplierCapacity,
    SupplierNotFound,
)
from domain.suppliers.bookings import BookedElsewhere
from domain.suppliers.capacity import CapacityExceeded
from domain.suppliers.offers import PUBLICATIONS_KEPT_READ, parse_offers
from domain.suppliers.scenarios import OpenedElsewhere
from tests.support.asynchronous import asynchronous
from tests.support.ledgers import command, everything, opened
from tests.support.offers import ZIP, offers_document

DEMO: dict[str, Any] = {"line": "sbus", "scenario": "demo"}
OFFERS = {"ACME": 2, "BETA": 3}


class Opened(Suppliers):
    """The use cases, and the ledger behind them."""

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger)
        self.ledger = ledger

    async def used(self, supplier: str = "ACME") -> int:
        return (await self.capacity(supplier)).used_slots

    async def capacity(self, supplier: str = "ACME") -> SupplierCapacity:
        identity = SupplierCapacity.identity("sbus", "demo", supplier)
        return await self.ledger.newest(SupplierCapacity, identity)

    async def book_each(self, supplier: str, *registration_ids: str) -> None:
        for each in registration_ids:
            await self.book(command(), match=Match(each, supplier), **DEMO)

    async def publish(self, capacities: dict[str, int]) -> None:
        document = offers_document(capacities)
        await self.publish_offers(command(), line="sbus", document=document)


@asynccontextmanager
async def suppliers(store_url: str) -> AsyncIterator[Opened]:
    """Open the scenario sbus/demo of two suppliers."""
    async with opened(store_url) as ledger:
        use_cases = Opened(ledger)
        await use_cases.publish(OFFERS)
        await use_cases.open_scenario(command(), **DEMO)
        yield use_cases


# Offers.


@asynchronous
async def test_a_publication_is_kept_as_it_was_handed_in(store_url: str) -> None:
    document = offers_document({"Müller & Söhne ☀": 7})
    async with opened(store_url) as ledger:
        published = await Suppliers(ledger).publish_offers(
            command(), line="sbus", document=document
        )
        assert (published.result.publication, published.result.new) == (1, True)
        found = await ledger.newest(Offers, Offers.identity("sbus"))
        assert found.document == document
        assert found.terms[0].supplier == "Müller & Söhne ☀"


@asynchronous
async def test_the_same_document_again_is_quiet(store_url: str) -> None:
    async with suppliers(store_url) as use_cases:
        document = offers_document(OFFERS)
        again = await use_cases.publish_offers(command(), line="sbus", document=document)
        assert (again.result.publication, again.result.new, again.events) == (1, False, ())


@asynchronous
async def test_no_document_is_read_on_the_event_loop(store_url: str) -> None:
    """An offers document of 8 MB once held up everybody for half a second."""
    with calls_in_this_thread(parse_offers) as calls:
        async with suppliers(store_url) as use_cases:
            await use_cases.publish({"ACME": 5})
            await use_cases.resync(command(), **DEMO)
            for number in range(PUBLICATIONS_KEPT_READ):  # until the first are forgotten
                document = offers_document({f"OTHER-{number}": 1})
                await use_cases.publish_offers(command(), line="other", document=document)
            await use_cases.open_scenario(command(), line="sbus", scenario="late")
    assert calls == []


@contextmanager
def calls_in_this_thread(function: Callable[..., object]) -> Iterator[list[str]]:
    calls = []

    def look(frame: FrameType, event: str, _: object) -> None:
        if event == "call" and frame.f_code is function.__code__:
            calls.append(function.__name__)

    sys.setprofile(look)
    try:
        yield calls
    finally:
        sys.setprofile(None)


@asynchronous
async def test_a_new_document_changes_no_open_scenario(store_url: str) -> None:
    async with suppliers(store_url) as use_cases:
        await use_cases.publish({"ACME": 9, "BETA": 9})
        assert (await use_cases.capacity()).capacity_slots == 2


@pytest.mark.parametrize(
    "document",
    [b"", b"[]", b"{}", b'{"SupplierOffers": []}', offers_document({"ACME": -1}), b"\xff"],
)
@asynchronous
async def test_a_faulty_document_stores_nothing(store_url: str, document: bytes) -> None:
    async with opened(store_url) as ledger:
        with pytest.raises(Invalid):
            await Suppliers(ledger).publish_offers(command(), line="sbus", document=document)
        assert await everything(ledger) == []


@pytest.mark.parametrize("name", ["../etc", "", "a\x00b", "x" * 10_000, ".hidden"])
@asynchronous
async def test_a_line_or_scenario_must_be_able_to_name_a_file(store_url: str, name: str) -> None:
    async with suppliers(store_url) as use_cases:
        before = await everything(use_cases.ledger)
        with pytest.raises(Invalid, match="/line"):
            await use_cases.publish_offers(command(), line=name, document=offers_document(OFFERS))
        with pytest.raises(Invalid, match="/scenario"):
            await use_cases.open_scenario(command(), line="sbus", scenario=name)
        assert await everything(use_cases.ledger) == before


# Scenarios.


@asynchronous
async def test_a_scenario_opens_with_the_capacities_of_the_offers(store_url: str) -> None:
    async with suppliers(store_url) as use_cases:
        found = [await use_cases.capacity(each) for each in OFFERS]
        assert [(each.capacity_slots, each.used_slots) for each in found] == [(2, 0), (3, 0)]


@asynchronous
async def test_opening_again_is_quiet(store_url: str) -> None:
    async with suppliers(store_url) as use_cases:
        again = await use_cases.open_scenario(command(), **DEMO)
        assert (again.result.changed, again.result.suppliers, again.events) == (False, 2, ())


@asynchronous
async def test_opening_with_another_capacity_file_is_refused(store_url: str) -> None:
    async with suppliers(store_url) as use_cases:
        with pytest.raises(OpenedElsewhere):
            await use_cases.open_scenario(command(), capacity_file="elsewhere.json", **DEMO)


@asynchronous
async def test_a_scenario_of_a_line_without_offers_is_not_opened(store_url: str) -> None:
    async with opened(store_url) as ledger:
        with pytest.raises(LineNotFound):
            await Suppliers(ledger).open_scenario(command(), **DEMO)


@asynchronous
async def test_scenarios_of_one_line_count_for_themselves(store_url: str) -> None:
    async with suppliers(store_url) as use_cases:
        await use_cases.open_scenario(command(), line="sbus", scenario="other")
        await use_cases.book_each("ACME", "R1", "R2")
        booked = await use_cases.book(
            command(), line="sbus", scenario="other", match=Match("R1", "ACME")
        )
        assert booked.result.used_slots == 1


@asynchronous
async def test_resync_takes_over_capacities_and_never_what_is_used(store_url: str) -> None:
    async with suppliers(store_url) as use_cases:
        await use_cases.book_each("ACME", "R1", "R2")
        await use_cases.publish({"ACME": 5, "BETA": 3, "GAMMA": 4})
        synced = await use_cases.resync(command(), **DEMO)
        assert (synced.result.changed, synced.result.suppliers) == (True, 3)
        acme, gamma = await use_cases.capacity(), await use_cases.capacity("GAMMA")
        assert (acme.capacity_slots, acme.used_slots) == (5, 2)
        assert (gamma.capacity_slots, gamma.used_slots) == (4, 0)


@asynchronous
async def test_resync_without_a_new_publication_is_quiet(store_url: str) -> None:
    async with suppliers(store_url) as use_cases:
        synced = await use_cases.resync(command(), **DEMO)
        assert (synced.result.changed, synced.events) == (False, ())


@asynchronous
async def test_a_lowered_capacity_is_overbooked_until_there_is_room(store_url: str) -> None:
    async with suppliers(store_url) as use_cases:
        await use_cases.book_each("ACME", "R1", "R2")
        await use_cases.publish({"ACME": 1, "BETA": 3})
        await use_cases.resync(command(), **DEMO)
        assert (await use_cases.capacity()).over_slots == 1
        with pytest.raises(CapacityExceeded):
            await use_cases.book_each("ACME", "R3")
        await use_cases.release(command(), registration_id="R1", **DEMO)
        with pytest.raises(CapacityExceeded):
            await use_cases.book_each("ACME", "R3")
        await use_cases.release(command(), registration_id="R2", **DEMO)
        await use_cases.book_each("ACME", "R3")
        assert await use_cases.used() == 1


@asynchronous
async def test_a_withdrawn_supplier_keeps_what_is_used_and_gets_no_more(store_url: str) -> None:
    async with suppliers(store_url) as use_cases:
        await use_cases.book_each("ACME", "R1")
        await use_cases.publish({"BETA": 3})
        await use_cases.resync(command(), **DEMO)
        acme = await use_cases.capacity()
        assert (acme.capacity_slots, acme.used_slots, acme.over_slots) == (0, 1, 1)
        with pytest.raises(CapacityExceeded):
            await use_cases.book_each("ACME", "R2")


@asynchronous
async def test_reset_counts_from_zero_and_keeps_what_was_before(store_url: str) -> None:
    async with suppliers(store_url) as use_cases:
        await use_cases.book_each("ACME", "R1", "R2")
        reset = await use_cases.reset(command(reason="a new month"), **DEMO)
        assert (reset.result.reset_number, await use_cases.used()) == (1, 0)
        before = await use_cases.ledger.newest(Booking, Booking.identity("sbus", "demo", 0, "R1"))
        assert before.held
        await use_cases.book_each("BETA", "R1")
        assert await use_cases.used("BETA") == 1


@pytest.mark.parametrize("use_case", ["resync", "reset"])
@asynchronous
async def test_a_scenario_that_was_never_opened_is_not_found(store_url: str, use_case: str) -> None:
    async with suppliers(store_url) as use_cases:
        with pytest.raises(ScenarioNotFound):
            await getattr(use_cases, use_case)(command(), line="sbus", scenario="none")


# Booking.


@asynchronous
async def test_a_booking_takes_one_slot(store_url: str) -> None:
    async with suppliers(store_url) as use_cases:
        details = MatchDetails(zip_code=ZIP, product_type="Solar", num_panels=12)
        booked = await use_cases.book(command(), match=Match("R1", "ACME", details), **DEMO)
        assert booked.result == BookingState("R1", "ACME", "booked", 2, 1, 1)
        held = await use_cases.ledger.newest(Booking, Booking.identity("sbus", "demo", 0, "R1"))
        assert held.details == details


@asynchronous
async def test_the_same_booking_again_is_quiet_and_answers_as_before(store_url: str) -> None:
    async with suppliers(store_url) as use_cases:
        await use_cases.book_each("ACME", "R1")
        again = await use_cases.book(command(), match=Match("R1", "ACME"), **DEMO)
        assert again.result == BookingState("R1", "ACME", "already_booked", 2, 1, 1)
        assert again.events == ()


@asynchronous
async def test_a_repeat_is_quiet_also_when_the_supplier_is_full(store_url: str) -> None:
    async with suppliers(store_url) as use_cases:
        await use_cases.book_each("ACME", "R1", "R2")
        again = await use_cases.book(command(), match=Match("R1", "ACME"), **DEMO)
        assert again.result.status == "already_booked"


@asynchronous
async def test_a_registration_is_held_by_one_supplier(store_url: str) -> None:
    async with suppliers(store_url) as use_cases:
        await use_cases.book_each("ACME", "R1")
        with pytest.raises(BookedElsewhere, match="is booked with ACME, not with BETA"):
            await use_cases.book_each("BETA", "R1")
        assert await use_cases.used("BETA") == 0


@asynchronous
async def test_a_full_supplier_refuses(store_url: str) -> None:
    async with suppliers(store_url) as use_cases:
        await use_cases.book_each("ACME", "R1", "R2")
        with pytest.raises(CapacityExceeded, match="Supplier ACME capacity exceeded: 3 > 2"):
            await use_cases.book_each("ACME", "R3")
        assert await use_cases.used() == 2


@asynchronous
async def test_an_unknown_supplier_is_not_found_rather_than_full(store_url: str) -> None:
    async with suppliers(store_url) as use_cases:
        with pytest.raises(SupplierNotFound):
            await use_cases.book_each("NOBODY", "R1")


@asynchronous
async def test_an_unknown_scenario_is_not_found(store_url: str) -> None:
    async with suppliers(store_url) as use_cases:
        with pytest.raises(ScenarioNotFound):
            await use_cases.book(command(), line="sbus", scenario="none", match=Match("R1", "ACME"))


@pytest.mark.parametrize("name", ["", "a\x00b", "x" * 10_000, "\ud800"])
@asynchronous
async def test_names_that_cannot_be_names_are_refused(store_url: str, name: str) -> None:
    async with suppliers(store_url) as use_cases:
        before = await everything(use_cases.ledger)
        with pytest.raises(Invalid, match="/registration_id"):
            await use_cases.book_each("ACME", name)
        with pytest.raises(Invalid, match="/supplier_id"):
            await use_cases.book_each(name, "R1")
        with pytest.raises(Invalid, match="/registration_id"):
            await use_cases.release(command(), registration_id=name, **DEMO)
        with pytest.raises(Invalid, match="/supplier_id"):
            await use_cases.reassign(command(), registration_id="R1", supplier=name, **DEMO)
        assert await everything(use_cases.ledger) == before


@asynchronous
async def test_a_list_is_decided_one_by_one(store_url: str) -> None:
    async with suppliers(store_url) as use_cases:
        matches = [
            Match("R1", "ACME"),
            Match("R1", "BETA"),
            Match("", "ACME"),
            Match("R2", "ACME"),
            Match("R3", "ACME"),
            Match("R1", "ACME"),
            Match("R4", "NOBODY"),
        ]
        outcome = await use_cases.book_all(command(), matches=matches, **DEMO)
        answers = [
            each.status if isinstance(each, BookingState) else type(each) for each in outcome.result
        ]
        assert answers == [
            "booked",
            BookedElsewhere,
            Invalid,
            "booked",
            CapacityExceeded,
            "already_booked",
            SupplierNotFound,
        ]
        assert await use_cases.used() == 2


# Releasing and reassigning.


@asynchronous
async def test_a_released_slot_can_be_booked_again(store_url: str) -> None:
    async with suppliers(store_url) as use_cases:
        await use_cases.book_each("ACME", "R1", "R2")
        released = await use_cases.release(command(), registration_id="R1", **DEMO)
        assert released.result == BookingState("R1", "ACME", "released", 2, 1, 2)
        await use_cases.book_each("BETA", "R1")
        await use_cases.book_each("ACME", "R3")
        assert (await use_cases.used(), await use_cases.used("BETA")) == (2, 1)


@asynchronous
async def test_what_is_not_booked_is_neither_released_nor_reassigned(store_url: str) -> None:
    async with suppliers(store_url) as use_cases:
        await use_cases.book_each("ACME", "R1")
        await use_cases.release(command(), registration_id="R1", **DEMO)
        for registration_id in ("R1", "R2"):
            with pytest.raises(BookingNotFound):
                await use_cases.release(command(), registration_id=registration_id, **DEMO)
            with pytest.raises(BookingNotFound):
                await use_cases.reassign(
                    command(), registration_id=registration_id, supplier="BETA", **DEMO
                )


@asynchronous
async def test_reassigning_moves_the_slot(store_url: str) -> None:
    async with suppliers(store_url) as use_cases:
        await use_cases.book_each("ACME", "R1")
        moved = await use_cases.reassign(command(), registration_id="R1", supplier="BETA", **DEMO)
        assert moved.result == BookingState("R1", "BETA", "reassigned", 3, 1, 2)
        assert (await use_cases.used(), await use_cases.used("BETA")) == (0, 1)


@asynchronous
async def test_reassigning_to_the_same_supplier_is_quiet(store_url: str) -> None:
    async with suppliers(store_url) as use_cases:
        await use_cases.book_each("ACME", "R1")
        moved = await use_cases.reassign(command(), registration_id="R1", supplier="ACME", **DEMO)
        assert (moved.result.status, moved.events) == ("already_booked", ())


@asynchronous
async def test_reassigning_to_a_full_supplier_moves_nothing(store_url: str) -> None:
    async with suppliers(store_url) as use_cases:
        await use_cases.book_each("ACME", "R1", "R2")
        await use_cases.book_each("BETA", "R3")
        with pytest.raises(CapacityExceeded):
            await use_cases.reassign(command(), registration_id="R3", supplier="ACME", **DEMO)
        assert (await use_cases.used(), await use_cases.used("BETA")) == (2, 1)


@asynchronous
async def test_reassigning_to_an_unknown_supplier_is_refused(store_url: str) -> None:
    async with suppliers(store_url) as use_cases:
        await use_cases.book_each("ACME", "R1")
        with pytest.raises(SupplierNotFound):
            await use_cases.reassign(command(), registration_id="R1", supplier="NONE", **DEMO)


# Aliases.


@asynchronous
async def test_a_line_has_no_aliases_by_default(store_url: str) -> None:
    async with suppliers(store_url) as use_cases:
        with pytest.raises(SupplierNotFound):
            await use_cases.book_each("Acme Inc.", "R1")


@asynchronous
async def test_an_alias_books_its_supplier_and_is_recorded(store_url: str) -> None:
    async with suppliers(store_url) as use_cases:
        await use_cases.set_aliases(command(), line="sbus", supplier_by_alias={"Acme Inc.": "ACME"})
        booked = await use_cases.book(command(), match=Match("R1", "Acme Inc."), **DEMO)
        assert booked.result == BookingState("R1", "ACME", "booked", 2, 1, 1, alias="Acme Inc.")
        recorded = [each for each in booked.events if isinstance(each, Booking.Booked)]
        assert [(each.supplier, each.asked_supplier) for each in recorded] == [
            ("ACME", "Acme Inc.")
        ]
        again = await use_cases.book(command(), match=Match("R1", "ACME"), **DEMO)
        assert again.result.status == "already_booked"


@asynchronous
async def test_the_same_aliases_again_are_quiet(store_url: str) -> None:
    async with suppliers(store_url) as use_cases:
        aliases = {"Acme Inc.": "ACME", "Beta GmbH": "BETA"}
        first = await use_cases.set_aliases(command(), line="sbus", supplier_by_alias=aliases)
        again = await use_cases.set_aliases(command(), line="sbus", supplier_by_alias=aliases)
        assert (first.result.changed, again.result.changed) == (True, False)
        assert again.result.aliases == aliases


@asynchronous
async def test_an_alias_that_hides_a_supplier_or_names_nobody_is_refused(store_url: str) -> None:
    async with suppliers(store_url) as use_cases:
        await use_cases.publish({"ACME": 2, "GAMMA": 3})
        wrong = {"GAMMA": "ACME", "Beta GmbH": "BETA", "Acme Inc.": "ACME"}
        with pytest.raises(Invalid) as caught:
            await use_cases.set_aliases(command(), line="sbus", supplier_by_alias=wrong)
        assert [pointer for pointer, _ in caught.value.faults] == ["/GAMMA", "/Beta GmbH"]
        with pytest.raises(SupplierNotFound):
            await use_cases.book_each("Acme Inc.", "R1")


@asynchronous
async def test_aliases_whose_supplier_is_gone_are_quiet_until_they_change(store_url: str) -> None:
    async with suppliers(store_url) as use_cases:
        aliases = {"Beta GmbH": "BETA"}
        await use_cases.set_aliases(command(), line="sbus", supplier_by_alias=aliases)
        await use_cases.publish({"ACME": 2})
        again = await use_cases.set_aliases(command(), line="sbus", supplier_by_alias=aliases)
        assert not again.result.changed


@asynchronous
async def test_aliases_need_a_line_with_offers(store_url: str) -> None:
    async with opened(store_url) as ledger:
        with pytest.raises(LineNotFound):
            await Suppliers(ledger).set_aliases(
                command(), line="none", supplier_by_alias={"a": "b"}
            )


# Choosing.


def record(registration_id: str, zip_code: object = ZIP, **more: object) -> dict[str, object]:
    return {"registration_id": registration_id, "zip_code": zip_code, **more}


async def chosen(use_cases: Suppliers, *records: object, explained: bool = False) -> list[Chosen]:
    outcome = await use_cases.choose(command(), records=records, explained=explained, **DEMO)
    assert all(isinstance(each, Chosen) for each in outcome.result)
    return [each for each in outcome.result if isinstance(each, Chosen)]


@asynchronous
async def test_each_goes_to_the_least_used_until_all_are_full(store_url: str) -> None:
    async with suppliers(store_url) as use_cases:
        answers = await chosen(use_cases, *(record(f"R{n}") for n in range(6)))
        assert [each.supplier for each in answers] == ["BETA", "ACME", "BETA", "ACME", "BETA", ""]
        assert answers[-1].status == "unmatched"
        assert answers[-1].reason == f"every supplier that serves {ZIP} is full"
        assert (await use_cases.used(), await use_cases.used("BETA")) == (2, 3)


@asynchronous
async def test_one_that_cannot_be_read_stops_nobody(store_url: str) -> None:
    async with suppliers(store_url) as use_cases:
        answers = await chosen(
            use_cases, "no record", record("R1", "abc"), record("R2"), record("R3", "99999")
        )
        assert [each.status for each in answers] == ["invalid", "invalid", "booked", "unmatched"]
        assert answers[3].reason == "no supplier serves 99999"


@asynchronous
async def test_choosing_again_books_nothing_more(store_url: str) -> None:
    async with suppliers(store_url) as use_cases:
        first = await chosen(use_cases, record("R1"))
        again = await chosen(use_cases, record("R1"), record("R1"))
        assert [each.status for each in again] == ["already_booked"] * 2
        assert {each.supplier for each in again} == {first[0].supplier}
        assert await use_cases.used() + await use_cases.used("BETA") == 1


@asynchronous
async def test_the_answer_explains_itself(store_url: str) -> None:
    async with suppliers(store_url) as use_cases:
        await use_cases.book_each("ACME", "R1", "R2")
        (answer,) = await chosen(use_cases, record("R3"), explained=True)
        assert [(each.supplier, each.eligible, each.reason) for each in answer.considered] == [
            ("ACME", False, "full: 2 of 2 used"),
            ("BETA", True, "chosen: 0 of 3 used"),
        ]


@asynchronous
async def test_choosing_follows_a_resync(store_url: str) -> None:
    async with suppliers(store_url) as use_cases:
        await chosen(use_cases, record("R1"))
        document = offers_document({"ACME": 2, "BETA": 3}, areas={"BETA": ["55419"]})
        await use_cases.publish_offers(command(), line="sbus", document=document)
        await use_cases.resync(command(), **DEMO)
        answers = await chosen(use_cases, record("R2"), record("R3", 55419))
        assert [each.supplier for each in answers] == ["ACME", "BETA"]


@asynchronous
async def test_choosing_in_an_unknown_scenario_is_answered_for_each(store_url: str) -> None:
    async with suppliers(store_url) as use_cases:
        outcome = await use_cases.choose(
            command(), line="sbus", scenario="none", records=[record("R1"), record("R2")]
        )
        assert [type(each) for each in outcome.result] == [ScenarioNotFound] * 2


@asynchronous
async def test_a_count_that_is_not_there_has_no_id(store_url: str) -> None:
    async with suppliers(store_url) as use_cases:
        with pytest.raises(SupplierNotFound):
            await use_cases.supplier_id(supplier="NONE", **DEMO)
        with pytest.raises(ScenarioNotFound):
            await use_cases.supplier_id(line="sbus", scenario="none", supplier="ACME")


@asynchronous
async def test_two_processes_that_open_one_scenario_agree(store_url: str) -> None:
    async with suppliers(store_url) as use_cases, opened(store_url) as other:
        await use_cases.reset(command(), **DEMO)
        quiet = await Suppliers(other).open_scenario(command(), **DEMO)
        assert not quiet.result.changed
        assert (await other.newest(Scenario, Scenario.identity("sbus", "demo"))).reset_number == 1


@asynchronous
async def test_a_booking_that_does_not_know_of_a_reset_is_decided_again(store_url: str) -> None:
    async with suppliers(store_url) as use_cases, opened(store_url) as ledger:
        other = Suppliers(ledger)
        await use_cases.book_each("ACME", "R1", "R2")
        await other.reset(command(), **DEMO)
        booked = await use_cases.book(command(), match=Match("R1", "ACME"), **DEMO)
        assert (booked.result.status, booked.result.used_slots) == ("booked", 1)
