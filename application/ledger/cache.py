"""The newest known state of aggregates: what is queued lies over what is durable."""

from uuid import UUID

from domain.aggregate import Aggregate


class AggregateCache:
    """Keeps states within two generations of `generation_size` each; queued ones are never dropped.

    A dropped state costs a load; a stale one is found out when its group is stored.
    """

    def __init__(self, generation_size: int) -> None:
        self._generation_size = generation_size
        self._queued: dict[UUID, Aggregate] = {}
        self._young: dict[UUID, Aggregate] = {}
        self._old: dict[UUID, Aggregate] = {}

    def newest(self, aggregate_id: UUID) -> Aggregate | None:
        """Return the newest state known, durable or still queued."""
        found = self._queued.get(aggregate_id) or self._young.get(aggregate_id)
        if found is None and (found := self._old.pop(aggregate_id, None)) is not None:
            self._young[aggregate_id] = found
        return found

    def queue(self, states: dict[UUID, Aggregate]) -> None:
        """Lay states that are on their way to the store over the durable ones."""
        self._queued.update(states)

    def settle(self, states: dict[UUID, Aggregate]) -> None:
        """Take note that these states are durable."""
        queued = self._queued
        for aggregate_id, state in states.items():
            if queued.get(aggregate_id) is state:
                del queued[aggregate_id]
        self._young.update(states)
        self._make_room()

    def loaded(self, state: Aggregate) -> None:
        """Keep a state read from the store, unless a newer one has become known meanwhile."""
        known = self.newest(state.id)
        if known is None or known.version < state.version:
            self._young[state.id] = state
            self._make_room()

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
