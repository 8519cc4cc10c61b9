"""Scenarios are opened, brought to newer offers and counted anew, on both stores."""

import pytest

from application.suppliers import Match, Suppliers
from domain.suppliers import Booking, LineNotFound, Scenario, ScenarioNotFound, SupplierNotFound
from domain.suppliers.capacity import CapacityExceeded
from domain.suppliers.scenarios import OpenedElsewhere
from tests.application.sbus_demo import DEMO, OFFERS, suppliers
from tests.support.asynchronous import asynchronous
from tests.support.ledgers import command, opened


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
async def test_two_processes_that_open_one_scenario_agree(store_url: str) -> None:
    async with suppliers(store_url) as use_cases, opened(store_url) as other:
        await use_cases.reset(command(), **DEMO)
        quiet = await Suppliers(other).open_scenario(command(), **DEMO)
        assert not quiet.result.changed
        assert (await other.newest(Scenario, Scenario.identity("sbus", "demo"))).reset_number == 1


# Newer offers.


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


# A new count.


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


@asynchronous
async def test_a_booking_that_does_not_know_of_a_reset_is_decided_again(store_url: str) -> None:
    async with suppliers(store_url) as use_cases, opened(store_url) as ledger:
        other = Suppliers(ledger)
        await use_cases.book_each("ACME", "R1", "R2")
        await other.reset(command(), **DEMO)
        booked = await use_cases.book(command(), match=Match("R1", "ACME"), **DEMO)
        assert (booked.result.status, booked.result.used_slots) == ("booked", 1)


# What is not there.


@pytest.mark.parametrize("use_case", ["resync", "reset"])
@asynchronous
async def test_a_scenario_that_was_never_opened_is_not_found(store_url: str, use_case: str) -> None:
    async with suppliers(store_url) as use_cases:
        with pytest.raises(ScenarioNotFound):
            await getattr(use_cases, use_case)(command(), line="sbus", scenario="none")


@asynchronous
async def test_a_count_that_is_not_there_has_no_id(store_url: str) -> None:
    async with suppliers(store_url) as use_cases:
        with pytest.raises(SupplierNotFound):
            await use_cases.supplier_id(supplier="NONE", **DEMO)
        with pytest.raises(ScenarioNotFound):
            await use_cases.supplier_id(line="sbus", scenario="none", supplier="ACME")
