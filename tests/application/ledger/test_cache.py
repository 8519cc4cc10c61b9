"""The cache drops what it may, and never what is on its way to the store."""

from application.ledger.cache import AggregateCache
from domain.assignments import Role

DURABLE, QUEUED = Role(Role.identity(1)), Role(Role.identity(2))


def test_a_released_state_is_dropped_and_a_queued_one_stays() -> None:
    cache = AggregateCache(10)
    cache.loaded(DURABLE)
    cache.queue({QUEUED.id.int: QUEUED})
    cache.release([DURABLE.id, QUEUED.id, Role.identity(3)])
    assert cache.newest(DURABLE.id) is None
    assert cache.newest(QUEUED.id) is QUEUED
