"""`capacity audit`: a verdict for people and for scripts, and a seal to keep elsewhere."""

import sqlite3
from contextlib import closing

from interfaces.cli.exit_codes import ExitCode
from tests.interfaces.cli.conftest import CommandLine


def tamper(roof: CommandLine) -> None:
    with closing(sqlite3.connect(roof.folder / "capacity.db", isolation_level=None)) as ledger:
        ledger.execute(
            "UPDATE stored_events SET state = CAST("
            "replace(CAST(state AS TEXT), '\"capacity_slots\":2', '\"capacity_slots\":9') AS BLOB)"
        )


def test_a_ledger_nobody_touched(roof: CommandLine) -> None:
    roof.ok("book", "roof", "march", "R1", "Größe/☀ Solar")
    assert roof.ok("audit", "verify").startswith("Every link holds: 6 events of 5 aggregates.")
    found = roof.json("audit", "verify")
    assert (found["broken_links"], found["first_broken"], found["sealed"]) == (0, None, None)


def test_a_changed_event_ends_with_one_and_names_the_place(roof: CommandLine) -> None:
    roof.ok("book", "roof", "march", "R1", "Größe/☀ Solar")
    tamper(roof)
    ended = roof("audit", "verify")
    assert ended.exit_code == ExitCode.FOUND_WRONG
    assert "broken link" in ended.stdout
    assert "version 2 of" in ended.stdout
    ended = roof("book", "roof", "march", "R2", "Größe/☀ Solar", "--json")
    assert (ended.exit_code, ended.problem["code"]) == (ExitCode.FOUND_WRONG, "broken-chain")


def test_a_seal_that_was_kept_is_compared(roof: CommandLine) -> None:
    seal = roof.ok("audit", "seal").strip()
    roof.ok("book", "roof", "march", "R1", "ACME")
    assert "is what was sealed" in roof.ok("audit", "verify", "--seal", seal)
    tamper(roof)
    ended = roof("audit", "verify", "--seal", seal)
    assert ended.exit_code == ExitCode.FOUND_WRONG
    assert "IS NOT what was sealed" in ended.stdout


def test_what_is_asked_wrongly_is_said(roof: CommandLine) -> None:
    ended = roof("audit", "verify", "--seal", "lead")
    assert ended.exit_code == ExitCode.USAGE
    assert "a seal is needed" in ended.stderr
    ended = roof("audit", "seal", "--until", "999")
    assert ended.exit_code == ExitCode.USAGE
    assert "the ledger ends at position" in ended.stderr
