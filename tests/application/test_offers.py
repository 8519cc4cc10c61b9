"""Offers are kept as they were handed in, read off the event loop, and refused when faulty."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

import pytest

from application.suppliers import Suppliers
from domain.errors import Invalid
from domain.suppliers import Offers
from domain.suppliers.offers import PUBLICATIONS_KEPT_READ, parse_offers
from tests.application.sbus_demo import DEMO, OFFERS, suppliers
from tests.support.asynchronous import asynchronous
from tests.support.ledgers import command, everything, opened
from tests.support.offers import offers_document


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
