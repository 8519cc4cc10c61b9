"""Positions and times: an answer names exactly where it stands, and time never runs backwards."""

import asyncio
from datetime import UTC, datetime, timedelta

from application.ledger import Ledger
from application.ledger.library import ledger_store
from domain.stored import decode
from tests.support.asynchronous import asynchronous, soon
from tests.support.ledgers import (
    BEGIN,
    Clock,
    booking,
    command,
    counting,
    everything,
    opened,
    opening,
    query,
)

EPOCH = datetime.fromtimestamp(0, UTC)


async def recorded_times(ledger: Ledger) -> list[datetime]:
    return [
        decode(
            row.topic, row.state, row.originator_id, row.originator_version
        ).provenance.recorded_at
        for row in await everything(ledger)
    ]


def group_times(store_url: str) -> list[int]:
    found = query(store_url, "SELECT recorded_at_us FROM append_groups ORDER BY position")
    return [row[0] for row in found]


@asynchronous
async def test_an_outcome_names_the_position_of_its_last_event(store_url: str) -> None:
    async with opened(store_url) as ledger:
        await ledger.execute(command(), opening(slots=20))
        outcomes = await asyncio.gather(
            *(ledger.execute(command(), booking(f"R{n}")) for n in range(20))
        )
        stored = {row.position: row for row in await everything(ledger)}
        for outcome in outcomes:
            last, row = outcome.events[-1], stored[outcome.position]
            assert (row.originator_id, row.originator_version) == (
                last.originator_id,
                last.originator_version,
            )
        assert ledger.head == max(stored)


@asynchronous
async def test_a_bundle_is_one_run_of_positions(store_url: str) -> None:
    async with opened(store_url) as ledger:
        opened_at = (await ledger.execute(command(), opening())).position
        outcome = await ledger.execute_all(command(), [booking(f"R{n}") for n in range(4)])
        assert outcome.position == opened_at + 8
        stored = await everything(ledger)
        assert [(row.originator_id, row.originator_version) for row in stored[1:]] == [
            (event.originator_id, event.originator_version) for event in outcome.events
        ]


@asynchronous
async def test_a_quiet_answer_names_a_position_where_its_state_is_visible(store_url: str) -> None:
    async with opened(store_url) as ledger:
        await ledger.execute(command(), opening())
        booked = await ledger.execute(command(), booking("R1"))
        quiet = await ledger.execute(command(), booking("R1"))
        assert quiet.position >= booked.position
        assert quiet.events == ()


@asynchronous
async def test_recorded_at_never_decreases_when_the_clock_jumps_back(store_url: str) -> None:
    clock = Clock()
    async with opened(store_url, clock=clock) as ledger:
        await ledger.execute(command(), opening())
        for number in range(3):
            clock.turn(minutes=-10)
            await ledger.execute(command(), booking(f"R{number}"))
        clock.turn(hours=2)
        await ledger.execute(command(), booking("R9"))
        times = await recorded_times(ledger)
        assert times == sorted(times)
        assert times[0] == times[-3] == BEGIN
        assert times[-1] == BEGIN + timedelta(minutes=90)


@asynchronous
async def test_a_ledger_that_is_opened_later_goes_on_from_the_last_time(store_url: str) -> None:
    ahead = Clock()
    ahead.turn(hours=1, microseconds=123_457)
    async with opened(store_url, clock=ahead) as ledger:
        await ledger.execute(command(), opening())
    async with opened(store_url) as ledger:
        await ledger.execute(command(), opening(supplier="BETA"))
        times = await recorded_times(ledger)
        assert times == [ahead.now, ahead.now]


@asynchronous
async def test_a_state_loaded_from_another_process_brings_its_time_along(store_url: str) -> None:
    ahead = Clock()
    ahead.turn(hours=1)
    async with opened(store_url) as ledger, opened(store_url, clock=ahead) as other:
        await other.execute(command(), opening())
        await ledger.execute(command(), booking("R1"))
        assert await recorded_times(ledger) == [ahead.now] * 3


@asynchronous
async def test_the_time_of_groups_never_decreases(store_url: str) -> None:
    behind = Clock()
    behind.turn(hours=-5)
    async with opened(store_url) as ledger, opened(store_url, clock=behind) as other:
        await ledger.execute(command(), opening())
        await other.execute(command(), opening(supplier="BETA"))
        await ledger.execute(command(), booking("R1"))
        times = group_times(store_url)
        assert len(times) == 3
        assert times == sorted(times)


@asynchronous
async def test_a_group_is_never_older_than_its_events(store_url: str) -> None:
    """To the microsecond: a moment must not split what it names."""
    clock = Clock()
    async with opened(store_url, clock=clock) as ledger:
        await ledger.execute(command(), opening(slots=100))
        for number in range(60):
            clock.turn(microseconds=7_919)
            await ledger.execute(command(), booking(f"R{number}"))
            recorded_at = (clock.now - EPOCH) // timedelta(microseconds=1)
            assert await ledger.store.head() == (ledger.head, recorded_at)


@asynchronous
async def test_a_group_is_one_row_with_its_newest_position(store_url: str) -> None:
    async with opened(store_url) as ledger:
        await ledger.execute(command(), opening())
        await soon(asyncio.gather(*(ledger.execute(command(), booking(f"R{n}")) for n in range(6))))
        await ledger.execute(command(), counting())
        ends = [row[0] for row in query(store_url, "SELECT position FROM append_groups")]
        assert ends[0] == 1
        assert ends[-1] == 13
        assert len(ends) < 8


@asynchronous
async def test_the_head_of_an_empty_ledger_is_zero(store_url: str) -> None:
    store = ledger_store(store_url)
    await store.open()
    assert await store.head() == (0, 0)
    assert await store.confirm([]) == 0
    await store.close()
