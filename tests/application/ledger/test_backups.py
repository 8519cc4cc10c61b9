"""A backup is whole or not there, whoever writes to the ledger meanwhile."""

import asyncio
import resource
import sqlite3
import threading
from pathlib import Path

import pytest

from application.ledger import backups
from application.ledger.backups import BackupFailed, back_up_sqlite
from tests.support.ledgers import booking, command, migrated, opened, opening, query


@pytest.fixture
def ledger_file(tmp_path: Path) -> Path:
    """A ledger with one supplier."""
    file = tmp_path / "capacity.db"
    migrated(f"sqlite:///{file}")

    async def begin() -> None:
        async with opened(f"sqlite:///{file}") as ledger:
            await ledger.execute(command(), opening(slots=100_000))

    asyncio.run(begin())
    return file


def _quietly(done: int, total: int) -> None:
    """Take progress."""


def test_a_backup_made_under_writes_is_a_ledger_of_one_moment(
    ledger_file: Path, tmp_path: Path
) -> None:
    stop, writing = threading.Event(), threading.Event()

    async def write() -> None:
        async with opened(f"sqlite:///{ledger_file}") as ledger:
            number = 0
            while not stop.is_set():
                await ledger.execute(command(), booking(f"R{number}"))
                number += 1
                if number == 20:
                    writing.set()

    writer = threading.Thread(target=lambda: asyncio.run(write()))
    writer.start()
    try:
        assert writing.wait(30)
        made = [
            back_up_sqlite(ledger_file, tmp_path / f"copy{number}.db", progress=_quietly)
            for number in range(5)
        ]
    finally:
        stop.set()
        writer.join()
    assert made[0].position > 40
    for each in made:
        url = f"sqlite:///{each.path}"
        # A booking is two events in one transaction, after the one that opened the supplier.
        assert (each.position % 2, each.events) == (1, each.position)
        assert query(url, "SELECT max(position) FROM append_groups") == [(each.position,)]
        asyncio.run(_goes_on(url))
    assert not list(tmp_path.glob(".*partial"))


async def _goes_on(url: str) -> None:
    async with opened(url) as ledger:
        await ledger.execute(command(), booking("after"))


def test_a_damaged_copy_never_gets_its_name(
    ledger_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copied = backups._copied

    def damaged(source: Path, partial: Path, progress: backups.Progress) -> tuple[int, int]:
        sealed = copied(source, partial, progress)
        with sqlite3.connect(partial) as connection:
            connection.execute("DELETE FROM stored_events")
        connection.close()
        return sealed

    monkeypatch.setattr(backups, "_copied", damaged)
    target = tmp_path / "copy.db"
    with pytest.raises(BackupFailed, match=r"the copy holds \(0, 0\), not \(1, 1\)"):
        back_up_sqlite(ledger_file, target, progress=_quietly)
    assert [each.name for each in tmp_path.glob("*copy*")] == []
    # The control: who does not count keeps it.
    monkeypatch.setattr(backups, "_counted", lambda partial: (1, 1))
    assert back_up_sqlite(ledger_file, target, progress=_quietly).path.exists()


def test_a_full_disk_leaves_nothing_behind(ledger_file: Path, tmp_path: Path) -> None:
    room_bytes = 36_000  # enough for the index of the write-ahead log, and not for the copy
    assert ledger_file.stat().st_size > room_bytes
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room_bytes, hard))
    try:
        with pytest.raises(BackupFailed, match="No backup was made at"):
            back_up_sqlite(ledger_file, tmp_path / "copy.db", progress=_quietly)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert [each.name for each in tmp_path.glob("*copy*")] == []
