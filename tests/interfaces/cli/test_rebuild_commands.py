"""Rebuilding from the command line: what people are told, and what scripts read."""

import json
import sqlite3

import pytest

from tests.interfaces.cli.conftest import CommandLine

NAME = "supplier_capacity"


@pytest.fixture
def booked(roof: CommandLine) -> CommandLine:
    """A scenario in which ACME has one match."""
    roof.ok("book", "roof", "march", "R-1", "ACME")
    return roof


def spoil(capacity: CommandLine) -> None:
    """Let the read models say that ACME has used nothing."""
    with sqlite3.connect(capacity.folder / "capacity.views.db") as views:
        views.execute("UPDATE supplier_capacity SET used_slots = 0")
    views.close()


def used(capacity: CommandLine) -> int:
    found: int = capacity.json("capacity", "roof", "march")["ACME"]["Used"]
    return found


def last_line(text: str) -> dict[str, object]:
    found: dict[str, object] = json.loads(text.splitlines()[-1])
    return found


def test_differences_are_shown_and_then_switched_to_and_back(booked: CommandLine) -> None:
    spoil(booked)
    found = booked("projections", "rebuild", NAME, "--verify")
    assert found.exit_code == 1
    assert "1 row differs at position 6." in found.stdout
    assert "supplier_capacity: 0 only live, 0 only rebuilt, 1 different (used_slots in 1)." in (
        found.stdout
    )
    assert "used_slots=0" in found.stdout
    assert "suppliers.slot_booked" in found.stdout
    assert f"`capacity projections switch {NAME}` makes it so" in found.stderr
    assert used(booked) == 0
    assert "Switched supplier_capacity, up to" in booked.ok("projections", "switch", NAME)
    assert used(booked) == 1
    assert "Switched supplier_capacity back" in booked.ok("projections", "undo", NAME)
    assert used(booked) == 0
    again = last_line(booked.ok("projections", "rebuild", NAME, "--verify", "--switch", "--json"))
    assert again["switched"]
    assert used(booked) == 1
    assert "the same rows as live" in booked.ok("projections", "rebuild", NAME, "--verify")


def test_what_waits_beside_can_be_dropped(booked: CommandLine) -> None:
    booked.ok("projections", "rebuild", NAME, "--no-switch")
    booked.ok("projections", "drop", NAME)
    ended = booked("projections", "switch", NAME, "--json")
    assert (ended.exit_code, ended.problem["code"]) == (4, "rebuild-refused")
    assert "no new version of it is ready" in ended.problem["message"]


def test_a_file_is_mended_with_its_rows_and_not_touched_otherwise(booked: CommandLine) -> None:
    file = booked.folder / "data" / "roof" / "capacity" / "march.json"
    before = file.stat()
    booked.ok("projections", "rebuild", NAME)
    after = file.stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    spoil(booked)
    booked.ok("files", "verify", "--rewrite")
    assert json.loads(file.read_text())["ACME"]["Used"] == 0
    booked.ok("projections", "rebuild", NAME, "--only", "line=roof")
    assert json.loads(file.read_text())["ACME"]["Used"] == 1


def test_until_takes_a_position_or_a_moment(booked: CommandLine) -> None:
    def built(until: str) -> object:
        text = booked.ok("projections", "rebuild", NAME, "--until", until, "--json", "--anew")
        return last_line(text)["positions"]

    assert built("2020-01-01T00:00:00Z") == {NAME: 0}
    assert built("2100-01-01T00:00:00+01:00") == built("6") == {NAME: 6}
    assert built("1") == {NAME: 1}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--until", "yesterday"), "a position or a moment with its time zone is needed"),
        (("--until", "2026-01-01T00:00:00"), "a position or a moment with its time zone"),
        (("--until", "7000"), "/until: found 7000, the ledger ends at position 6"),
        (("--until", "3", "--verify"), "/verify: cannot be had with until"),
        (("--until", "3", "--switch"), "/switch: cannot be had with until"),
        (("--only", "march"), "/only: found 'march', KEY=VALUE is needed"),
        (("--only", "scenario=march"), "keys of supplier_capacity are: line"),
    ],
)
def test_what_cannot_be_had_is_said(
    booked: CommandLine, arguments: tuple[str, ...], said: str
) -> None:
    ended = booked("projections", "rebuild", NAME, *arguments)
    assert ended.exit_code == 5
    assert said in ended.stderr
