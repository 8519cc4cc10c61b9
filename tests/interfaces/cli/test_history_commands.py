"""`history` and `events`: what happened, told, filtered, searched and traced."""

import json
from typing import Any
from uuid import uuid4

import pytest

from tests.interfaces.cli.conftest import CommandLine


def _lines(text: str) -> list[Any]:
    return [json.loads(line) for line in text.splitlines()]


def test_the_history_of_anything_is_told_in_words(roof: CommandLine) -> None:
    roof.ok("reset", "roof", "march", "--actor", "ada", "--reason", "a new month")
    told = roof.ok("history", "suppliers", "roof/march", "--newest").splitlines()
    columns = ("Position", "When (UTC)", "Who", "What", "Changed", "Why")
    assert all(name in told[0] for name in columns)
    assert "ada" in told[2]
    assert "Began count 1" in told[2]
    assert "reset number 0 -> 1" in told[2]
    assert told[2].endswith("a new month")
    assert "Opened roof/march with publication 1" in told[3]


def test_a_history_goes_on_at_its_cursor(roof: CommandLine) -> None:
    for number in range(3):
        roof.ok("reset", "roof", "march", "--reason", f"number {number}")
    ended = roof("history", "suppliers", "roof/march", "--limit", "2", "--json")
    assert [each["version"] for each in ended.document] == [1, 2]
    cursor = ended.stderr.split("--cursor ")[1].strip()
    rest = roof.json("history", "suppliers", "roof/march", "--cursor", cursor)
    assert [each["reason"] for each in rest] == ["number 1", "number 2"]
    assert roof("history", "suppliers", "roof/march", "--cursor", "x").exit_code == 5
    assert roof("history", "nothing", "roof").exit_code == 5
    several = roof("history", "suppliers", "roof", "--json")
    assert several.exit_code == 0  # it has offers, and no aliases were ever set
    roof.ok("aliases", "set", "roof", "acme=ACME")
    several = roof("history", "suppliers", "roof", "--json")
    assert (several.exit_code, several.problem["problems"][0]["pointer"]) == (5, "/kind")
    (told,) = roof.json("history", "suppliers", "roof", "--kind", "SupplierAliases")
    assert told["words"] == "Set the aliases of roof: (acme, ACME)"


def test_events_are_filtered(roof: CommandLine) -> None:
    roof.ok("book", "roof", "march", "R-1", "ACME", "--actor", "bob")
    everything = _lines(roof.ok("events", "tail", "--since", "1", "--json"))
    assert [each["position"] for each in everything] == list(range(1, len(everything) + 1))
    by_bob = _lines(roof.ok("events", "tail", "--actor", "bob", "--json"))
    assert [each["topic"] for each in by_bob] == ["suppliers.slot_booked", "suppliers.booked"]
    acme = ("--aggregate", "roof/march/ACME", "--context", "suppliers", "--json")
    of_acme = _lines(roof.ok("events", "tail", *acme))
    assert len(of_acme) == 2
    by_id = ("--aggregate", of_acme[0]["stream_id"], "--json")
    assert _lines(roof.ok("events", "tail", *by_id)) == of_acme
    assert _lines(roof.ok("events", "tail", "--until", "3", "--json")) == everything[:3]
    assert (
        _lines(roof.ok("events", "tail", "--since", "3", "--until", "4", "--json"))
        == (everything[2:4])
    )
    at = by_bob[0]["recorded_at"]
    assert _lines(roof.ok("events", "tail", "--since", at, "--json")) == by_bob
    before = [each for each in everything if each["recorded_at"] <= everything[0]["recorded_at"]]
    until = ("--until", everything[0]["recorded_at"], "--json")
    assert _lines(roof.ok("events", "tail", *until)) == before


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--since", "yesterday"), "a time with its zone"),
        (("--since", "2026-03-02T09:30"), "which has no zone"),
        (("--until", "0"), "a position from 1"),
        (("--since", "0001-01-01T00:00Z"), "a position from 1"),
        (("--aggregate", "roof/march"), "--context with its name"),
        (("--follow", "--until", "3"), "say one"),
    ],
)
def test_filters_that_say_nothing_are_refused(
    roof: CommandLine, options: tuple[str, ...], said: str
) -> None:
    ended = roof("events", "tail", *options)
    assert ended.exit_code == 2
    assert said in ended.stderr


def test_grep_finds_words_fields_and_reasons(roof: CommandLine) -> None:
    roof.ok("book", "roof", "march", "R-1", "ACME", "--reason", "a phone call")
    roof.ok("book", "roof", "march", "R-2", "Größe/☀ Solar", "--actor", "Zoë")

    def topics(*arguments: str) -> list[str]:
        return [each["topic"] for each in _lines(roof.ok("events", "grep", *arguments, "--json"))]

    booked = ["suppliers.slot_booked", "suppliers.booked"]
    assert topics("phone") == booked
    assert topics("PHONE") == []
    assert topics("PHONE", "-i") == booked
    assert topics("^Booked a slot for R-[12]") == ["suppliers.slot_booked"] * 2
    assert topics("Zoë", "--topic", "suppliers.booked") == ["suppliers.booked"]
    assert topics('"registration_id": "R-2"', "--limit", "1") == ["suppliers.slot_booked"]
    nothing = roof("events", "grep", "nowhere")
    assert (nothing.exit_code, nothing.stdout) == (0, "")
    assert "No event matches" in nothing.stderr
    broken = roof("events", "grep", "(")
    assert broken.exit_code == 2
    assert "no regular expression" in broken.stderr


def test_a_trace_shows_what_one_command_led_to(roof: CommandLine) -> None:
    roof.ok("book", "roof", "march", "R-1", "ACME", "--actor", "ada", "--reason", "a call")
    (event, _) = _lines(roof.ok("events", "tail", "--actor", "ada", "--json"))
    found = roof.json("events", "trace", event["correlation_id"])
    assert found["complete"]
    (command,) = found["commands"]
    assert command["command_id"] == event["command_id"]
    assert [each["topic"] for each in command["events"]] == [
        "suppliers.slot_booked",
        "suppliers.booked",
    ]
    told = roof.ok("events", "trace", event["correlation_id"]).splitlines()
    assert told[0] == f"Command {event['command_id']} by ada (a call)"
    assert "Booked a slot for R-1" in told[1]
    assert roof("events", "trace", str(uuid4())).exit_code == 3
    assert roof("events", "trace", "R-1").exit_code == 2
