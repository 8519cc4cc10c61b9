"""The catalogue is the only way from stored data to code."""

from uuid import UUID

import pytest

from application.ledger.store import Row
from domain.catalogue import EVENTS_BY_TOPIC, UnknownTopic
from domain.suppliers import SupplierCapacity
from tests.support.asynchronous import asynchronous
from tests.support.ledgers import booking, command, everything, opened, opening

STRANGERS = ["os:system", "domain.suppliers.capacity:SupplierCapacity.Opened", "suppliers.none"]


@pytest.mark.parametrize("topic", STRANGERS)
@asynchronous
async def test_an_unknown_topic_is_an_error_that_names_it(store_url: str, topic: str) -> None:
    async with opened(store_url) as ledger:
        await ledger.append_raw([Row(UUID(int=5), 1, topic, b"{}")])
        with pytest.raises(UnknownTopic, match=topic) as caught:
            await ledger.newest(SupplierCapacity, UUID(int=5))
        assert str(UUID(int=5)) in str(caught.value)


@pytest.mark.parametrize("topic", STRANGERS)
@asynchronous
async def test_an_unknown_topic_is_no_obstacle_to_others(store_url: str, topic: str) -> None:
    async with opened(store_url) as ledger:
        await ledger.append_raw([Row(UUID(int=5), 1, topic, b"{}")])
        await ledger.execute(command(), opening())
        assert (await ledger.execute(command(), booking("R1"))).result == 1


@asynchronous
async def test_everything_stored_has_a_topic_of_the_catalogue(store_url: str) -> None:
    async with opened(store_url) as ledger:
        await ledger.execute(command(), opening())
        await ledger.execute(command(), booking("R1"))
        assert {row.topic for row in await everything(ledger)} <= set(EVENTS_BY_TOPIC)


@asynchronous
async def test_the_feed_can_be_asked_for_topics(store_url: str) -> None:
    async with opened(store_url) as ledger:
        await ledger.execute(command(), opening())
        await ledger.execute(command(), booking("R1"))
        await ledger.execute(command(), booking("R2"))
        topics = ["suppliers.booked"]
        found = await ledger.store.feed(after=0, limit=10, topics=topics)
        assert [row.topic for row in found] == topics * 2
        later = await ledger.store.feed(after=found[0].position, limit=10, topics=topics)
        assert later == found[1:]
        assert (
            await ledger.store.feed(after=0, limit=1, topics=None) == (await everything(ledger))[:1]
        )
        assert await ledger.store.feed(after=0, limit=10, topics=[]) == []
