"""Events and snapshots as the `eventsourcing` library handles them, stored as the ledger does."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from eventsourcing.application import Repository
from eventsourcing.domain import DomainEventProtocol
from eventsourcing.persistence import EventStore, JSONTranscoder, Mapper, StoredEvent
from msgspec import Struct

from application.ledger.store import Row
from domain.aggregate import Aggregate, Event
from domain.catalogue import AGGREGATES, UnknownTopic
from domain.stored import decode, decode_snapshot, encode, encode_snapshot, event_hash, stored_topic


class AggregateSnapshot(Struct, frozen=True):
    """The state of one aggregate at one version, as the library's repository handles it."""

    originator_id: UUID
    originator_version: int
    topic: str
    state: bytes

    @classmethod
    def take(cls, aggregate: Aggregate) -> "AggregateSnapshot":
        """Return the state of an aggregate."""
        topic = snapshot_topic(type(aggregate))
        return cls(aggregate.id, aggregate.version, topic, encode_snapshot(aggregate))

    def aggregate(self) -> Aggregate | None:
        """Return the aggregate as it was, or None if its declared shape has changed since."""
        aggregate_class = _SNAPSHOT_CLASSES.get(self.topic)
        if aggregate_class is None:
            where = f"snapshot {self.originator_version} of {self.originator_id}"
            raise UnknownTopic(self.topic, where)
        return decode_snapshot(
            aggregate_class, self.originator_id, self.originator_version, self.state
        )

    def mutate(self, _: object) -> Aggregate | None:
        """Return the aggregate as it was; the library's repository asks."""
        return self.aggregate()


def snapshot_topic(aggregate_class: type[Aggregate]) -> str:
    """Return the topic under which the snapshots of a class are stored."""
    return f"snapshot.{aggregate_class.__name__}"


_SNAPSHOT_CLASSES = {snapshot_topic(each): each for each in AGGREGATES}


class LedgerMapper(Mapper[UUID]):
    """Writes and reads events and snapshots exactly as the ledger does."""

    def __init__(self) -> None:
        super().__init__(JSONTranscoder())  # never used: our bytes are msgspec's

    def to_stored_event(self, domain_event: DomainEventProtocol[UUID]) -> StoredEvent:
        """Return the columns of one recorded event or snapshot."""
        if isinstance(domain_event, AggregateSnapshot):
            topic, state = domain_event.topic, domain_event.state
        else:
            assert isinstance(domain_event, Event)
            topic, state = stored_topic(type(domain_event)), encode(domain_event)
        return StoredEvent(
            originator_id=domain_event.originator_id,
            originator_version=domain_event.originator_version,
            topic=topic,
            state=state,
        )

    def to_domain_event(self, stored_event: StoredEvent) -> DomainEventProtocol[UUID]:
        """Return the event or snapshot that was stored, in today's shape. Raises UnknownTopic."""
        row = row_of(stored_event)
        if row.topic.startswith("snapshot."):
            return AggregateSnapshot(*row)
        return decode(row.topic, row.state, row.originator_id, row.originator_version)


class SnapshotStore(EventStore[UUID]):
    """Leaves out the snapshots whose shape is not today's; the aggregate is folded anew then."""

    def get(
        self,
        originator_id: UUID,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> Iterator[DomainEventProtocol[UUID]]:
        """Return the snapshots of one aggregate that can still be read."""
        found = super().get(originator_id, gt=gt, lte=lte, desc=desc, limit=limit)
        return (
            each
            for each in found
            if isinstance(each, AggregateSnapshot) and each.aggregate() is not None
        )


class LinkedRepository(Repository[UUID]):
    """Hands out aggregates that know the hash of their last event, as it is stored."""

    def get(self, aggregate_id: UUID, *arguments: Any, **named: Any) -> Any:
        """Return an aggregate; as the library's own, but for the hash."""
        found = super().get(aggregate_id, *arguments, **named)
        if isinstance(found, Aggregate):
            [newest] = self.event_store.recorder.select_events(
                aggregate_id, lte=found.version, desc=True, limit=1
            )
            found.last_hash, found.linked = event_hash(newest.topic, newest.state), True
        return found


def row_of(stored: StoredEvent) -> Row:
    """Return the ledger's row of what the library would store."""
    identity = stored.originator_id
    originator_id = identity if isinstance(identity, UUID) else UUID(identity)
    return Row(originator_id, stored.originator_version, stored.topic, stored.state)
