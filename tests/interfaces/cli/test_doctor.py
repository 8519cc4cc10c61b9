"""`capacity doctor`: each fault is found, named and given the command that mends it."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

Break = Callable[[Any], None]


def sql(file: str, *statements: str) -> Break:
    def run(command_line: Any) -> None:
        with closing(sqlite3.connect(command_line.folder / file)) as connection, connection:
            for statement in statements:
                connection.execute(statement)

    return run


def ledger(*statements: str) -> Break:
    return sql("capacity.db", *statements)


def views(*statements: str) -> Break:
    return sql("capacity.views.db", *statements)


def edited(command_line: Any) -> None:
    path = command_line.folder / "data" / "roof" / "capacity" / "march.json"
    path.write_text("{}")


def parked(command_line: Any) -> None:
    ledger(UNKNOWN)(command_line)
    command_line.ok("capacity", "roof", "march")


UNKNOWN = (
    "INSERT INTO stored_events (originator_id, originator_version, topic, state)"
    " VALUES ('00000000000000000000000000000009', 1, 'roofs.tiled', '{}')"
)
FUTURE = "UPDATE append_groups SET recorded_at_us = recorded_at_us + 3600000000"
AHEAD = "UPDATE projection_positions SET position = position + 100"
FAULTS: list[tuple[Break, str, str, str]] = [
    (ledger("UPDATE alembic_version SET version_num = '0000'"), "schema", "0000", "migrate"),
    (ledger("UPDATE alembic_version SET version_num = '9999'"), "schema", "9999", "install"),
    (ledger("DROP TABLE alembic_version"), "schema", "missing", "capacity migrate"),
    (ledger(UNKNOWN), "topics", "no class claims roofs.tiled", "install"),
    (ledger(FUTURE), "clock", "in the future of this machine", "timedatectl"),
    (views(AHEAD), "projections", "ahead of the ledger", "capacity recover"),
    (parked, "projections", "events parked: 1", "projections parked"),
    (
        views("UPDATE projection_positions SET version = 99"),
        "projections",
        "no longer at version",
        "stop the older",
    ),
    (edited, "capacity files", "roof/march is edited", "files verify --rewrite"),
]


def findings(command_line: Any) -> tuple[int, list[dict[str, Any]]]:
    ended = command_line("doctor", "--json")
    assert ended.document["sound"] == (ended.exit_code == 0)
    return ended.exit_code, ended.document["findings"]


def test_a_sound_installation_is_in_order(roof: Any) -> None:
    assert "Everything is in order." in roof.ok("doctor")
    exit_code, found = findings(roof)
    assert exit_code == 0
    assert {each["harmless"] for each in found} == {True}  # nobody serves, nothing was verified
    roof.ok("projections", "verify")
    still = [each for each in findings(roof)[1] if "never verified" in each["problem"]]
    assert still == []


def test_a_ledger_without_read_models_is_in_order(capacity: Any) -> None:
    capacity.ok("migrate")
    exit_code, (found,) = findings(capacity)
    assert (exit_code, found["problem"]) == (0, "there are no read models yet")
    assert not (capacity.folder / "capacity.views.db").exists()


def test_no_ledger_at_all_is_a_finding(capacity: Any) -> None:
    exit_code, (found,) = findings(capacity)
    assert (exit_code, found["part"], found["mend"]) == (1, "schema", "capacity migrate")
    assert list(capacity.folder.iterdir()) == []


@pytest.mark.parametrize(("fault", "part", "problem", "mend"), FAULTS)
def test_each_fault_is_found_with_what_mends_it(
    roof: Any, fault: Break, part: str, problem: str, mend: str
) -> None:
    fault(roof)
    exit_code, found = findings(roof)
    wrong = [each for each in found if not each["harmless"]]
    assert exit_code == 1
    matching = [each for each in wrong if each["part"] == part and problem in each["problem"]]
    assert matching, wrong
    assert mend in matching[0]["mend"]
    assert problem in roof("doctor").stdout


def test_a_lag_that_nobody_works_on_is_wrong(roof: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CAPACITY_FRESH_SECONDS", "0.000001")
    views("UPDATE projection_positions SET position = 0")(roof)
    exit_code, found = findings(roof)
    problems = [each["problem"] for each in found if not each["harmless"]]
    assert exit_code == 1
    assert any("nobody follows the ledger" in each for each in problems)
    assert any("behind" in each for each in problems)


def test_a_folder_that_takes_no_files_is_found(
    roof: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "taken").write_text("a file where the folder should be")
    monkeypatch.setenv("CAPACITY_DATA_DIR", str(tmp_path / "taken"))
    exit_code, found = findings(roof)
    assert exit_code == 1
    assert any(each["part"] == "configuration" for each in found)


def test_a_server_that_is_away_is_found(capacity: Any) -> None:
    ended = capacity("doctor", "--json", "--database-url", "postgresql://127.0.0.1:1/none")
    (found,) = ended.document["findings"]
    assert (ended.exit_code, found["part"]) == (1, "schema")
    assert "start the server" in found["mend"]


def test_it_looks_at_postgresql_too(capacity: Any, postgres_url: str) -> None:
    options = ("--database-url", postgres_url)
    missing = capacity("doctor", *options, "--json")
    assert (missing.exit_code, missing.document["findings"][0]["part"]) == (1, "schema")
    capacity.ok("migrate", *options)
    capacity.ok("projections", "verify", *options)
    sound = capacity("doctor", *options, "--json")
    assert (sound.exit_code, sound.document["sound"]) == (0, True)
