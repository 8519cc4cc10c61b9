"""Backups, and what an older one leaves behind: nothing is answered from it before it is mended."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

import interfaces.service
from tests.interfaces.cli.conftest import CommandLine
from tests.support.ledgers import query
from tests.support.postgres import server_programs

MARCH, APRIL = "data/roof/capacity/march.json", "data/roof/capacity/april.json"
LEDGER_TABLES = ("stored_events", "append_groups", "replies", "snapshots")

Restore = Callable[[], None]


def _restore_sqlite(capacity: CommandLine) -> None:
    for suffix in ("-wal", "-shm"):
        (capacity.folder / f"capacity.db{suffix}").unlink(missing_ok=True)
    shutil.copyfile(capacity.folder / "older", capacity.folder / "capacity.db")


def _restore_postgres(capacity: CommandLine, url: str) -> None:
    query(url, f"TRUNCATE {', '.join(LEDGER_TABLES)}")
    tables = [f"--table={each}" for each in LEDGER_TABLES]
    program = str(server_programs() / "pg_restore")
    arguments = [program, "--data-only", *tables, f"--dbname={url}", "older"]
    subprocess.run(arguments, check=True, cwd=capacity.folder)


@pytest.fixture(params=["sqlite", "postgresql"])
def restored(
    request: pytest.FixtureRequest, capacity: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> CommandLine:
    """roof/march with one booking, restored from a backup that knows neither R-2 nor april."""
    url = ""
    if request.param == "postgresql":
        url = request.getfixturevalue("postgres_url")
        monkeypatch.setenv("CAPACITY_DATABASE_URL", url)
        monkeypatch.setenv("PATH", f"{server_programs()}{os.pathsep}{os.environ['PATH']}")
    capacity.open_scenario()
    capacity.ok("book", "roof", "march", "R-1", "Größe/☀ Solar")
    capacity.ok("backup", "--into", "older", *(["--run"] if url else []))
    capacity.ok("book", "roof", "march", "R-2", "Größe/☀ Solar")
    capacity.ok("scenarios", "open", "roof", "april")
    assert _used(capacity, MARCH) == 2
    if url:
        _restore_postgres(capacity, url)
    else:
        _restore_sqlite(capacity)
    return capacity


def _used(capacity: CommandLine, path: str) -> int:
    document = json.loads((capacity.folder / path).read_text())
    return int(document["Größe/☀ Solar"]["Used"])


def test_after_an_older_backup_nothing_is_answered_and_nothing_is_taken(
    restored: CommandLine,
) -> None:
    before = restored.ok("backup", "--into", "now") if not _on_postgres() else ""
    for command in (("capacity", "roof", "march"), ("book", "roof", "march", "R-3", "ACME")):
        ended = restored(*command, "--json")
        assert (ended.exit_code, ended.problem["code"]) == (7, "ahead-of-ledger")
        assert "`capacity recover` mends them" in ended.problem["message"]
    served = restored("serve", "--port", "0")
    assert served.exit_code == 7
    if before:
        assert (
            before.split(" into")[0] == restored.ok("backup", "--into", "later").split(" into")[0]
        )
    status = restored.json("projections", "status")
    assert all(each["ahead"] for each in status["projections"])


def _on_postgres() -> bool:
    return "CAPACITY_DATABASE_URL" in os.environ


def test_recovery_shows_its_plan_and_then_mends(restored: CommandLine) -> None:
    planned = restored("recover")
    assert planned.exit_code == 1
    assert "supplier_capacity is ahead of it" in planned.stdout
    assert "roof/capacity/april.json" in planned.stdout
    assert "--yes does it" in planned.stdout
    assert (_used(restored, MARCH), (restored.folder / APRIL).exists()) == (2, True)
    mended = restored("recover", "--yes", "--json")
    assert mended.exit_code == 0, mended
    assert mended.document["done"]
    assert _used(restored, MARCH) == 1
    assert not (restored.folder / APRIL).exists()
    assert (restored.folder / f"{APRIL}.orphaned").exists()
    assert restored.json("capacity", "roof", "march")["Größe/☀ Solar"]["Used"] == 1
    restored.ok("book", "roof", "march", "R-3", "Größe/☀ Solar")
    assert _used(restored, MARCH) == 2
    restored.ok("scenarios", "open", "roof", "april")
    assert restored("files", "verify").exit_code == 0
    again = restored("recover")
    assert (again.exit_code, "Nothing needs to be mended." in again.stdout) == (0, True)


def test_without_the_check_the_next_events_would_hide_it(
    restored: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: bookings pass the old position, and reads are wrong in silence ever after."""
    monkeypatch.setattr(interfaces.service, "refuse_ahead", lambda projector, log: None)
    for number in range(12):
        restored("reset", "roof", "march", "--reason", f"number {number}")
    told = restored.json("history", "suppliers", "roof/march/ACME")
    assert len(told) == 13
    status = restored.json("projections", "status")
    assert not any(each["ahead"] for each in status["projections"])
    assert restored("recover").stdout.count("april") == 1  # only the file is found


def test_files_that_somebody_changed_are_left_and_named(restored: CommandLine) -> None:
    (restored.folder / MARCH).write_text('{"by": "hand"}')
    mended = restored("recover", "--yes", "--json")
    assert mended.exit_code == 1
    (left,) = [each for each in mended.document["files"] if each["action"] == "leave"]
    assert left["path"].endswith("march.json")
    assert "--rewrite overwrites it" in left["why"]
    assert (restored.folder / MARCH).read_text() == '{"by": "hand"}'
    restored.ok("recover", "--all", "--yes", "--rewrite")
    assert _used(restored, MARCH) == 1


def test_for_postgresql_the_command_is_printed_without_the_password(
    capacity: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = "postgresql://ada:s3%40cret@localhost/capacity?host=/tmp"
    monkeypatch.setenv("CAPACITY_DATABASE_URL", url)
    ended = capacity("backup", "--into", "a b.dump")
    assert ended.exit_code == 0
    assert ended.stdout == (
        "pg_dump --format=custom '--file=a b.dump' "
        "'--dbname=postgresql://ada@localhost/capacity?host=/tmp'\n"
    )
    assert "PGPASSWORD" in ended.stderr
    assert "cret" not in ended.stdout + ended.stderr


def test_a_backup_that_cannot_be_made_says_why(roof: CommandLine, tmp_path: Path) -> None:
    roof.ok("backup", "--into", "there.db")
    for target, why in (
        ("there.db", "something lies there already; name another file"),
        ("nowhere/there.db", "there is no folder nowhere; make it first"),
    ):
        ended = roof("backup", "--into", target, "--json")
        assert (ended.exit_code, ended.problem["code"]) == (6, "backup-failed")
        assert why in ended.problem["message"]
    assert roof("backup", "--run").exit_code == 2
    named = roof.json("backup")
    assert Path(named["path"]).name.startswith("capacity-20")
    missing = roof("backup", "--ledger-file", "none.db", "--json")
    assert (missing.exit_code, missing.problem["code"]) == (6, "schema-missing")
