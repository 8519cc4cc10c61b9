"""The command line takes over planning documents, sets hours, ends assignments, forgets names."""

import json
from typing import Any

import pytest

from tests.support.planning import planning_document

WEEK = "2026-03-01"


@pytest.fixture
def plan(capacity: Any) -> Any:
    """A command line with the small planning document taken over."""
    capacity.ok("migrate")
    capacity.file("plan.json", json.dumps(planning_document()))
    capacity.ok("assignments", "import", "plan.json")
    return capacity


def test_an_import_says_what_it_did(capacity: Any) -> None:
    capacity.ok("migrate")
    file = capacity.file("plan.json", json.dumps(planning_document()))
    trial = capacity.ok("assignments", "import", file, "--dry-run")
    assert trial.startswith("Would take over 3 week cells; recorded 15 events.")
    done = capacity.ok("assignments", "import", file)
    assert done.startswith("Took over 3 week cells; recorded 15 events.")
    assert "global role mappings" in done
    again = capacity.json("assignments", "import", file)
    assert (again["events"], again["counts"]["people"]["unchanged"]) == (0, 2)
    told = capacity.ok("assignments", "import", file)
    assert told.startswith("Nothing new: everything is as the document says.")


def test_a_fault_is_named_and_nothing_stored(plan: Any) -> None:
    document = planning_document()
    document["assignments"][0]["weekly_hours"][WEEK] = "soon"
    file = plan.file("bad.json", json.dumps(document))
    ended = plan("assignments", "import", file, "--json")
    assert ended.exit_code == 5
    assert ended.problem["problems"] == [
        {
            "pointer": f"/assignments/0/weekly_hours/{WEEK}",
            "detail": "found 'soon', a number of hours is needed",
        }
    ]
    assert "nothing is stored" not in ended.stdout
    lenient = plan.ok("assignments", "import", file, "--lenient")
    assert "1 value read leniently:" in lenient
    assert "'soon'" in lenient


def test_a_document_that_is_too_large_is_refused_unread(
    plan: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CAPACITY_PLANNING_BYTES", "100")
    ended = plan("assignments", "import", "plan.json")
    assert ended.exit_code == 5
    assert "more than 100 bytes, the limit (CAPACITY_PLANNING_BYTES)" in ended.stderr


def test_hours_are_set_by_day(plan: Any) -> None:
    told = plan.ok("assignments", "hours", "1001", "2026-03-15=7.5", f"{WEEK}=0")
    assert told == "Set hours of assignment 1001; 2 weeks with hours.\n"
    again = plan.json("assignments", "hours", "1001", "2026-03-15=7.5")
    assert again["status"] == "noop"
    told = plan.ok("assignments", "hours", "1001", "2026-03-15=1", "--replace")
    assert told == "Set hours of assignment 1001; 1 week with hours.\n"


@pytest.mark.parametrize(
    ("arguments", "exit_code", "told"),
    [
        (("1001", "2026-03-01"), 2, "DAY=HOURS is needed"),
        (("1001", f"{WEEK}=1", f"{WEEK}=2"), 2, "stands twice"),
        (("1001", f"{WEEK}=many"), 5, "found 'many', a number of hours is needed"),
        (("1001", "someday=1"), 5, "found 'someday', a day is needed as YYYY-MM-DD"),
        (("1001", "2026-02-22=1"), 5, "Cannot assign hours before employee hire week"),
        (("5", f"{WEEK}=1"), 3, "Assignment 5 is not known"),
    ],
)
def test_hours_that_cannot_be_set(
    plan: Any, arguments: tuple[str, ...], exit_code: int, told: str
) -> None:
    ended = plan("assignments", "hours", *arguments)
    assert ended.exit_code == exit_code
    assert told in ended.stderr


def test_an_assignment_ends_once(plan: Any) -> None:
    assert plan.ok("assignments", "end", "1001") == "Ended assignment 1001.\n"
    assert plan.ok("assignments", "end", "1001").startswith("Nothing new")
    assert plan("assignments", "end", "5").exit_code == 3


def test_a_name_is_forgotten_once(plan: Any) -> None:
    trial = plan.ok("assignments", "forget", "17", "--dry-run")
    assert trial.startswith("Would forget the name of person 17.")
    assert plan.ok("assignments", "forget", "17") == "Forgot the name of person 17.\n"
    assert plan.ok("assignments", "forget", "17").startswith("Nothing new")
    assert plan("assignments", "forget", "5").exit_code == 3


def test_history_tells_an_assignment_in_words(plan: Any) -> None:
    told = plan.ok("history", "assignments", "1001", "--kind", "Assignment")
    assert "Made the assignment 1001 of person 17 to project 205" in told


def test_what_was_taken_over_is_printed_and_taken_over_again(plan: Any) -> None:
    printed = plan.ok("assignments", "export")
    assert json.loads(printed)["assignments"][0]["weekly_hours"] == {WEEK: 7.5, "2026-03-08": 8}
    again = plan.ok("assignments", "import", plan.file("again.json", printed))
    assert again.startswith("Nothing new")
    assert json.loads(plan.ok("assignments", "export", "--as-of", "1"))["people"] == []
