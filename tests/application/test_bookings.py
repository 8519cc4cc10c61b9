"""Registrations are booked once, released and moved, each with its refusals, on both stores."""

import pytest

from application.suppliers import BookingState, Match
from domain.errors import Invalid
from domain.suppliers import (
    Booking,
    BookingNotFound,
    MatchDetails,
    ScenarioNotFound,
    SupplierNotFound,
)
from domain.suppliers.bookings import BookedElsewhere
from domain.suppliers.capacity import CapacityExceeded
from tests.application.sbus_demo import DEMO, suppliers
from tests.support.asynchronous import asynchronous
from tests.support.ledgers import command, everything
from tests.support.offers import ZIP


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
