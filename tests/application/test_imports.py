"""Imports: the ledger counts on from what a capacity file says, and forgets nothing."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import pytest

from application.ledger import Outcome
from application.suppliers import Imported, Match, Suppliers
from domain.suppliers import SupplierCapacity, SupplierNotFound
from domain.suppliers.bookings import BookedElsewhere
from domain.suppliers.capacity import CapacityExceeded
from domain.suppliers.capacity_files import read_capacity_file
from domain.suppliers.scenarios import OpenedElsewhere
from tests.support.asynchronous import asynchronous
from tests.support.ledgers import command, opened
from tests.support.offers import offers_document

DEMO: dict[str, Any] = {"line": "sbus", "scenario": "demo"}


class Counting(Suppliers):
    """The use cases, with a file that is handed over as a dictionary."""

    async def take_over(self, document: dict[str, Any], **options: Any) -> Outcome[Imported]:
        imported = read_capacity_file(json.dumps(document).encode())
        return await self.import_capacity_file(command(), **DEMO, imported=imported, **options)

    async def one(self, supplier: str = "ACME", registration_id: str = "") -> None:
        match = Match(registration_id, supplier)
        await self.count(command(), **DEMO, match=match, slot_id=uuid4())

    async def used(self, supplier: str = "ACME") -> int:
        identity = SupplierCapacity.identity("sbus", "demo", supplier)
        return (await self._ledger.newest(SupplierCapacity, identity)).used_slots


@asynccontextmanager
async def counting(store_url: str) -> AsyncIterator[Counting]:
    async with opened(store_url) as ledger:
        yield Counting(ledger)


def record(supplier: str, capacity: int, used: int, **extras: object) -> dict[str, Any]:
    share = round(used / capacity, 2) if capacity else 0.0
    plain = {"SupplierID": supplier, "Capacity": capacity, "Used": used, "UsedPct": share}
    return {supplier: plain | extras}


@asynchronous
async def test_an_import_opens_the_scenario_and_counts_on(store_url: str) -> None:
    async with counting(store_url) as use_cases:
        outcome = await use_cases.take_over(record("ACME", 3, 2) | record("BETA", 5, 9))
        assert (outcome.result.changed, outcome.result.suppliers) == (True, 2)
        await use_cases.one()
        assert await use_cases.used() == 3
        with pytest.raises(CapacityExceeded, match="Supplier ACME capacity exceeded: 4 > 3"):
            await use_cases.one()
        with pytest.raises(CapacityExceeded, match="Supplier BETA capacity exceeded: 10 > 5"):
            await use_cases.one("BETA")


@asynchronous
async def test_a_file_that_agrees_is_quiet(store_url: str) -> None:
    async with counting(store_url) as use_cases:
        await use_cases.take_over(record("ACME", 3, 0, Contact="Noë"))
        await use_cases.one()
        again = await use_cases.take_over(record("ACME", 3, 1, Contact="Noë"))
        assert (again.result.changed, again.events) == (False, ())


@asynchronous
async def test_only_what_differs_is_recorded(store_url: str) -> None:
    async with counting(store_url) as use_cases:
        await use_cases.take_over(record("ACME", 3, 0) | record("BETA", 5, 0))
        again = await use_cases.take_over(record("ACME", 3, 0) | record("BETA", 6, 0))
        assert [type(event).__name__ for event in again.events] == ["FileImported", "UsageImported"]


@asynchronous
async def test_a_scenario_of_published_offers_keeps_what_suppliers_serve(store_url: str) -> None:
    async with counting(store_url) as use_cases:
        document = offers_document({"ACME": 2})
        await use_cases.publish_offers(command(), line="sbus", document=document)
        await use_cases.open_scenario(command(), **DEMO)
        outcome = await use_cases.take_over(record("ACME", 4, 3))
        (event,) = [each for each in outcome.events if type(each).__name__ == "FileImported"]
        assert event.terms[0].service_areas  # type: ignore[attr-defined] # a FileImported
        assert event.publication == 1  # type: ignore[attr-defined]
        assert outcome.result.new_count is False


@asynchronous
async def test_a_registration_counts_once_and_a_match_without_one_each_time(store_url: str) -> None:
    async with counting(store_url) as use_cases:
        await use_cases.take_over(record("ACME", 9, 0) | record("BETA", 9, 0))
        for _ in range(2):
            await use_cases.one("ACME", "SPUS1")
            await use_cases.one("ACME")
        assert await use_cases.used() == 3
        with pytest.raises(BookedElsewhere):
            await use_cases.one("BETA", "SPUS1")


@pytest.mark.parametrize(
    ("edited", "new_count", "used"),
    [
        (record("ACME", 20, 1), False, 1),  # more capacity: SPUS1 is known to be held
        (record("ACME", 9, 5), False, 5),  # more used: held by others too
        (record("ACME", 9, 0), True, 1),  # given back by hand: SPUS1 counts anew
    ],
    ids=["capacity", "raised", "lowered"],
)
@asynchronous
async def test_a_file_that_holds_less_begins_a_new_count(
    store_url: str, edited: dict[str, Any], new_count: bool, used: int
) -> None:
    async with counting(store_url) as use_cases:
        await use_cases.take_over(record("ACME", 9, 0))
        await use_cases.one("ACME", "SPUS1")
        outcome = await use_cases.take_over(edited)
        assert outcome.result.new_count is new_count
        await use_cases.one("ACME", "SPUS1")
        assert await use_cases.used() == used


@asynchronous
async def test_a_supplier_that_the_file_no_longer_names_is_unknown(store_url: str) -> None:
    async with counting(store_url) as use_cases:
        await use_cases.take_over(record("ACME", 9, 0) | record("BETA", 9, 0))
        await use_cases.one("BETA", "SPUS1")
        dropped = await use_cases.take_over(record("ACME", 9, 0))
        assert dropped.result.new_count is True
        with pytest.raises(SupplierNotFound):
            await use_cases.one("BETA")
        await use_cases.take_over(record("ACME", 9, 0) | record("BETA", 9, 0))
        await use_cases.one("BETA", "SPUS1")
        assert await use_cases.used("BETA") == 1


@asynchronous
async def test_offers_bring_a_withdrawn_supplier_back(store_url: str) -> None:
    async with counting(store_url) as use_cases:
        document = offers_document({"ACME": 2, "BETA": 0})
        await use_cases.publish_offers(command(), line="sbus", document=document)
        await use_cases.open_scenario(command(), **DEMO)
        await use_cases.take_over(record("ACME", 2, 0))
        await use_cases.publish_offers(
            command(), line="sbus", document=offers_document({"ACME": 3, "BETA": 0})
        )
        await use_cases.resync(command(), **DEMO)
        with pytest.raises(CapacityExceeded):  # known again, and without capacity
            await use_cases.one("BETA")


@asynchronous
async def test_afresh_begins_a_new_count_even_if_both_agree(store_url: str) -> None:
    async with counting(store_url) as use_cases:
        await use_cases.take_over(record("ACME", 9, 0))
        again = await use_cases.take_over(record("ACME", 9, 0), afresh=True)
        assert (again.result.changed, again.result.reset_number) == (True, 1)


@asynchronous
async def test_refuses_a_file_at_another_path(store_url: str) -> None:
    async with counting(store_url) as use_cases:
        await use_cases.take_over(record("ACME", 9, 0), capacity_file="a.json")
        with pytest.raises(OpenedElsewhere, match=r"a\.json"):
            await use_cases.take_over(record("ACME", 9, 0), capacity_file="b.json")
