"""One step makes the tables; nothing else does, and several processes may take it at once."""

import subprocess
import sys

import pytest

from application.ledger import Ledger, SchemaMissing, SchemaNewer
from application.ledger.library import ledger_store
from application.ledger.revisions import SCHEMA_REVISION
from tests.support.asynchronous import asynchronous
from tests.support.ledgers import (
    BEGIN,
    Clock,
    booking,
    command,
    everything,
    migrated,
    opened,
    opening,
    query,
)

PROCESSES = 4
MIGRATE = """
import sys
from application.ledger.migrations import migrate
print("ready", flush=True)
sys.stdin.readline()
print(migrate(sys.argv[1]))
"""
TABLES = {
    "alembic_version",
    "stored_events",
    "append_groups",
    "replies",
    "snapshots",
    "person_keys",
}


def tables(store_url: str) -> set[str]:
    if store_url.startswith("sqlite"):
        found = query(store_url, "SELECT name FROM sqlite_master WHERE type = 'table'")
    else:
        found = query(store_url, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    return {name for (name,) in found}


def test_several_processes_may_migrate_at_once(empty_url: str) -> None:
    url = empty_url.replace("postgresql://", "postgresql+psycopg://", 1)
    processes = [
        subprocess.Popen(
            [sys.executable, "-W", "error", "-c", MIGRATE, url],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(PROCESSES)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    answers = []
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in processes:
        answers.append(process.communicate(timeout=60))
    assert answers == [(f"{SCHEMA_REVISION}\n", "")] * PROCESSES
    assert tables(empty_url) == TABLES


@asynchronous
async def test_a_second_migration_changes_nothing(store_url: str) -> None:
    async with opened(store_url) as ledger:
        await ledger.execute(command(), opening())
        before = await everything(ledger)
    migrated(store_url)
    async with opened(store_url) as ledger:
        assert await everything(ledger) == before


@asynchronous
async def test_a_ledger_without_tables_says_what_to_run(empty_url: str) -> None:
    ledger = Ledger(ledger_store(empty_url), clock=Clock())
    with pytest.raises(SchemaMissing, match="run `capacity migrate` first"):
        await ledger.open()
    await ledger.close()


@asynchronous
async def test_a_ledger_of_an_older_revision_says_what_to_run(empty_url: str) -> None:
    store_url = migrated(empty_url)
    query(store_url, "UPDATE alembic_version SET version_num = '0000'")
    ledger = Ledger(ledger_store(store_url), clock=Clock())
    with pytest.raises(SchemaMissing, match=f"revision 0000, not {SCHEMA_REVISION}; run"):
        await ledger.open()
    await ledger.close()


@asynchronous
async def test_a_ledger_of_a_newer_program_is_left_alone(empty_url: str) -> None:
    store_url = migrated(empty_url)
    async with opened(store_url) as ledger:
        await ledger.execute(command(), opening())
        before = await everything(ledger)
    query(store_url, "UPDATE alembic_version SET version_num = '9999'")
    ledger = Ledger(ledger_store(store_url), clock=Clock())
    with pytest.raises(SchemaNewer, match=f"at revision 9999, .* newer than {SCHEMA_REVISION}"):
        await ledger.open()
    await ledger.close()
    with pytest.raises(SchemaNewer, match="use the program that migrated it"):
        migrated(store_url)
    assert query(store_url, "SELECT version_num FROM alembic_version") == [("9999",)]
    query(store_url, f"UPDATE alembic_version SET version_num = '{SCHEMA_REVISION}'")
    async with opened(store_url) as ledger:
        assert await everything(ledger) == before


def test_the_ledger_holds_no_read_models(store_url: str) -> None:
    assert tables(store_url) == TABLES


@asynchronous
async def test_events_can_be_read_in_sql(store_url: str) -> None:
    async with opened(store_url) as ledger:
        await ledger.execute(command(reason="Müller rief an"), opening())
        await ledger.execute(command(), booking("R1"))
    rows = query(
        store_url,
        "SELECT position, topic, actor, reason, recorded_at FROM events_readable ORDER BY position",
    )
    assert [row[:4] for row in rows] == [
        (1, "suppliers.capacity_opened", "ada@example.org", "Müller rief an"),
        (2, "suppliers.slot_booked", "ada@example.org", "a test"),
        (3, "suppliers.booked", "ada@example.org", "a test"),
    ]
    assert str(rows[0][4]).startswith(BEGIN.strftime("%Y-%m-%d"))
