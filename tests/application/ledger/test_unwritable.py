"""A store that takes nothing says why and what mends it; afterwards it goes on."""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from application.ledger import LedgerUnavailable
from application.ledger.sqlite_store import SqliteStore
from application.ledger.store import StoreUnwritable
from tests.support.asynchronous import asynchronous
from tests.support.ledgers import (
    booking,
    command,
    counting,
    everything,
    migrated,
    opened,
    opening,
    query,
)

NOBODY = 65_534


@asynchronous
async def test_a_full_disk_refuses_and_forgets_nothing(tmp_path: Path) -> None:
    """SQLite reports a full disk and a full file alike, and undoes the transaction by itself."""
    file = tmp_path / "capacity.db"
    migrated(f"sqlite:///{file}")
    store = SqliteStore(file)
    async with opened(store) as ledger:
        await ledger.execute(command(), opening(slots=100_000))
        (pages,) = (await store._do(store._execute, "PRAGMA page_count")).fetchone()
        await store._do(store._execute, f"PRAGMA max_page_count = {pages}")
        stored = 0
        with pytest.raises(LedgerUnavailable, match="lies on a full disk, so nothing was stored"):
            for stored in range(10_000):
                await ledger.execute(command(), booking(f"R{stored}"))
        before = await everything(ledger)
        assert len(before) == 1 + 2 * stored
        await store._do(store._execute, "PRAGMA max_page_count = 1000000")
        used = (await ledger.execute(command(), booking(f"R{stored}"))).result
        assert used == stored + 1
        assert (await everything(ledger))[: len(before)] == before


@contextmanager
def _as_nobody(*paths: Path) -> Iterator[None]:
    """Run without a superuser's right to write wherever it likes."""
    for path in paths:
        path.chmod(0o555 if path.is_dir() else 0o444)
    superuser = os.geteuid() == 0
    if superuser:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        if superuser:
            os.seteuid(0)
        for path in paths:
            path.chmod(0o755 if path.is_dir() else 0o644)


@asynchronous
async def test_a_read_only_file_is_named_with_what_mends_it(tmp_path: Path) -> None:
    file = tmp_path / "capacity.db"
    migrated(f"sqlite:///{file}")
    async with opened(f"sqlite:///{file}") as ledger:
        await ledger.execute(command(), opening())
    for folder in tmp_path.parents:
        if not folder.stat().st_mode & stat.S_IXOTH:
            folder.chmod(0o755)
    with (
        _as_nobody(file, tmp_path),
        pytest.raises(StoreUnwritable, match="is read-only for this user") as caught,
    ):
        async with opened(f"sqlite:///{file}") as ledger:
            await ledger.execute(command(), booking("R1"))
    assert f"`ls -ld '{file}'*`" in str(caught.value)
    async with opened(f"sqlite:///{file}") as ledger:
        assert (await ledger.execute(command(), counting())).result == 0
        assert len(await everything(ledger)) == 1


@pytest.mark.parametrize(
    ("code", "said"),
    [("53100", "has no room on its disk"), ("25006", "is read-only")],
)
@asynchronous
async def test_postgresql_that_takes_nothing_is_named(
    postgres_url: str, code: str, said: str
) -> None:
    migrated(postgres_url)
    query(
        postgres_url,
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION 'refused' USING ERRCODE = '{code}'; END $$",
    )
    async with opened(postgres_url) as ledger:
        await ledger.execute(command(), opening())
        query(
            postgres_url,
            "CREATE TRIGGER refuse BEFORE INSERT ON stored_events EXECUTE FUNCTION refuse()",
        )
        with pytest.raises(LedgerUnavailable, match=f"The database {said}, so nothing was stored"):
            await ledger.execute(command(), booking("R1"))
        query(postgres_url, "DROP TRIGGER refuse ON stored_events")
        assert (await ledger.execute(command(), booking("R1"))).result == 1
        assert len(await everything(ledger)) == 3


@asynchronous
async def test_a_postgresql_that_only_reads_is_named(postgres_url: str) -> None:
    migrated(postgres_url)
    (name,) = query(postgres_url, "SELECT current_database()")[0]
    async with opened(postgres_url) as ledger:
        await ledger.execute(command(), opening())
    query(postgres_url, f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
    async with opened(postgres_url) as ledger:
        with pytest.raises(LedgerUnavailable, match="is read-only, so nothing was stored"):
            await ledger.execute(command(), booking("R1"))
        writing = f"{postgres_url}&options=-c%20default_transaction_read_only%3Doff"
        query(writing, f'ALTER DATABASE "{name}" RESET default_transaction_read_only')
        # A new connection is made, so what was mended is found out.
        assert (await ledger.execute(command(), booking("R1"))).result == 1
