"""`capacity projections parked|retry|skip|verify`: what is wrong is shown, decisions are events."""

import json
import sqlite3
from contextlib import closing
from typing import Any

import pytest

POISON, LATER = "suppliers.unheard_of", "suppliers.booked"


@pytest.fixture
def poisoned(roof: Any) -> Any:
    """A ledger in which one aggregate has an unknown event, and one behind it."""
    with closing(sqlite3.connect(roof.folder / "capacity.db")) as connection, connection:
        (head,) = connection.execute("SELECT max(rowid) FROM stored_events").fetchone()
        for number, topic in enumerate((POISON, LATER), start=1):
            connection.execute(
                "INSERT INTO stored_events (originator_id, originator_version, topic, state)"
                " VALUES (?, ?, ?, ?)",
                ("0" * 31 + "9", number, topic, b"{}"),
            )
            connection.execute("INSERT INTO append_groups VALUES (?, 0)", (head + number,))
    roof.poison_position = head + 1
    return roof


def test_what_is_parked_is_shown_and_others_are_answered(poisoned: Any) -> None:
    ended = poisoned("capacity", "roof", "march", "--json")
    assert ended.exit_code == 0
    assert ended.document["ACME"]["Used"] == 0
    assert f"could not apply the event at position {poisoned.poison_position}" in ended.stderr
    listed = poisoned("projections", "parked", "supplier_capacity", "--json")
    assert listed.exit_code == 1
    first, second = listed.document["parked"]
    assert (first["topic"], first["position"]) == (POISON, poisoned.poison_position)
    assert f"{POISON} at position {poisoned.poison_position}" in first["error"]
    assert second["behind"] == poisoned.poison_position
    said = poisoned("projections", "parked", "supplier_capacity", "--traceback")
    assert "2 events parked." in said.stdout
    assert "UnknownTopic" in said.stdout
    assert "Traceback" in said.stdout


def test_a_retry_that_cannot_help_says_so_and_is_recorded(poisoned: Any) -> None:
    poisoned("capacity", "roof", "march")
    retry = ("projections", "retry", "supplier_capacity", "--all")
    ended = poisoned(*retry, "--reason", "perhaps")
    assert ended.exit_code == 1
    assert "0 events applied, 2 still parked." in ended.stdout
    (event,) = decided(poisoned)
    assert event["topic"] == "operations.parked_retry_ordered"
    assert (event["provenance"]["reason"], event["position"]) == ("perhaps", None)


def test_a_skipped_event_is_recorded_with_who_and_why(poisoned: Any) -> None:
    poisoned("capacity", "roof", "march")
    skip = ("projections", "skip", "supplier_capacity")
    position = poisoned.poison_position
    dry = poisoned(*skip, str(position), "--reason", "sent twice", "--dry-run")
    assert (dry.exit_code, decided(poisoned)) == (0, [])
    ended = poisoned(*skip, str(position), "--reason", "sent twice", "--actor", "ada", "--json")
    (still,) = ended.document["parked"]
    assert (ended.exit_code, still["position"]) == (1, position + 1)
    assert "Struct missing" in still["error"] or "missing required field" in still["error"]
    (event,) = decided(poisoned)
    assert event["provenance"]["actor"] == "ada"
    assert event["provenance"]["reason"] == "sent twice"
    assert event["parked_topic"] == POISON
    assert poisoned(*skip, str(position + 1), "--reason", "of the same").exit_code == 0
    assert poisoned("projections", "parked", "supplier_capacity").exit_code == 0
    assert "supplier_capacity" not in poisoned("capacity", "roof", "march").stderr


@pytest.mark.parametrize(
    ("arguments", "exit_code", "said"),
    [
        (("retry", "supplier_capacity"), 2, "Name the position of a parked event"),
        (("retry", "supplier_capacity", "99", "--reason", "x"), 3, "no event at position 99"),
        (("skip", "supplier_capacity", "99", "--reason", "x"), 3, "no event at position 99"),
        (("skip", "week_hours", "99", "--reason", "x"), 3, "there are: supplier_capacity"),
        (("parked", "week_hours"), 3, "there are: supplier_capacity"),
        (("retry", "supplier_capacity", "--all"), 5, "say why"),
    ],
)
def test_what_cannot_be_done_is_said_and_not_recorded(
    roof: Any, arguments: tuple[str, ...], exit_code: int, said: str
) -> None:
    ended = roof("projections", *arguments)
    assert ended.exit_code == exit_code
    assert said in ended.stderr
    assert decided(roof) == []


def test_projections_are_verified_and_what_is_wrong_is_shown(roof: Any) -> None:
    assert "read all" in roof.ok("projections", "verify")
    assert "every row is right" in roof.ok("projections", "verify", "--deep")
    change_views(roof, "UPDATE supplier_capacity SET capacity_slots = 9 WHERE supplier = 'ACME'")
    assert roof("projections", "verify").exit_code == 0
    deep = roof("projections", "verify", "--deep")
    assert deep.exit_code == 1
    assert "1 row wrong" in deep.stdout
    assert "capacity_slots=9" in deep.stdout
    change_views(
        roof,
        "UPDATE projection_positions SET applied_events = applied_events - 1"
        " WHERE name = 'supplier_capacity'",
    )
    ended = roof("projections", "verify", "supplier_capacity", "--json")
    (found,) = ended.document["projections"]
    assert (ended.exit_code, found["complete"]) == (1, False)
    roof.ok("projections", "rebuild", "supplier_capacity")
    roof.ok("projections", "verify", "--deep")


def change_views(command_line: Any, statement: str) -> None:
    with closing(sqlite3.connect(command_line.folder / "capacity.views.db")) as views, views:
        views.execute(statement)


def decided(command_line: Any) -> list[Any]:
    """Return the decisions in the ledger, each with its topic."""
    with closing(sqlite3.connect(command_line.folder / "capacity.db")) as connection:
        found = connection.execute(
            "SELECT topic, state FROM stored_events WHERE topic LIKE 'operations.%' ORDER BY rowid"
        ).fetchall()
    return [{"topic": topic, **json.loads(state)} for topic, state in found]
