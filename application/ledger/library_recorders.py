"""Recorders of the `eventsourcing` library: reading is inherited, writing is the ledger's."""

from collections.abc import Sequence
from typing import Any

from eventsourcing.persistence import StoredEvent
from eventsourcing.postgres import PostgresAggregateRecorder, PostgresApplicationRecorder
from eventsourcing.sqlite import SQLiteAggregateRecorder, SQLiteApplicationRecorder

from application.ledger.library_mapping import row_of
from application.ledger.store import Snapshot
from application.ledger.synchronous import SynchronousLedger


class _OfLedger:
    """Comes before a recorder of the library: it reads, and the ledger writes."""

    def __init__(self, datastore: Any, ledger: SynchronousLedger, **options: Any) -> None:
        super().__init__(datastore, **options)  # type: ignore[call-arg] # what comes next takes it
        self._ledger = ledger

    def create_table(self) -> None:
        """Do nothing: `capacity migrate` makes the tables."""


class _OfLog(_OfLedger):
    def insert_events(self, stored_events: Sequence[StoredEvent], **_: Any) -> list[int]:
        """Append the events, all or none, and return their positions. Raises IntegrityError."""
        if not stored_events:
            return []
        return self._ledger.append([row_of(each) for each in stored_events])


class _OfEvents(_OfLedger):
    def insert_events(self, stored_events: Sequence[StoredEvent], **_: Any) -> None:
        """Append the events, all or none. Raises IntegrityError."""
        if stored_events:
            self._ledger.append([row_of(each) for each in stored_events])


class _OfSnapshots(_OfLedger):
    def __init__(self, datastore: Any, ledger: SynchronousLedger) -> None:
        super().__init__(datastore, ledger, events_table_name="snapshots")

    def insert_events(self, stored_events: Sequence[StoredEvent], **_: Any) -> None:
        """Keep these snapshots; the first of a version stays."""
        self._ledger.save_snapshots([Snapshot(*row_of(each)) for each in stored_events])


class SqliteRecorder(_OfLog, SQLiteApplicationRecorder):
    """The whole log in SQLite."""


class PostgresRecorder(_OfLog, PostgresApplicationRecorder):
    """The whole log in PostgreSQL."""


class SqliteAggregateRecorder(_OfEvents, SQLiteAggregateRecorder):
    """Events of aggregates in SQLite."""


class PostgresEventsRecorder(_OfEvents, PostgresAggregateRecorder):
    """Events of aggregates in PostgreSQL."""


class SqliteSnapshotRecorder(_OfSnapshots, SQLiteAggregateRecorder):
    """The ledger's own `snapshots` in SQLite."""


class PostgresSnapshotRecorder(_OfSnapshots, PostgresAggregateRecorder):
    """The ledger's own `snapshots` in PostgreSQL."""
