"""The ledger as the `eventsourcing` library knows it: for history, versioned reads and scripts.

The library's own code reads our tables. What it writes goes through the committer's queue, like
everything else, so that the order of positions is the order of commits here too.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast
from uuid import UUID

from eventsourcing.application import Application
from eventsourcing.persistence import (
    AggregateRecorder,
    ApplicationRecorder,
    InfrastructureFactory,
    ProcessRecorder,
    Recording,
    TrackingRecorder,
)
from eventsourcing.popo import POPOFactory
from eventsourcing.postgres import PostgresDatastore
from eventsourcing.sqlite import SQLiteDatastore
from eventsourcing.utils import Environment, EnvType
from psycopg.conninfo import conninfo_to_dict

from application.ledger.library_mapping import (
    AggregateSnapshot,
    LedgerMapper,
    LinkedRepository,
    SnapshotStore,
)
from application.ledger.library_recorders import (
    PostgresEventsRecorder,
    PostgresRecorder,
    PostgresSnapshotRecorder,
    SqliteAggregateRecorder,
    SqliteRecorder,
    SqliteSnapshotRecorder,
)
from application.ledger.postgres_store import PostgresStore
from application.ledger.sqlite_appends import BUSY_SECONDS
from application.ledger.sqlite_store import SqliteStore
from application.ledger.store import EventStore
from application.ledger.synchronous import SynchronousLedger
from domain.aggregate import Aggregate
from domain.stored import encode_linked

# A subscription holds two connections, and what it calls needs another.
_POOL_CONNECTIONS = 5
_POOL_WAIT_SECONDS = 30.0


def _utc_now() -> datetime:
    return datetime.now(UTC)


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


def ledger_store(url: str) -> EventStore:
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
