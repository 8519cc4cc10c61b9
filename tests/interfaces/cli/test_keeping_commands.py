"""Files, projections, events, help texts and output, as commands."""

import asyncio
import json
from datetime import UTC, datetime
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from application.ledger import Command
from interfaces.cli import exit_codes, output, reference
from interfaces.cli.app import app
from interfaces.service import open_service
from interfaces.settings import Settings
from tests.interfaces.cli.conftest import CommandLine

MARCH = "data/roof/capacity/march.json"


def test_verify_finds_and_rewrites_a_file_that_was_edited(roof: CommandLine) -> None:
    assert roof.json("files", "verify")[0]["status"] == "ok"
    text = (roof.folder / MARCH).read_bytes()
    roof.file(MARCH, "edited")
    found = roof("files", "verify", "--json")
    assert (found.exit_code, found.document[0]["status"]) == (1, "edited")
    assert roof("files", "verify", "--rewrite", "--dry-run").exit_code == 1
    assert (roof.folder / MARCH).read_bytes() == b"edited"
    assert roof.json("files", "verify", "--rewrite")[0]["rewritten"] is True
    assert (roof.folder / MARCH).read_bytes() == text


def test_a_file_that_was_edited_is_left_alone_and_said(roof: CommandLine) -> None:
    roof.file(MARCH, "edited")
    ended = roof("book", "roof", "march", "R-1", "ACME")
    assert (ended.exit_code, ended.stdout) == (0, "Booked R-1 with ACME: 1 of 1 used.\n")
    assert "Warning: the capacity file of roof/march is edited" in ended.stderr
    assert (roof.folder / MARCH).read_bytes() == b"edited"


def test_a_file_that_cannot_be_written_does_not_hide_the_booking(roof: CommandLine) -> None:
    (roof.folder / MARCH).unlink()
    (roof.folder / "data").rename(roof.folder / "moved")
    roof.file("data", "a file where a folder was")
    ended = roof("book", "roof", "march", "R-1", "ACME", "--json")
    assert (ended.exit_code, ended.document["status"]) == (7, "booked")
    assert ended.problem["code"] == "not-current"


def test_projections_are_rebuilt_and_their_status_is_shown(roof: CommandLine) -> None:
    status = roof.json("projections", "status")
    assert "supplier_capacity" in [each["name"] for each in status["projections"]]
    for each in status["projections"]:
        assert (each["position"], each["lag_events"]) == (status["head"], 0)
    before = roof.ok("capacity", "roof", "march", "--json")
    lines = roof.ok("projections", "rebuild", "supplier_capacity", "--json").splitlines()
    *progress, rebuilt = (json.loads(line) for line in lines)
    assert {each["stage"] for each in progress} >= {"reading", "indexing", "switching"}
    assert rebuilt["positions"] == {"supplier_capacity": status["head"]}
    assert rebuilt["switched"]
    assert roof.ok("capacity", "roof", "march", "--json") == before
    assert roof("projections", "rebuild", "nothing").exit_code == 3
    assert roof("projections", "rebuild").exit_code == 2


def test_read_models_are_made_anew_where_they_were_deleted(roof: CommandLine) -> None:
    roof.ok("book", "roof", "march", "R-1", "ACME")
    for path in roof.folder.glob("capacity.views.db*"):
        path.unlink()
    assert roof.json("capacity", "roof", "march")["ACME"]["Used"] == 1


def test_tail_shows_the_newest_or_what_was_asked_for(roof: CommandLine) -> None:
    for number in range(10):
        roof.ok("reset", "roof", "march", "--reason", f"number {number}")
    assert len(roof.ok("events", "tail").splitlines()) == 20
    resets = ("events", "tail", "--json", "--topic", "suppliers.scenario_reset")
    (newest,) = _lines(roof.ok(*resets, "--limit", "1"))
    assert newest["reason"] == "number 9"
    first, second = _lines(roof.ok(*resets, "--after", "0", "--limit", "2"))
    assert (first["reason"], second["reason"]) == ("number 0", "number 1")
    everything = _lines(roof.ok("events", "tail", "--json", "--after", "0"))
    assert everything == _lines(
        roof.ok("events", "tail", "--json", "--after", "0", "--context", "suppliers")
    )
    assert roof("events", "tail", "--topic", "nothing").exit_code == 2
    assert roof("events", "tail", "--context", "nothing").exit_code == 2


def _lines(text: str) -> list[Any]:
    return [json.loads(line) for line in text.splitlines()]


def test_what_was_written_elsewhere_is_seen_at_once(roof: CommandLine) -> None:
    """A read brings read models and capacity files to the head, whoever wrote the events."""

    async def reset() -> None:
        command = Command(actor="ada", reason="", command_id=UUID(int=1), at=datetime.now(UTC))
        async with open_service(Settings()) as service:
            await service.suppliers.reset(command, line="roof", scenario="march")

    roof.ok("book", "roof", "march", "R-1", "ACME")
    asyncio.run(reset())
    assert roof.json("capacity", "roof", "march")["ACME"]["Used"] == 0
    assert (roof.folder / MARCH).read_text() == roof.ok("capacity", "roof", "march", "--json")


# Help texts and output.


def test_the_reference_is_what_the_help_texts_say() -> None:
    """`python -m interfaces.cli.reference > docs/command-line.md` makes it anew."""
    committed = Path(__file__).parents[3] / "docs" / "command-line.md"
    assert committed.read_text() == reference.reference()


def test_every_command_has_json_help_and_an_example() -> None:
    text = reference.reference()
    commands = text.partition("## Commands")[2].split("\n### ")[1:]
    assert len(commands) >= 25
    for each in commands:
        assert "**Example:** `capacity " in each, each


def test_exit_codes_are_told_by_help(capacity: CommandLine) -> None:
    told = capacity.ok("--help")
    for code in exit_codes.ExitCode:
        assert f" {code.value} " in told


def test_the_version_is_told(capacity: CommandLine) -> None:
    assert capacity.ok("--version").startswith("capacity ")


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("Größe ☀ 日本", "Größe ☀ 日本"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("two\nlines\ttab", "two\\x0alines\\x09tab"),
        ("\u202eturned", "\\u202eturned"),
        ("[bold]not markup[/bold]", "[bold]not markup[/bold]"),
    ],
)
def test_what_steers_a_terminal_is_shown_as_an_escape(text: str, seen: str) -> None:
    assert output.visible(text) == seen


def test_json_keeps_letters_and_escapes_what_steers() -> None:
    assert output.json_text("Größe ☀\x1b\x9b", in_one_line=True) == '"Größe ☀\\u001b\\u009b"'


def test_the_program_is_the_one_that_is_installed() -> None:
    (found,) = entry_points(group="console_scripts", name="capacity")
    assert found.value == "interfaces.cli:main"
    assert app.info.name == "capacity"
