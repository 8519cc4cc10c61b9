"""The eventsourcing library's own recorder suites, run against our recorders on both stores.

They reach raw appends only; decisions, keys and groups have suites of their own beside the ledger.
"""

import unittest
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from threading import Event
from typing import Any, ClassVar
from unittest.mock import patch
from uuid import uuid4

import pytest
from eventsourcing.persistence import ApplicationRecorder, IntegrityError, StoredEvent
from eventsourcing.postgres import PostgresSubscription
from eventsourcing.tests import persistence as suites
from eventsourcing.utils import Environment
from psycopg import Connection

from application.ledger.library import LedgerFactory
from application.ledger.library import ledger_store as library_store
from application.ledger.library_recorders import LookingAgain, PostgresRecorder
from application.ledger.store import Row
from application.ledger.synchronous import SynchronousLedger
from tests.support.ledgers import Clock, migrated
from tests.support.waiting import PATIENCE_SECONDS


def noting(heard: Event, *_: Any, **__: Any) -> Iterator[None]:
    """Say that somebody listens, and hear nothing."""
    heard.set()
    return iter(())


class _OnStore(unittest.TestCase):
    """Gives a case from the library an empty ledger, and closes what it opened."""

    url: str

    def ledger_factory(self) -> LedgerFactory:
        factory = LedgerFactory(Environment("contract", {}), self.url, Clock())
        self.addCleanup(factory.close)
        return factory


class _OnSqlite(_OnStore):
    @pytest.fixture(autouse=True)
    def _make_ledger(self, tmp_path: Path) -> None:
        self.url = migrated(f"sqlite:///{tmp_path / 'capacity.db'}")


class _OnPostgres(_OnStore):
    EXPECT_CONTIGUOUS_NOTIFICATION_IDS: ClassVar[bool] = False

    @pytest.fixture(autouse=True)
    def _make_ledger(self, postgres_url: str) -> None:
        self.url = migrated(postgres_url)


class TestSqliteAggregateRecorder(_OnSqlite, suites.AggregateRecorderTestCase):
    def create_recorder(self):  # type: ignore[no-untyped-def] # as the library's suites have it
        return self.ledger_factory().aggregate_recorder()


class TestPostgresAggregateRecorder(_OnPostgres, suites.AggregateRecorderTestCase):
    def create_recorder(self):  # type: ignore[no-untyped-def] # as the library's suites have it
        return self.ledger_factory().aggregate_recorder()


class TestSqliteRecorder(_OnSqlite, suites.ApplicationRecorderTestCase[ApplicationRecorder]):
    def create_recorder(self) -> ApplicationRecorder:
        return self.ledger_factory().application_recorder()


class TestPostgresRecorder(_OnPostgres, suites.ApplicationRecorderTestCase[ApplicationRecorder]):
    def create_recorder(self) -> ApplicationRecorder:
        return self.ledger_factory().application_recorder()

    def test_insert_subscribe(self) -> None:
        self.optional_test_insert_subscribe()

    def test_what_is_stored_before_a_subscription_can_hear_is_not_missed(self) -> None:
        recorder = self.create_recorder()
        assert isinstance(recorder, PostgresRecorder)
        first, second = (StoredEvent(uuid4(), 1, "topic", b"{}") for _ in range(2))
        for made in (LookingAgain, PostgresSubscription):
            _, position = recorder.insert_events([first]), recorder.max_notification_id()
            assert position is not None
            hears, heard = Event(), Event()

            class Late(made):  # type: ignore[misc, valid-type] # each in turn
                def _listen(self, hears: Event = hears, heard: Event = heard) -> None:
                    hears.wait()
                    with patch.object(Connection, "notifies", partial(noting, heard)):
                        super()._listen()

            with Late(recorder, gt=position - 1) as subscription:
                assert next(subscription).originator_id == first.originator_id
                recorder.insert_events([second])
                hears.set()
                if made is LookingAgain:
                    assert next(subscription).originator_id == second.originator_id
                else:  # the negative control: it listens, and nobody tells it any more
                    assert heard.wait(PATIENCE_SECONDS)
                    assert not subscription._has_been_notified.is_set()
                    assert subscription._notifications_queue.qsize() == 0
            first, second = (StoredEvent(uuid4(), 1, "topic", b"{}") for _ in range(2))

    def test_appends_60_000_events_at_once(self) -> None:
        """The library's own recorder hangs here for ever, with the table locked."""
        recorder = self.create_recorder()
        originator_id = uuid4()
        events = [
            StoredEvent(originator_id, version, "topic", b'{"hours":30,"week":"2026-W10"}')
            for version in range(1, 60_001)
        ]
        positions = recorder.insert_events(events)
        assert positions is not None
        assert list(positions) == list(range(positions[0], positions[0] + 60_000))
        assert recorder.max_notification_id() == positions[-1]


class Facade(_OnStore):
    """What the library's suites do not ask."""

    __test__ = False

    def recorder(self) -> ApplicationRecorder:
        return self.ledger_factory().application_recorder()

    def event(self, version: int = 1) -> StoredEvent:
        return StoredEvent(self.originator_id, version, "topic", b"{}")

    def setUp(self) -> None:
        self.originator_id = uuid4()

    def test_appending_nothing_draws_no_position(self) -> None:
        recorder = self.recorder()
        assert not recorder.insert_events([])
        assert recorder.max_notification_id() is None

    def test_a_conflict_is_the_librarys_and_leaves_the_others_alone(self) -> None:
        recorder = self.recorder()
        recorder.insert_events([self.event()])
        other = StoredEvent(uuid4(), 1, "topic", b"{}")
        with pytest.raises(IntegrityError):
            recorder.insert_events([other, self.event()])
        assert recorder.select_events(other.originator_id) == []
        assert recorder.insert_events([other])

    def test_creating_tables_is_harmless(self) -> None:
        recorder = self.recorder()
        recorder.insert_events([self.event()])
        create_table: Callable[[], None] = recorder.create_table  # type: ignore[attr-defined] # both have it
        create_table()
        assert recorder.select_events(self.originator_id) == [self.event()]

    def test_waiting_on_the_loops_own_thread_is_an_error(self) -> None:
        """It would wait for itself for ever."""
        ledger = SynchronousLedger(library_store(self.url), clock=Clock())
        self.addCleanup(ledger.close)
        row = Row(self.originator_id, 1, "topic", b"{}")

        async def append_there() -> None:
            ledger.append([row])

        with pytest.raises(RuntimeError, match="own event loop's thread"):
            ledger._wait_for(append_there())


class TestSqliteFacade(_OnSqlite, Facade):
    __test__ = True


class TestPostgresFacade(_OnPostgres, Facade):
    __test__ = True
