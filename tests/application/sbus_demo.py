"""The scenario sbus/demo of two suppliers, open in a ledger, for the use cases around it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from application.ledger import Ledger
from application.suppliers import Match, Suppliers
from domain.suppliers import SupplierCapacity
from tests.support.ledgers import command, opened
from tests.support.offers import offers_document

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
