"""What workflows ask of the ledger: counts, bookings that are checked, offers taken over."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from application.ledger import Ledger
from application.suppliers import Match, SlotCount, Suppliers, Workflows
from domain.suppliers import Scenario, ScenarioNotFound, SupplierNotFound
from domain.suppliers.capacity import CapacityExceeded
from domain.suppliers.capacity_files import read_capacity_file
from domain.suppliers.checking import ZipCodeNotServed
from domain.suppliers.choosing import Registration
from domain.suppliers.offers import parse_offers
from tests.support.asynchronous import asynchronous
from tests.support.ledgers import command, everything, opened
from tests.support.offers import ZIP, offers_document

DEMO: dict[str, Any] = {"line": "sbus", "scenario": "demo"}
ADA = Registration("SPUS1", ZIP)
FILE = b'{"ACME": {"SupplierID": "ACME", "Capacity": 7, "Used": 3, "UsedPct": 0.43}}'


@asynccontextmanager
async def demo(store_url: str) -> AsyncIterator[tuple[Suppliers, Workflows, Ledger]]:
    """ACME holds 1 at ZIP, FAR holds 2 elsewhere."""
    async with opened(store_url) as ledger:
        suppliers = Suppliers(ledger)
        document = offers_document({"ACME": 1, "FAR": 2}, areas={"FAR": ["55999"]})
        await suppliers.publish_offers(command(), line="sbus", document=document)
        await suppliers.open_scenario(command(), **DEMO)
        yield suppliers, Workflows(ledger), ledger


@asynchronous
async def test_counts_are_those_of_this_moment_and_store_nothing(store_url: str) -> None:
    async with demo(store_url) as (suppliers, workflows, ledger):
        await suppliers.book(command(), match=Match("SPUS1", "ACME"), **DEMO)
        before = len(await everything(ledger))
        counts = await workflows.slots(command(dry_run=True), **DEMO)
        assert counts == [SlotCount("ACME", 1, 1), SlotCount("FAR", 2, 0)]
        assert [each.room_slots for each in counts] == [0, 2]
        assert len(await everything(ledger)) == before


@asynchronous
async def test_a_checked_booking_is_a_booking(store_url: str) -> None:
    async with demo(store_url) as (_, workflows, _ledger):
        match = Match("SPUS1", "ACME")
        for status in ("booked", "already_booked"):
            outcome = await workflows.book_checked(command(), registration=ADA, match=match, **DEMO)
            assert (outcome.result.status, outcome.result.used_slots) == (status, 1)


@asynchronous
async def test_what_is_not_right_stores_nothing(store_url: str) -> None:
    async with demo(store_url) as (suppliers, workflows, ledger):
        await suppliers.book(command(), match=Match("SPUS9", "ACME"), **DEMO)
        before = len(await everything(ledger))
        for supplier, error in (
            ("FAR", ZipCodeNotServed),
            ("Nobody", SupplierNotFound),
            ("ACME", CapacityExceeded),
        ):
            with pytest.raises(error):
                await workflows.book_checked(
                    command(), registration=ADA, match=Match("SPUS1", supplier), **DEMO
                )
        with pytest.raises(ScenarioNotFound):
            await workflows.slots(command(), line="sbus", scenario="none")
        assert len(await everything(ledger)) == before


@asynchronous
async def test_a_scenario_that_began_with_a_file_learns_what_is_served(store_url: str) -> None:
    """Its capacities are the file's, and what the file does not name stays out."""
    async with opened(store_url) as ledger:
        suppliers, workflows = Suppliers(ledger), Workflows(ledger)
        await suppliers.import_capacity_file(command(), imported=read_capacity_file(FILE), **DEMO)
        terms = parse_offers(offers_document({"ACME": 1, "BETA": 2}))
        take: dict[str, Any] = {"publication": 4, "terms": terms, **DEMO}
        state = (await workflows.take_offers(command(), resync=False, **take)).result
        assert (state.changed, state.publication, state.suppliers) == (True, 4, 1)
        again = await workflows.take_offers(command(), resync=False, **take | {"publication": 5})
        assert (again.result.changed, again.result.publication) == (False, 4)
        (acme,) = await workflows.slots(command(), **DEMO)
        assert acme == SlotCount("ACME", 7, 3)
        scenario = await ledger.newest(Scenario, Scenario.identity("sbus", "demo"))
        assert scenario.terms[0].service_areas == (ZIP,)
        resynced = await workflows.take_offers(command(), resync=True, **take)
        assert resynced.result.changed
        assert await workflows.slots(command(), **DEMO) == [
            SlotCount("ACME", 1, 3),
            SlotCount("BETA", 2, 0),
        ]
