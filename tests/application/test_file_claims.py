"""One capacity file, one scenario: of two that want it one is refused, also at the same moment."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import pytest

from application.ledger import Ledger
from application.suppliers import Suppliers, claims
from domain.suppliers import CapacityFileTaken, FileClaim, Scenario
from domain.suppliers.capacity_files import read_capacity_file
from tests.support.asynchronous import asynchronous
from tests.support.ledgers import command, everything, opened
from tests.support.offers import offers_document

OPENERS = 6
Asked = dict[str, Any]
OWN: Asked = {"line": "sbus", "scenario": "demo", "capacity_file": "own/used.json"}
ALSO: Asked = {"line": "roof", "scenario": "demo", "capacity_file": "own/used.json"}
AT_HOME: Asked = {"line": "sbus", "scenario": "demo", "capacity_file": ""}
BY_NAME: Asked = {"line": "roof", "scenario": "x", "capacity_file": "sbus/capacity/demo.json"}
# Two scenarios that want one file, in the order in which they come.
RIVALS = {
    "both name it": (OWN, ALSO),
    "other spelling": (OWN, ALSO | {"capacity_file": "./own//used.json"}),
    "default first": (AT_HOME, BY_NAME),
    "default last": (BY_NAME, AT_HOME),
    "default by a link": (
        AT_HOME | {"capacity_file": "link/demo.json", "real_file": "sbus/capacity/demo.json"},
        BY_NAME,
    ),
    "default by its name": (AT_HOME | {"capacity_file": "sbus/capacity/demo.json"}, BY_NAME),
}


@asynccontextmanager
async def house(store_url: str) -> AsyncIterator[tuple[Ledger, Suppliers]]:
    """Open a ledger in which the lines `sbus` and `roof` have offers."""
    async with opened(store_url) as ledger:
        suppliers = Suppliers(ledger)
        for line in ("sbus", "roof"):
            document = offers_document({"ACME": 2})
            await suppliers.publish_offers(command(), line=line, document=document)
        yield ledger, suppliers


async def open_scenario(suppliers: Suppliers, asked: Asked, **options: Any) -> bool:
    """Open one, and return whether it is new."""
    return (await suppliers.open_scenario(command(**options), **asked)).result.changed


@contextmanager
def no_claims() -> Iterator[None]:
    """Open as if there were no claims, as it was before there were."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(claims, "claim_file", lambda *_: None)
        yield


async def both_open(store_url: str, first: Asked, second: Asked) -> list[bool]:
    """Open one by each of two ledgers; the second has found the file free before."""
    async with house(store_url) as (_, one), opened(store_url) as ledger:
        other = Suppliers(ledger)
        assert await open_scenario(other, second, dry_run=True)
        assert await open_scenario(one, first)
        before = len(await everything(ledger))
        try:
            return [True, await open_scenario(other, second)]
        except CapacityFileTaken as taken:
            assert (taken.line, taken.scenario) == (first["line"], first["scenario"])
            assert len(await everything(ledger)) == before
            return [True, False]


# Two want one file.


@pytest.mark.parametrize("rivals", RIVALS.values(), ids=RIVALS)
@asynchronous
async def test_whoever_comes_second_is_refused(store_url: str, rivals: tuple[Asked, Asked]) -> None:
    async with house(store_url) as (ledger, suppliers):
        assert await open_scenario(suppliers, rivals[0])
        before = await everything(ledger)
        for options in ({"dry_run": True}, {}):
            with pytest.raises(CapacityFileTaken, match=f"belongs to the scenario {_name(rivals)}"):
                await open_scenario(suppliers, rivals[1], **options)
        assert await everything(ledger) == before


@pytest.mark.parametrize("rivals", RIVALS.values(), ids=RIVALS)
@asynchronous
async def test_what_another_process_took_meanwhile_is_taken(
    store_url: str, rivals: tuple[Asked, Asked]
) -> None:
    assert await both_open(store_url, *rivals) == [True, False]


@pytest.mark.parametrize("rivals", RIVALS.values(), ids=RIVALS)
@asynchronous
async def test_without_claims_both_would_have_it(
    store_url: str, rivals: tuple[Asked, Asked]
) -> None:
    with no_claims():
        assert await both_open(store_url, *rivals) == [True, True]


def open_at_once(store_url: str) -> list[str]:
    """Let several open a scenario with one file, each by a ledger of its own; say who did."""
    started = threading.Barrier(OPENERS)

    async def opener(name: str) -> str:
        async with opened(store_url) as ledger:
            suppliers, asked = Suppliers(ledger), OWN | {"scenario": name}
            await open_scenario(suppliers, asked, dry_run=True)
            await asyncio.to_thread(started.wait)
            try:
                await open_scenario(suppliers, asked)
            except CapacityFileTaken:
                return ""
            return name

    async def prepare() -> None:
        async with house(store_url):
            pass

    asyncio.run(prepare())
    with ThreadPoolExecutor(OPENERS) as pool:
        names = [f"demo-{number}" for number in range(OPENERS)]
        return [each for each in pool.map(lambda name: asyncio.run(opener(name)), names) if each]


async def openings(store_url: str) -> int:
    async with opened(store_url) as ledger:
        return sum("scenario_opened" in each.topic for each in await everything(ledger))


def test_of_several_at_once_exactly_one_wins(store_url: str) -> None:
    assert len(open_at_once(store_url)) == 1
    assert asyncio.run(openings(store_url)) == 1


def test_of_several_at_once_all_would_win_without_claims(store_url: str) -> None:
    with no_claims():
        assert len(open_at_once(store_url)) == OPENERS
    assert asyncio.run(openings(store_url)) == OPENERS


# Those who do not want the same.


@asynchronous
async def test_a_default_path_needs_no_claim(store_url: str) -> None:
    async with house(store_url) as (ledger, suppliers):
        assert await open_scenario(suppliers, AT_HOME)
        assert await open_scenario(suppliers, AT_HOME | {"line": "roof"})  # of the same name
        stored = [each.topic for each in await everything(ledger)]
        assert "suppliers.capacity_file_claimed" not in stored


@asynchronous
async def test_a_path_that_somebody_could_have_is_free_until_he_does(store_url: str) -> None:
    """A scenario that is open at another path does not hold its default one."""
    async with house(store_url) as (_, suppliers):
        assert await open_scenario(suppliers, OWN)
        assert await open_scenario(suppliers, BY_NAME)


@asynchronous
async def test_opening_again_is_quiet_and_claims_nothing_anew(store_url: str) -> None:
    async with house(store_url) as (ledger, suppliers):
        assert await open_scenario(suppliers, OWN)
        before = await everything(ledger)
        assert not await open_scenario(suppliers, OWN)
        assert await everything(ledger) == before


@asynchronous
async def test_links_that_the_caller_has_followed_are_one_file(store_url: str) -> None:
    async with house(store_url) as (_, suppliers):
        assert await open_scenario(suppliers, OWN)
        with pytest.raises(CapacityFileTaken, match=r"own/used\.json belongs to .*sbus/demo"):
            await open_scenario(suppliers, AT_HOME | {"line": "roof", "real_file": "own/used.json"})


# Scenarios that were opened before there were claims.


@asynchronous
async def test_an_earlier_scenario_claims_its_file_when_it_is_opened_again(store_url: str) -> None:
    async with house(store_url) as (_, suppliers):
        with no_claims():
            await open_scenario(suppliers, OWN)
        again = await suppliers.open_scenario(command(), **OWN)
        assert not again.result.changed
        assert [each.topic for each in again.events] == ["suppliers.capacity_file_claimed"]
        with pytest.raises(CapacityFileTaken):
            await open_scenario(suppliers, ALSO)


@asynchronous
async def test_of_two_earlier_scenarios_with_one_file_both_go_on(store_url: str) -> None:
    async with house(store_url) as (ledger, suppliers):
        with no_claims():
            for each in (OWN, ALSO):
                await open_scenario(suppliers, each)
        for each in (ALSO, OWN):
            assert not await open_scenario(suppliers, each)
        claim = await ledger.newest(FileClaim, FileClaim.identity("own/used.json"))
        assert (claim.version, claim.line) == (1, "roof")  # whoever came first


# Imports.


async def take_over(suppliers: Suppliers, asked: Asked) -> None:
    record = {"SupplierID": "ACME", "Capacity": 2, "Used": 1, "UsedPct": 0.5}
    imported = read_capacity_file(json.dumps({"ACME": record}).encode())
    await suppliers.import_capacity_file(command(), imported=imported, **asked)


@pytest.mark.parametrize("rivals", RIVALS.values(), ids=RIVALS)
@asynchronous
async def test_an_import_takes_nobodys_file(store_url: str, rivals: tuple[Asked, Asked]) -> None:
    async with house(store_url) as (ledger, suppliers):
        await take_over(suppliers, rivals[0])
        before = await everything(ledger)
        with pytest.raises(CapacityFileTaken, match=f"belongs to the scenario {_name(rivals)}"):
            await take_over(suppliers, rivals[1])
        with pytest.raises(CapacityFileTaken):
            await open_scenario(suppliers, rivals[1])
        assert await everything(ledger) == before


@asynchronous
async def test_an_import_into_an_earlier_scenario_claims_its_file(store_url: str) -> None:
    async with house(store_url) as (ledger, suppliers):
        with no_claims():
            await open_scenario(suppliers, OWN)
        await take_over(suppliers, OWN)
        assert (await ledger.newest(FileClaim, FileClaim.identity("own/used.json"))).exists
        scenario = await ledger.newest(Scenario, Scenario.identity("sbus", "demo"))
        assert scenario.capacity_file == "own/used.json"


def _name(rivals: tuple[Asked, Asked]) -> str:
    return f"{rivals[0]['line']}/{rivals[0]['scenario']}"
