"""Aliases of a line: other names under which its suppliers are booked."""

import pytest

from application.suppliers import BookingState, Match, Suppliers
from domain.errors import Invalid
from domain.suppliers import Booking, LineNotFound, SupplierNotFound
from tests.application.sbus_demo import DEMO, suppliers
from tests.support.asynchronous import asynchronous
from tests.support.ledgers import command, opened


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
