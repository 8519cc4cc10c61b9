"""Events are found by what stands in them and when they were recorded, from either end."""

from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from application.ledger.searching import Filter, newest_first, oldest_first
from application.ledger.tracing import MAX_DEPTH, Caused, CorrelationNotFound, trace
from tests.support.asynchronous import asynchronous
from tests.support.ledgers import (
    BEGIN,
    Clock,
    booking,
    command,
    log_at,
    opened,
    opening,
    releasing,
    supplier_id,
)


def _positions(found: Iterator[tuple[int, object]]) -> list[int]:
    return [position for position, _ in found]


@asynchronous
async def test_filters_find_exactly_what_is_meant(store_url: str) -> None:
    clock = Clock()
    async with opened(store_url, clock=clock) as ledger:
        await ledger.execute(command(), opening(slots=9))
        clock.turn(minutes=1)
        await ledger.execute(command(reason='said "actor":"bob"'), booking("R1"))
        await ledger.execute(command(actor="bob"), booking("R2"))
        clock.turn(minutes=1)
        await ledger.execute(command(actor='b"ö\\b'), booking("R3"))
    with closing(log_at(store_url)) as log:
        everything = list(oldest_first(log, Filter(), limit=2))
        first = everything[0].position
        assert [each.position - first for each in everything] == list(range(7))
        assert list(newest_first(log, Filter(), limit=2)) == everything[::-1]

        def found(wanted: Filter) -> list[int]:
            ordered = _positions(oldest_first(log, wanted))
            assert _positions(newest_first(log, wanted, limit=1)) == ordered[::-1]
            return [position - first for position in ordered]

        assert found(Filter(actor="bob")) == [3, 4]
        assert found(Filter(actor='b"ö\\b')) == [5, 6]
        assert found(Filter(actor="bo")) == []
        assert found(Filter(aggregate_id=supplier_id())) == [0, 1, 3, 5]
        assert found(Filter(aggregate_id=supplier_id(), after=first + 2)) == [3, 5]
        assert found(Filter(topics=["suppliers.booked"])) == [2, 4, 6]
        assert found(Filter(topics=[])) == []
        assert found(Filter(after=first + 1, up_to=first + 3)) == [2, 3]
        assert found(Filter(topics=["suppliers.booked"], actor="bob", after=first)) == [4]


@asynchronous
async def test_a_time_means_the_last_position_before_what_came_after_it(store_url: str) -> None:
    clock = Clock()
    heads = []
    async with opened(store_url, clock=clock) as ledger:
        for decide in (opening(), booking("R1"), booking("R2")):
            heads.append((await ledger.execute(command(), decide)).position)
            clock.turn(minutes=1)
    with closing(log_at(store_url)) as log:
        tick = timedelta(microseconds=1)
        for number, head in enumerate(heads):
            at = BEGIN + timedelta(minutes=number)
            assert log.position_at(at) == head
            assert log.position_at(at - tick) == (heads[number - 1] if number else 0)
        assert log.position_at(BEGIN + timedelta(days=9)) == heads[-1]


@asynchronous
async def test_a_trace_is_a_tree_of_causes(store_url: str) -> None:
    asked, cause, effect = uuid4(), uuid4(), uuid4()
    async with opened(store_url) as ledger:
        await ledger.execute(command(), opening(slots=9))
        first = {"command_id": cause, "correlation_id": asked}
        await ledger.execute(command(**first), booking("R1"))
        led_to = {"command_id": effect, "correlation_id": asked, "causation_id": cause}
        await ledger.execute(command(**led_to), releasing("R1"))
        await ledger.execute(command(correlation_id=asked), booking("R2"))
        mentioned = command(reason=f"see {asked}")
        await ledger.execute(mentioned, booking("R3"))
    with closing(log_at(store_url)) as log:
        found = trace(log, asked)
        assert [_shape(each) for each in found.roots] == [(2, [(2, [])]), (2, [])]
        assert found.complete
        assert [found.roots[0].command_id, found.roots[0].led_to[0].command_id] == [cause, effect]
        assert not trace(log, asked, most_events=3).complete
        with pytest.raises(CorrelationNotFound, match="No event has the correlation id"):
            trace(log, uuid4())
        with pytest.raises(CorrelationNotFound, match=f"a command of the correlation {asked}"):
            trace(log, cause)


def _shape(caused: Caused) -> tuple[int, list[object]]:
    return len(caused.events), [_shape(each) for each in caused.led_to]


@asynchronous
async def test_a_chain_without_end_becomes_several_trees(store_url: str) -> None:
    """Causes are the callers' to say: a circle, or a chain of thousands, must do no harm."""
    asked = uuid4()
    ids = [UUID(int=number) for number in range(1, 3 * MAX_DEPTH)]
    async with opened(store_url) as ledger:
        await ledger.execute(command(), opening(slots=1_000))
        for before, each in zip([ids[0], *ids], ids, strict=False):
            named = {"command_id": each, "correlation_id": asked, "causation_id": before}
            await ledger.execute(command(**named), booking(f"R{each.int}"))
    with closing(log_at(store_url)) as log:
        found = trace(log, asked)
        depths = [_depth(each) for each in found.roots]
        assert sum(depths) == len(ids)
        assert max(depths) <= MAX_DEPTH + 1


def _depth(caused: Caused) -> int:
    return 1 + max((_depth(each) for each in caused.led_to), default=0)
