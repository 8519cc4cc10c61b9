"""A command that says what its caller saw is decided on exactly that, or not at all."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from application.ledger import Command, Ledger, Outcome, Replayed, Reply
from application.suppliers import Match, Suppliers
from domain.errors import DomainError
from domain.suppliers import BookingNotFound, ScenarioNotFound
from domain.versions import OtherVersion, Seen
from tests.support.asynchronous import asynchronous
from tests.support.ledgers import command, everything, opened
from tests.support.offers import offers_document

DEMO: dict[str, Any] = {"line": "sbus", "scenario": "demo"}
R1: dict[str, Any] = {**DEMO, "registration_id": "R1"}
ALIASES: dict[str, Any] = {"line": "sbus", "supplier_by_alias": {"Acme Inc.": "ACME"}}
# Each use case that can be told what was seen, the version it finds and the one it leaves.
CASES: dict[str, tuple[dict[str, Any], int, int]] = {
    "release": (R1, 1, 2),
    "reassign": ({**R1, "supplier": "BETA"}, 1, 2),
    "resync": (DEMO, 1, 2),
    "reset": (DEMO, 1, 2),
    "set_aliases": (ALIASES, 0, 1),
}


@asynccontextmanager
async def house(store_url: str) -> AsyncIterator[tuple[Ledger, Suppliers]]:
    """Open sbus/demo with R1 booked at ACME, and larger offers published since."""
    async with opened(store_url) as ledger:
        suppliers = Suppliers(ledger)
        for capacities in ({"ACME": 2, "BETA": 2}, {"ACME": 3, "BETA": 3}):
            document = offers_document(capacities)
            await suppliers.publish_offers(command(), line="sbus", document=document)
            await suppliers.open_scenario(command(), **DEMO)
        await book(suppliers, "ACME")
        yield ledger, suppliers


async def book(suppliers: Suppliers, supplier: str) -> None:
    await suppliers.book(command(), match=Match("R1", supplier), **DEMO)


async def ask(suppliers: Suppliers, use_case: str, expected: Seen | None) -> Outcome[Any]:
    fields, _, _ = CASES[use_case]
    found: Outcome[Any] = await getattr(suppliers, use_case)(command(), **fields, expected=expected)
    return found


@pytest.mark.parametrize("use_case", CASES)
@asynchronous
async def test_what_was_seen_and_still_stands_is_decided_on(store_url: str, use_case: str) -> None:
    _, before, after = CASES[use_case]
    async with house(store_url) as (_, suppliers):
        done = await ask(suppliers, use_case, Seen(before))
        assert done.result.version == after


@pytest.mark.parametrize("use_case", CASES)
@pytest.mark.parametrize("moved", [-1, 1, 2**40])
@asynchronous
async def test_another_version_stores_nothing(store_url: str, use_case: str, moved: int) -> None:
    _, before, _ = CASES[use_case]
    async with house(store_url) as (ledger, suppliers):
        stored = await everything(ledger)
        with pytest.raises(OtherVersion, match="look again") as caught:
            await ask(suppliers, use_case, Seen(before + moved))
        assert (caught.value.expected, caught.value.found) == (Seen(before + moved), Seen(before))
        assert await everything(ledger) == stored


@pytest.mark.parametrize("use_case", CASES)
@asynchronous
async def test_that_there_is_one_can_be_all_that_was_seen(store_url: str, use_case: str) -> None:
    async with house(store_url) as (_, suppliers):
        if use_case == "set_aliases":
            with pytest.raises(OtherVersion, match="any version was expected, version 0 was found"):
                await ask(suppliers, use_case, Seen(None))
            await suppliers.set_aliases(command(), line="sbus", supplier_by_alias={"a": "ACME"})
        assert (await ask(suppliers, use_case, Seen(None))).events


@asynchronous
async def test_what_was_released_since_is_another_version_and_not_unknown(store_url: str) -> None:
    async with house(store_url) as (_, suppliers):
        await suppliers.release(command(), **R1)
        with pytest.raises(OtherVersion, match="version 1 was expected, version 2 was found"):
            await suppliers.release(command(), **R1, expected=Seen(1))
        for seen in (Seen(2), Seen(None), None):
            with pytest.raises(BookingNotFound):
                await suppliers.release(command(), **R1, expected=seen)


@asynchronous
async def test_what_there_never_was_is_not_found_whatever_was_seen(store_url: str) -> None:
    async with house(store_url) as (_, suppliers):
        with pytest.raises(BookingNotFound):
            await suppliers.release(command(), **DEMO, registration_id="R2", expected=Seen(1))
        with pytest.raises(ScenarioNotFound):
            await suppliers.reset(command(), line="sbus", scenario="none", expected=Seen(1))


@asynchronous
async def test_the_same_version_of_another_count_was_not_seen(store_url: str) -> None:
    """Versions begin at 1 again in every count, and another supplier may hold it there."""
    async with house(store_url) as (_, suppliers):
        await suppliers.reset(command(), **DEMO)
        await book(suppliers, "BETA")
        with pytest.raises(OtherVersion, match="version 1 of count 1 was found") as caught:
            await suppliers.release(command(), **R1, expected=Seen(1))
        assert caught.value.missed_after == 0
        released = await suppliers.release(command(), **R1, expected=Seen(1, reset_number=1))
        assert (released.result.version, released.result.reset_number) == (2, 1)


@asynchronous
async def test_of_two_that_saw_the_same_one_is_decided(store_url: str) -> None:
    async with house(store_url) as (_, suppliers):
        seen = Seen(1)
        asked = [suppliers.reset(command(), **DEMO, expected=seen) for _ in range(2)]
        answers = await asyncio.gather(*asked, return_exceptions=True)
        assert sorted(type(each).__name__ for each in answers) == ["OtherVersion", "Outcome"]
        # The negative control: two that say nothing of what they saw are both decided.
        both = await asyncio.gather(*(suppliers.reset(command(), **DEMO) for _ in range(2)))
        assert [each.result.reset_number for each in both] == [2, 3]


@asynchronous
async def test_a_process_that_is_behind_looks_before_it_refuses(store_url: str) -> None:
    """What a process remembers is no reason to call a version another: the store is asked."""
    async with house(store_url) as (_, suppliers), opened(store_url) as ledger:
        behind = Suppliers(ledger)
        assert (await behind.reset(command(dry_run=True), **DEMO)).result.reset_number == 1
        await suppliers.reset(command(), **DEMO)
        assert (await behind.reset(command(), **DEMO, expected=Seen(2))).result.reset_number == 2
        with pytest.raises(OtherVersion):
            await suppliers.reset(command(), **DEMO, expected=Seen(2))


# Under an idempotency key.


def keyed(**fields: Any) -> Command:
    return command(idempotency_key="k", fingerprint=b"f", render=_rendered, **fields)


def _rendered(result: object) -> Reply:
    return Reply(412 if isinstance(result, DomainError) else 200, str(result).encode())


@asynchronous
async def test_another_version_leaves_the_key_free(store_url: str) -> None:
    async with house(store_url) as (_, suppliers):
        refused: Outcome[Any] = await suppliers.reset(keyed(), **DEMO, expected=Seen(7))
        assert isinstance(refused.result, OtherVersion)
        done = await suppliers.reset(keyed(), **DEMO, expected=Seen(1))
        assert done.result.reset_number == 1


@asynchronous
async def test_a_repeat_is_answered_as_before_though_its_own_first_try_moved_the_version(
    store_url: str,
) -> None:
    async with house(store_url) as (_, suppliers), opened(store_url) as elsewhere:
        done = await suppliers.reset(keyed(), **DEMO, expected=Seen(1))
        for again in (suppliers, Suppliers(elsewhere)):
            with pytest.raises(Replayed) as caught:
                await again.reset(keyed(), **DEMO, expected=Seen(1))
            assert (caught.value.reply, caught.value.position) == (done.reply, done.position)
