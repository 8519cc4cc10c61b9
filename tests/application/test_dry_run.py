"""A dry run says what the real run then does: the same answer and events, or the same error."""

import asyncio
import shutil
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import asdict, replace

from application.access import Access
from application.ledger import Command, Ledger, Outcome
from application.ledger.library import ledger_store
from application.suppliers import Match, Suppliers
from domain.aggregate import Event
from domain.errors import DomainError
from tests.support.ledgers import Clock, command, query
from tests.support.offers import offers_document

LINE, SCENARIO = "sbus", "demo"
PLACE: dict[str, Any] = {"line": LINE, "scenario": SCENARIO}
NAMES = ["ACME", "BETA", "NOBODY"]
REGISTRATIONS = ["R1", "R2", "R3"]
KEY_IDS = st.uuids(version=4)

Ask = Callable[[Suppliers, Command], Awaitable[Outcome[Any]]]
suppliers = st.sampled_from(NAMES)
registrations = st.sampled_from(REGISTRATIONS)
capacities = st.dictionaries(st.sampled_from(NAMES[:2]), st.integers(0, 3), min_size=1)
matches = st.builds(Match, registrations, suppliers)


def publish(slots: dict[str, int]) -> Ask:
    document = offers_document(slots)
    return lambda use, asked: use.publish_offers(asked, line=LINE, document=document)


def set_aliases(aliases: dict[str, str]) -> Ask:
    return lambda use, asked: use.set_aliases(asked, line=LINE, supplier_by_alias=aliases)


def change(name: str) -> Ask:
    return lambda use, asked: getattr(use, name)(asked, **PLACE)


def book(match: Match) -> Ask:
    return lambda use, asked: use.book(asked, **PLACE, match=match)


def book_all(wanted: list[Match]) -> Ask:
    return lambda use, asked: use.book_all(asked, **PLACE, matches=wanted)


def release(registration_id: str) -> Ask:
    return lambda use, asked: use.release(asked, **PLACE, registration_id=registration_id)


def reassign(registration_id: str, supplier: str) -> Ask:
    return lambda use, asked: use.reassign(
        asked, **PLACE, registration_id=registration_id, supplier=supplier
    )


def choose(registration_ids: list[str]) -> Ask:
    records = [{"registration_id": each, "zip_code": "55407"} for each in registration_ids]
    return lambda use, asked: use.choose(asked, **PLACE, records=records)


anything = st.one_of(
    st.builds(publish, capacities),
    st.builds(set_aliases, st.dictionaries(st.sampled_from(["a", "ACME"]), suppliers, max_size=2)),
    st.builds(change, st.sampled_from(["open_scenario", "resync", "reset"])),
    st.builds(book, matches),
    st.builds(book_all, st.lists(matches, min_size=1, max_size=4)),
    st.builds(release, registrations),
    st.builds(reassign, registrations, suppliers),
    st.builds(choose, st.lists(registrations, min_size=1, max_size=3)),
)


def said(event: Event) -> tuple[type[Event], dict[str, Any]]:
    """Return an event's class and fields; when it was recorded belongs to each run."""
    fields = asdict(event) | {"previous_hash": ""}
    fields["provenance"] = replace(event.provenance, recorded_at=event.provenance.recorded_at.min)
    return type(event), fields


async def asked(ask: Callable[[Command], Awaitable[Outcome[Any]]], command: Command) -> Any:
    try:
        outcome = await ask(command)
    except DomainError as error:
        return repr(error)
    return _plain(outcome.result), [said(each) for each in outcome.events]


def _plain(result: Any) -> Any:
    if not isinstance(result, list):
        return result
    return [repr(each) if isinstance(each, Exception) else each for each in result]


async def runs(url: str, asks: list[Ask], *, dry_run: bool = True) -> None:
    """Ask for each thing twice, first as a trial; fail where the two differ."""
    ledger = Ledger(ledger_store(url), clock=Clock())
    await ledger.open()
    try:
        use = Suppliers(ledger)
        await publish({"ACME": 2, "BETA": 1})(use, command())
        await change("open_scenario")(use, command())
        for ask in asks:
            real = command()
            head = (await ledger.store.head())[0]
            trial = await asked(partial(ask, use), replace(real, dry_run=dry_run))
            assert (await ledger.store.head())[0] == head, "a trial took a position"
            assert await asked(partial(ask, use), real) == trial
    finally:
        await ledger.close()


@settings(
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.lists(anything, min_size=1, max_size=8))
def test_the_real_run_does_what_the_trial_said(store_url: str, asks: list[Ask]) -> None:
    _empty(store_url)
    asyncio.run(runs(store_url, asks))


def test_a_trial_that_stores_is_found_out(store_url: str) -> None:
    """The negative control: asked twice for good, the second time is another answer."""
    with pytest.raises(AssertionError, match="took a position"):
        asyncio.run(runs(store_url, [book(Match("R1", "ACME"))], dry_run=False))


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(key_id=KEY_IDS, scopes=st.lists(st.sampled_from(["read", "write", "no"]), max_size=2))
def test_keys_are_tried_out_too(store_url: str, key_id: Any, scopes: list[str]) -> None:
    async def run() -> None:
        ledger = Ledger(ledger_store(store_url), clock=Clock())
        await ledger.open()
        use = Access(ledger)
        try:
            for ask in (
                lambda each: use.create(
                    each, key_id=key_id, secret_sha256=bytes(32), owner="ada", scopes=scopes
                ),
                lambda each: use.revoke(each, key_id=key_id),
            ):
                real = command()
                trial = await asked(ask, replace(real, dry_run=True))
                assert await asked(ask, real) == trial
        finally:
            await ledger.close()

    asyncio.run(run())


def _empty(url: str) -> None:
    """Begin each example anew."""
    if url.startswith("sqlite"):
        file = Path(url.removeprefix("sqlite:///"))
        kept = file.with_suffix(".empty")
        if not kept.exists():
            shutil.copyfile(file, kept)
        for each in (f"{file}-wal", f"{file}-shm"):
            Path(each).unlink(missing_ok=True)
        shutil.copyfile(kept, file)
    else:
        query(url, "TRUNCATE stored_events, append_groups, replies, snapshots RESTART IDENTITY")
