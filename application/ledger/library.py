"""The ledger as the `eventsourcing` library knows it: for history, versioned reads and scripts.

The library's own code reads our tables. What it writes goes through the committer's queue, like
everything else, so that the order of positions is the order of commits here too.
"""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar, cast
from uuid import UUID

from eventsourcing.application import Application, Repository
from eventsourcing.domain import DomainEventProtocol
from eventsourcing.persistence import (
    AggregateRecorder,
    ApplicationRecorder,
    EventStore,
    InfrastructureFactory,
    IntegrityError,
    JSONTranscoder,
    Mapper,
    OperationalError,
    ProcessRecorder,
    Recording,
    StoredEvent,
    TrackingRecorder,
)
from eventsourcing.popo import POPOFactory
from eventsourcing.postgres import (
    PostgresAggregateRecorder,
    PostgresApplicationRecorder,
    PostgresDatastore,
)
from eventsourcing.sqlite import (
    SQLiteAggregateRecorder,
    SQLiteApplicationRecorder,
    SQLiteDatastore,
)
from eventsourcing.utils import Environment, EnvType
from msgspec import Struct
from psycopg.conninfo import conninfo_to_dict

from application.ledger.command import LedgerUnavailable
from application.ledger.ledger import DEFAULT_LIMITS, Ledger, Limits
from application.ledger.postgres_store import PostgresStore
from application.ledger.sqlite_appends import BUSY_SECONDS
from application.ledger.sqlite_store import SqliteStore
from application.ledger.store import EventStore as LedgerStore
from application.ledger.store import Row, Snapshot, StaleGroup
from domain.aggregate import Aggregate, Event
from domain.catalogue import AGGREGATES, UnknownTopic
from domain.stored import (
    decode,
    decode_snapshot,
    encode,
    encode_linked,
    encode_snapshot,
    event_hash,
    stored_topic,
)

T = TypeVar("T")

# A subscription holds two connections, and what it calls needs another.
_POOL_CONNECTIONS = 5
_POOL_WAIT_SECONDS = 30.0


def _utc_now() -> datetime:
    return datetime.now(UTC)


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
        row = _row(stored_event)
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
            found.last_hash = event_hash(newest.topic, newest.state)
        return found


class SynchronousLedger:
    """A ledger in an event loop in a thread of its own, for callers that cannot await."""

    def __init__(
        self, store: LedgerStore, *, clock: Callable[[], datetime], limits: Limits = DEFAULT_LIMITS
    ) -> None:
        self._loop = asyncio.new_event_loop()
        self._ledger = Ledger(store, clock=clock, limits=limits)
        self._thread = threading.Thread(
            target=self._loop.run_forever, name="synchronous-ledger", daemon=True
        )
        self._thread.start()
        self._closed = False
        try:
            self._wait_for(self._ledger.open())
        except BaseException:
            self.close()
            raise

    def append(self, rows: Sequence[Row]) -> list[int]:
        """Store rows as they are and return their positions. Raises the library's errors."""
        try:
            return self._wait_for(self._ledger.append_raw(rows))
        except StaleGroup as error:
            raise IntegrityError(str(error)) from error
        except LedgerUnavailable as error:
            raise OperationalError(str(error)) from error

    def save_snapshots(self, snapshots: Sequence[Snapshot]) -> None:
        """Keep these states; one that is there already stays."""
        self._wait_for(self._ledger.store.save_snapshots(snapshots))

    def close(self) -> None:
        """Store what is queued, then end the thread; a second time is harmless."""
        if self._closed:
            return
        self._closed = True
        try:
            self._wait_for(self._ledger.close())
        finally:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()

    def _wait_for(self, work: Coroutine[Any, Any, T]) -> T:
        if threading.current_thread() is self._thread:
            work.close()
            raise RuntimeError(
                "The synchronous ledger was called on its own event loop's thread, where waiting "
                "would never end; await the Ledger instead"
            )
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()


# Recorders: reading is inherited, writing is the ledger's, tables are the migrations'.


class SqliteAggregateRecorder(SQLiteAggregateRecorder):
    """Reads `stored_events` as the library does, and writes through the ledger."""

    def __init__(self, datastore: SQLiteDatastore, ledger: SynchronousLedger) -> None:
        super().__init__(datastore)
        self._ledger = ledger

    def create_table(self) -> None:
        """Do nothing: `capacity migrate` makes the tables."""

    def insert_events(self, stored_events: Sequence[StoredEvent], **_: Any) -> None:
        """Append the events; all of them or none. Raises IntegrityError."""
        _append(self._ledger, stored_events)


class PostgresEventsRecorder(PostgresAggregateRecorder):
    """Reads `stored_events` as the library does, and writes through the ledger."""

    def __init__(self, datastore: PostgresDatastore, ledger: SynchronousLedger) -> None:
        super().__init__(datastore)
        self._ledger = ledger

    def create_table(self) -> None:
        """Do nothing: `capacity migrate` makes the tables."""

    def insert_events(self, stored_events: Sequence[StoredEvent], **_: Any) -> None:
        """Append the events; all of them or none. Raises IntegrityError."""
        _append(self._ledger, stored_events)


class SqliteRecorder(SQLiteApplicationRecorder):
    """The whole log in SQLite: read as the library does, written through the ledger."""

    def __init__(self, datastore: SQLiteDatastore, ledger: SynchronousLedger) -> None:
        super().__init__(datastore)
        self._ledger = ledger

    def create_table(self) -> None:
        """Do nothing: `capacity migrate` makes the tables."""

    def insert_events(self, stored_events: Sequence[StoredEvent], **_: Any) -> list[int]:
        """Append the events and return their positions. Raises IntegrityError."""
        return _append(self._ledger, stored_events)


class PostgresRecorder(PostgresApplicationRecorder):
    """The whole log in PostgreSQL: read as the library does, written through the ledger."""

    def __init__(self, datastore: PostgresDatastore, ledger: SynchronousLedger) -> None:
        super().__init__(datastore)
        self._ledger = ledger

    def create_table(self) -> None:
        """Do nothing: `capacity migrate` makes the tables."""

    def insert_events(self, stored_events: Sequence[StoredEvent], **_: Any) -> list[int]:
        """Append the events and return their positions. Raises IntegrityError."""
        return _append(self._ledger, stored_events)


class SqliteSnapshotRecorder(SQLiteAggregateRecorder):
    """The ledger's own `snapshots`; the first of a version stays."""

    def __init__(self, datastore: SQLiteDatastore, ledger: SynchronousLedger) -> None:
        super().__init__(datastore, events_table_name="snapshots")
        self._ledger = ledger

    def create_table(self) -> None:
        """Do nothing: `capacity migrate` makes the tables."""

    def insert_events(self, stored_events: Sequence[StoredEvent], **_: Any) -> None:
        """Keep these snapshots."""
        self._ledger.save_snapshots([Snapshot(*_row(each)) for each in stored_events])


class PostgresSnapshotRecorder(PostgresAggregateRecorder):
    """The ledger's own `snapshots`; the first of a version stays."""

    def __init__(self, datastore: PostgresDatastore, ledger: SynchronousLedger) -> None:
        super().__init__(datastore, events_table_name="snapshots")
        self._ledger = ledger

    def create_table(self) -> None:
        """Do nothing: `capacity migrate` makes the tables."""

    def insert_events(self, stored_events: Sequence[StoredEvent], **_: Any) -> None:
        """Keep these snapshots."""
        self._ledger.save_snapshots([Snapshot(*_row(each)) for each in stored_events])


def _append(ledger: SynchronousLedger, stored_events: Sequence[StoredEvent]) -> list[int]:
    return ledger.append([_row(each) for each in stored_events]) if stored_events else []


def _row(stored: StoredEvent) -> Row:
    identity = stored.originator_id
    originator_id = identity if isinstance(identity, UUID) else UUID(identity)
    return Row(originator_id, stored.originator_version, stored.topic, stored.state)


class NoSuchRecorder(NotImplementedError):
    """Read models follow the ledger by the projector, never by the library's recorders."""

    def __init__(self) -> None:
        super().__init__("Positions of read models are kept by the projector")


class LedgerFactory(InfrastructureFactory):
    """Makes the recorders for one ledger, at a URL `sqlite:///path` or `postgresql://...`."""

    def __init__(self, env: Environment, url: str, clock: Callable[[], datetime]) -> None:
        super().__init__(env)
        self._datastore = datastore(url)
        try:
            self._ledger = SynchronousLedger(ledger_store(url), clock=clock)
        except BaseException:
            self._datastore.close()
            raise

    def application_recorder(self) -> ApplicationRecorder:
        """Return the recorder of the whole log."""
        if isinstance(self._datastore, SQLiteDatastore):
            return SqliteRecorder(self._datastore, self._ledger)
        return PostgresRecorder(self._datastore, self._ledger)

    def aggregate_recorder(self, purpose: str = "events") -> AggregateRecorder:
        """Return the recorder of events or of snapshots."""
        if isinstance(self._datastore, SQLiteDatastore):
            if purpose == "snapshots":
                return SqliteSnapshotRecorder(self._datastore, self._ledger)
            return SqliteAggregateRecorder(self._datastore, self._ledger)
        if purpose == "snapshots":
            return PostgresSnapshotRecorder(self._datastore, self._ledger)
        return PostgresEventsRecorder(self._datastore, self._ledger)

    def tracking_recorder(
        self, tracking_recorder_class: type[TrackingRecorder] | None = None
    ) -> TrackingRecorder:
        """Refuse."""
        raise NoSuchRecorder

    def process_recorder(self) -> ProcessRecorder:
        """Refuse."""
        raise NoSuchRecorder

    def close(self) -> None:
        """Close every connection."""
        self._ledger.close()
        self._datastore.close()


def datastore(url: str) -> SQLiteDatastore | PostgresDatastore:
    """Return the library's connections to the ledger at a URL."""
    if url.startswith("sqlite:///"):
        return SQLiteDatastore(str(_path(url)), lock_timeout=int(BUSY_SECONDS))
    parameters = cast(dict[str, Any], conninfo_to_dict(url))
    found = PostgresDatastore(
        *(parameters.pop(name, None) for name in ("dbname", "host", "port", "user", "password")),
        connect_timeout=_POOL_WAIT_SECONDS,
        pool_size=_POOL_CONNECTIONS,
    )
    assert isinstance(found.pool.kwargs, dict)
    found.pool.kwargs |= parameters  # what else the URL says, such as sslmode
    return found


def ledger_store(url: str) -> LedgerStore:
    """Return the ledger's own store at a URL."""
    return SqliteStore(_path(url)) if url.startswith("sqlite:///") else PostgresStore(url)


def _path(url: str) -> Path:
    return Path(url.removeprefix("sqlite:///"))


class LedgerApplication(Application[UUID]):
    """The library's application over our ledger: `repository.get`, `save`, `take_snapshot`.

    An empty URL keeps everything in memory. Aggregates are saved after a decision that ran on
    `aggregate.bound_to(provenance)`. Nothing is read from the environment.
    """

    is_snapshotting_enabled = True
    snapshot_class = AggregateSnapshot

    def __init__(self, url: str = "", *, clock: Callable[[], datetime] = _utc_now) -> None:
        self._url, self._clock = url, clock
        super().__init__()

    def save(self, *objs: Any, **kwargs: Any) -> list[Recording[UUID]]:
        """Link what each aggregate has recorded to what is stored of it, and save all of it."""
        for each in objs:
            if isinstance(each, Aggregate):
                for event in each.pending_events:
                    encode_linked(each, event)
        return super().save(*objs, **kwargs)

    def construct_env(self, name: str, env: EnvType | None = None) -> Environment:
        """Return what the library must know; the process's environment stays outside."""
        return Environment(name, {"IS_SNAPSHOTTING_ENABLED": "y"})

    def construct_factory(self, env: Environment) -> InfrastructureFactory:
        """Return the factory for our URL."""
        if not self._url:
            return cast(InfrastructureFactory, POPOFactory(env))
        return LedgerFactory(env, self._url, self._clock)

    def construct_mapper(self) -> LedgerMapper:
        """Return the mapper that the ledger's own path shares."""
        return LedgerMapper()

    def construct_repository(self) -> "LinkedRepository":
        """Return a repository whose aggregates know what their next event is linked to."""
        return LinkedRepository(self.events, snapshot_store=self.snapshots)

    def construct_snapshot_store(self) -> SnapshotStore:
        """Return the store of the snapshots that the ledger shares."""
        return SnapshotStore(self.mapper, self.factory.aggregate_recorder(purpose="snapshots"))
