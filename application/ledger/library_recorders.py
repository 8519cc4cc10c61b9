"""Recorders of the `eventsourcing` library: reading is inherited, writing is the ledger's."""

from collections.abc import Sequence
from typing import Any

from eventsourcing.persistence import ApplicationRecorder, StoredEvent, Subscription
from eventsourcing.postgres import (
    PostgresAggregateRecorder,
    PostgresApplicationRecorder,
    PostgresSubscription,
)
from eventsourcing.sqlite import SQLiteAggregateRecorder, SQLiteApplicationRecorder
from psycopg.sql import SQL, Identifier

from application.ledger.library_mapping import row_of
from application.ledger.store import Snapshot
from application.ledger.synchronous import SynchronousLedger

LISTEN_SECONDS = 0.1  # how soon a subscription that is stopped ends


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


class LookingAgain(PostgresSubscription):
    """A subscription of the library that looks once more as soon as it can hear.

    The library's own misses for ever what is stored between its first look and its LISTEN.
    """

    def _listen(self) -> None:
        try:
            with self._recorder.datastore.get_connection() as connection:
                channel = Identifier(self._recorder.channel_name)
                connection.execute(SQL("LISTEN {}").format(channel))
                self._has_been_notified.set()
                while not self._has_been_stopped and not self._thread_error:
                    for _ in connection.notifies(timeout=LISTEN_SECONDS, stop_after=1):
                        self._has_been_notified.set()
        except BaseException as error:  # told to whoever iterates, as the library does
            self._thread_error = self._thread_error or error
            self.stop()


class PostgresRecorder(_OfLog, PostgresApplicationRecorder):
    """The whole log in PostgreSQL."""

    def subscribe(
        self, gt: int | None = None, topics: Sequence[str] = ()
    ) -> Subscription[ApplicationRecorder]:
        """Return what follows the log beyond a position, and misses nothing."""
        return LookingAgain(self, gt=gt, topics=topics)


class SqliteAggregateRecorder(_OfEvents, SQLiteAggregateRecorder):
    """Events of aggregates in SQLite."""


class PostgresEventsRecorder(_OfEvents, PostgresAggregateRecorder):
    """Events of aggregates in PostgreSQL."""


class SqliteSnapshotRecorder(_OfSnapshots, SQLiteAggregateRecorder):
    """The ledger's own `snapshots` in SQLite."""


class PostgresSnapshotRecorder(_OfSnapshots, PostgresAggregateRecorder):
    """The ledger's own `snapshots` in PostgreSQL."""
