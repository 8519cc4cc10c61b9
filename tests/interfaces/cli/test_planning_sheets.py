"""Planning documents come and go as sheets on the command line, by their files' names."""

import json
from typing import Any

import pytest

from tests.support.planning import planning_document


@pytest.fixture
def plan(capacity: Any) -> Any:
    """A command line with the small planning document taken over."""
    capacity.ok("migrate")
    capacity.ok("assignments", "import", capacity.file("p.json", json.dumps(planning_document())))
    return capacity


@pytest.mark.parametrize("file", ["plan.xlsx", "plan.csv", "plan.json", "PLAN.CSV"])
def test_a_file_goes_out_and_comes_in(plan: Any, file: str) -> None:
    assert plan.ok("assignments", "export", file) == f"Wrote {file}.\n"
    assert plan.ok("assignments", "import", file).startswith("Nothing new")


def test_the_format_and_the_list_can_be_named(plan: Any) -> None:
    people = plan.ok("assignments", "export", "--format", "csv", "--list", "people")
    assert people.splitlines()[1] == "17,Ada Lovelace,4,11,36,2026-03-04,true"
    changed = people.replace("4,11,36", "9,11,36").encode()
    arguments = ("assignments", "import", "-", "--format", "csv", "--list", "people")
    trial = plan(*arguments, "--dry-run", stdin=changed)
    assert "it would record assignments.person_changed_role" in trial.stdout
    assert plan(*arguments, stdin=changed).exit_code == 0
    assert json.loads(plan.ok("assignments", "export"))["people"][0]["role_id"] == 9


def test_a_cell_that_cannot_be_used_is_named_and_nothing_stored(plan: Any) -> None:
    file = plan.file("bad.csv", 'id,person_id,2026-03-01\n1003,17,8\n1004,17,"7,5"\n')
    ended = plan("assignments", "import", file)
    assert ended.exit_code == 5
    assert "/assignments/row 3/weekly_hours/2026-03-01: found '7,5'" in ended.stderr
    lenient = plan.ok("assignments", "import", file, "--lenient", "--dry-run")
    assert "1 value read leniently:" in lenient
    assert len(json.loads(plan.ok("assignments", "export"))["assignments"]) == 2


@pytest.mark.parametrize(
    ("arguments", "exit_code", "told"),
    [
        (("import", "none.csv"), 5, "none.csv cannot be read: no such file"),
        (("import", "."), 5, "cannot be read: it is a folder"),
        (("import", "p.json", "--format", "ods"), 2, "json, csv, xlsx are known"),
        (("import", "p.json", "--list", "offices"), 5, "/list: found 'offices'"),
        (("import", "p.json", "--format", "xlsx"), 5, "no workbook"),
        (("export", "nowhere/plan.csv"), 5, "nowhere/plan.csv cannot be written"),
    ],
)
def test_what_is_asked_wrongly_is_told(
    plan: Any, arguments: tuple[str, ...], exit_code: int, told: str
) -> None:
    ended = plan("assignments", *arguments)
    assert (ended.exit_code, told in ended.stderr) == (exit_code, True), ended.stderr


def test_a_file_that_is_too_large_is_refused_unread(
    plan: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (plan.folder / "large.csv").open("wb") as file:
        file.truncate(200_000_000)  # which takes no room: it is one hole
    monkeypatch.setenv("CAPACITY_PLANNING_BYTES", "1000000")
    ended = plan("assignments", "import", "large.csv")
    assert ended.exit_code == 5
    assert "more than 1000000 bytes, the limit (CAPACITY_PLANNING_BYTES)" in ended.stderr


def test_a_workbook_that_swells_is_refused(plan: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    plan.ok("assignments", "export", "plan.xlsx")
    monkeypatch.setenv("CAPACITY_PLANNING_BYTES", "12000")
    ended = plan("assignments", "import", "plan.xlsx")
    assert ended.exit_code == 5
    assert "bytes unpacked, at most 12000 are allowed (CAPACITY_PLANNING_BYTES)" in ended.stderr
