"""Reading the ledger in order: what is there, what is next, and no wake-up lost."""

import threading
from pathlib import Path
from uuid import UUID

import psycopg
import pytest

from application.ledger.reader import SqliteLog
from domain.stored import decode
from tests.projections.conftest import RECORDED_AT, BareLedger, BarePostgres, Life

TIMEOUT_SECONDS = 30.0


def test_an_empty_ledger(ledger: BareLedger) -> None:
    assert ledger.log.head() == 0
    assert ledger.log.page(0, 100) == []
    assert ledger.log.first_after(0) is None
    assert ledger.log.births(0) == 0


def test_pages_hold_what_was_appended(ledger: BareLedger, life: Life) -> None:
    events = life.open() + life.book("R-ü", "Ëlectra")
    head = ledger.append(events)
    rows = ledger.log.page(0, head)
    read = [
        decode(topic, state, UUID(bytes=key), version) for _, key, version, topic, state in rows
    ]
    assert read == events
    assert [row[0] for row in rows] == list(range(1, head + 1))
    assert ledger.log.page(1, 3) == rows[1:3]
    assert ledger.log.head() == head
    assert ledger.log.births(head) == 5
    assert ledger.log.births(head - 1) == 4


def test_groups_and_times(ledger: BareLedger, life: Life) -> None:
    first = ledger.append(life.open())
    later = RECORDED_AT.replace(hour=11)
    second = ledger.append(life.book("R-1", "ACME"), later)
    assert ledger.log.group_end(1) == first
    assert ledger.log.group_end(first) == first
    assert ledger.log.group_end(first + 1) == second
    assert ledger.log.first_after(0) == (1, RECORDED_AT)
    assert ledger.log.first_after(first) == (first + 1, later)
    assert ledger.log.first_after(second) is None


def test_a_wake_up_before_the_wait_is_not_lost(ledger: BareLedger) -> None:
    ledger.log.wait(0, 0.001)
    ledger.log.wake()
    waited = threading.Thread(target=ledger.log.wait, args=(0, TIMEOUT_SECONDS))
    waited.start()
    waited.join(TIMEOUT_SECONDS)
    assert not waited.is_alive()


def test_another_process_is_heard(ledger: BareLedger, life: Life) -> None:
    """Nobody calls `wake` here: PostgreSQL notifies, and an SQLite file is looked at."""
    heard = threading.Event()

    def listen() -> None:
        while ledger.log.head() == 0:
            ledger.log.wait(0, TIMEOUT_SECONDS)
        heard.set()

    thread = threading.Thread(target=listen)
    thread.start()
    ledger.append(life.open())
    assert heard.wait(TIMEOUT_SECONDS)
    thread.join()


def test_lost_connections_are_made_again(postgres_ledger: BarePostgres, life: Life) -> None:
    head = postgres_ledger.append(life.open())
    assert postgres_ledger.log.head() == head
    with psycopg.connect(postgres_ledger.views_url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            " AND state = 'idle' AND query LIKE '%max(notification_id)%'"
        )
    assert postgres_ledger.log.head() == head


def test_a_missing_ledger_is_a_lost_connection(tmp_path: Path) -> None:
    with pytest.raises(ConnectionError, match="cannot be read"):
        SqliteLog(tmp_path / "capacity.db").head()


def test_threads_may_read_at_the_same_time(ledger: BareLedger, life: Life) -> None:
    head = ledger.append(life.open())
    found: list[int] = []
    threads = [
        threading.Thread(target=lambda: found.extend(ledger.log.head() for _ in range(50)))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [head] * 200
