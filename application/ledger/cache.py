"""The newest known state of aggregates: what is queued lies over what is durable.

States lie under the integer of their aggregate's id: a UUID is hashed by Python code, at a tenth
of the cost of a whole decision.
"""

from collections.abc import Iterable
from uuid import UUID

from domain.aggregate import Aggregate


class AggregateCache:
    """Keeps states within two generations of `generation_size` each; queued ones are never dropped.

    A dropped state costs a load; a stale one is found out when its group is stored.
    """

    def __init__(self, generation_size: int) -> None:
        self._generation_size = generation_size
        self._queued: dict[int, Aggregate] = {}
        self._young: dict[int, Aggregate] = {}
        self._old: dict[int, Aggregate] = {}

    def newest(self, aggregate_id: UUID) -> Aggregate | None:
        """Return the newest state known, durable or still queued."""
        key = aggregate_id.int
        found = self._queued.get(key) or self._young.get(key)
        if found is None and (found := self._old.pop(key, None)) is not None:
            self._young[key] = found
        return found

    def queue(self, states: dict[int, Aggregate]) -> None:
        """Lay states that are on their way to the store over the durable ones."""
        self._queued.update(states)

    def settle(self, states: dict[int, Aggregate]) -> None:
        """Take note that these states are durable."""
        queued = self._queued
        for key, state in states.items():
            if queued.get(key) is state:
                del queued[key]
        self._young.update(states)
        self._make_room()

    def loaded(self, state: Aggregate) -> None:
        """Keep a state read from the store, unless a newer one has become known meanwhile."""
        known = self.newest(state.id)
        if known is None or known.version < state.version:
            self._young[state.id.int] = state
            self._make_room()

    def release(self, aggregate_ids: Iterable[UUID]) -> None:
        """Drop durable states that nobody will ask for soon; what is queued stays."""
        for aggregate_id in aggregate_ids:
            self._young.pop(aggregate_id.int, None)
            self._old.pop(aggregate_id.int, None)

    def forget_queued(self) -> None:
        """Drop every state that was decided and is not durable."""
        self._queued.clear()

    def adopt(self, other: "AggregateCache") -> None:
        """Take over durable states that were read, or written, under the write lock."""
        self._young.update(other._young)
        self._young.update(other._queued)
        self._make_room()

    def _make_room(self) -> None:
        if len(self._young) > self._generation_size:
            self._old, self._young = self._young, {}
