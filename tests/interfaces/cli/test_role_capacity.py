"""`capacity report role-capacity`, and the commands that look after its tables."""

import csv
import json
import sqlite3
from typing import Any

import pytest
from python_calamine import CalamineWorkbook

from tests.interfaces.cli.conftest import CommandLine

PLAN: dict[str, Any] = {
    "verticals": [],
    "departments": [{"id": 3, "name": "D", "vertical_id": None, "parent_id": None,
                     "is_active": True}],
    "roles": [{"id": 1, "name": "=Eng", "sort_order": 0, "is_active": True}],
    "people": [{"id": 1, "name": "Ada", "role_id": 1, "department_id": 3, "weekly_capacity": 40,
                "hire_date": None, "is_active": True}],
    "projects": [], "project_roles": [], "template_role_mappings": [], "global_role_mappings": [],
    "assignments": [{"id": 1, "person_id": 1, "project_id": None, "department_id": 3,
                     "role_on_project_ref_id": None, "is_active": True,
                     "weekly_hours": {"2026-11-15": 10, "2026-11-22": 50.5}}],
}  # fmt: skip
REPORT = ("report", "role-capacity", "--start", "2026-11-15", "--weeks", "3")


@pytest.fixture
def planned(capacity: CommandLine) -> CommandLine:
    capacity.ok("migrate")
    capacity.ok("assignments", "import", capacity.file("plan.json", json.dumps(PLAN)))
    return capacity


def test_the_report_is_a_table_with_bars(planned: CommandLine) -> None:
    shown = planned.ok(*REPORT)
    assert "Weeks of 2026-11-15 to 2026-11-29" in shown
    (row,) = [line.split() for line in shown.splitlines() if "=Eng" in line]
    assert row == ["=Eng", "▃!·", "60.5", "0.0", "120.0", "1"]
    assert "Read from rollup." in shown


@pytest.mark.parametrize("source", ["rollup", "normalized", "python"])
def test_the_report_is_json_from_every_source(planned: CommandLine, source: str) -> None:
    (series,) = planned.json(*REPORT, "--source", source)["series"]
    assert (series["assigned"], series["capacity"]) == ([10.0, 50.5, 0.0], [40.0, 40.0, 40.0])


def test_the_report_is_written_as_csv_without_formulas(planned: CommandLine) -> None:
    planned.ok(*REPORT, "--csv", "report.csv", "--unit", "percent")
    with (planned.folder / "report.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["week"] for row in rows] == ["2026-11-15", "2026-11-22", "2026-11-29"]
    assert (rows[0]["role"], rows[0]["assigned"], rows[0]["people"]) == ("'=Eng", "25.0", "1")


def test_the_report_can_be_of_another_time(planned: CommandLine) -> None:
    before = planned.json("assignments", "hours", "1", "2026-11-15=20")["position"] - 1
    (then,) = planned.json(*REPORT, "--as-of", str(before))["series"]
    (now,) = planned.json(*REPORT)["series"]
    assert (then["assigned"][0], now["assigned"][0]) == (10.0, 20.0)


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--start", "2026-11-16", "a Sunday is needed"),
        ("--unit", "days", "one of hours, fte, percent is needed"),
        ("--gating", "none", "one of hire_week, strict is needed"),
        ("--source", "guess", "one of rollup, normalized, jsonb, python is needed"),
    ],
)
def test_options_that_mean_nothing_are_refused(
    planned: CommandLine, option: str, value: str, said: str
) -> None:
    ended = planned("report", "role-capacity", option, value)
    assert ended.exit_code == 5
    assert said in ended.stderr


def spoil(planned: CommandLine, change: str) -> None:
    connection = sqlite3.connect(planned.folder / "capacity.views.db")
    with connection:
        connection.execute(change)
    connection.close()


def test_tables_that_agree_are_said_to(planned: CommandLine) -> None:
    assert "They agree." in planned.ok("assignments", "reconcile", "--fail-on-drift")
    found = planned.json("assignments", "reconcile", "--sample", "1")
    assert (found["assignments"], found["week_rows"], found["totals_compared"]) == (1, 2, False)


@pytest.mark.parametrize(
    ("change", "drift"),
    [
        ("UPDATE assignment_week_hours SET units = 1 WHERE week_start = '2026-11-15'", (1, 0)),
        ("DELETE FROM assignment_week_hours", (2, 0)),
        ("DELETE FROM role_capacity_steps WHERE scope = 'd3' AND kind = 'strict'", (0, 2)),
        ("UPDATE role_week_totals SET firm_strict_units = 7 WHERE scope = 'd3'", (0, 2)),
    ],
)
def test_drift_is_found_by_department_and_mended(
    planned: CommandLine, change: str, drift: tuple[int, int]
) -> None:
    spoil(planned, change)
    ended = planned("assignments", "reconcile", "--fail-on-drift", "--json")
    assert ended.exit_code == 1
    (found,) = ended.document["drift"]
    assert found == {"department_id": 3, "week_rows": drift[0], "totals": drift[1]}
    assert planned.json("assignments", "reconcile", "--department", "4")["drift"] == []
    for _ in range(2):
        assert "Made anew" in planned.ok("assignments", "backfill")
    assert "They agree." in planned.ok("assignments", "reconcile", "--fail-on-drift")


def test_a_department_is_made_right_in_place(planned: CommandLine) -> None:
    spoil(planned, "UPDATE assignment_week_hours SET units = 1 WHERE week_start = '2026-11-15'")
    other = planned.json("assignments", "backfill", "--department", "4")
    assert other == {"assignments": 1, "week_rows": 0, "totals": 0}
    mended = planned.json("assignments", "backfill", "--department", "3", "--chunk", "1")
    assert mended == {"assignments": 1, "week_rows": 1, "totals": 0}
    again = planned.ok("assignments", "backfill", "--department", "3")
    assert again.startswith("Nothing to do: all rows are right (0 week cells, 0 totals)")
    assert "They agree." in planned.ok("assignments", "reconcile", "--fail-on-drift")


# People.


def test_the_heatmap_has_a_letter_for_each_week(planned: CommandLine) -> None:
    asked = ("report", "heatmap", "--start", "2026-11-15", "--weeks", "3")
    shown = planned.ok(*asked)
    (row,) = [line.split() for line in shown.splitlines() if "Ada" in line]
    assert row == ["Ada", "=Eng", "pOf", "60.5", "120.0"]
    assert "f free, p partial, F full, O over" in shown
    (person,) = planned.json(*asked)["people"]
    assert [each["state"] for each in person["cells"]] == ["partial", "over", "free"]


def test_views_of_people_are_tables_and_json(planned: CommandLine) -> None:
    span = ("--start", "2026-11-15", "--weeks", "2")
    used = planned.ok("report", "utilization", "1", *span)
    assert "60.5 h of 80.0 h: 75.6 %" in used
    assert planned.json("report", "utilization", "1", *span)["total"]["overWeeks"] == 1
    free = planned.ok("report", "availability", "1", *span)
    assert "0 people have 1 h left in each week" in free
    assert "2026-11-22: 0 h free, 1 h are needed" in free
    over = planned.ok("report", "over-allocation", *span)
    (row,) = [line.split() for line in over.splitlines() if "Ada" in line]
    assert row == ["Ada", "2026-11-22", "50.5", "40", "10.5", "no", "project", "50.5"]
    none = planned.ok("report", "over-allocation", "--start", "2026-12-06")
    assert none.strip() == "Nobody has more to do than they can give."
    assert planned("report", "utilization", "2").exit_code == 3
    assert planned("report", "availability", "many").exit_code == 5


@pytest.mark.parametrize(
    ("view", "many"),
    [
        (("role-capacity",), 3),
        (("heatmap",), 3),
        (("utilization", "1"), 3),
        (("availability", "1"), 3),
        (("over-allocation",), 1),
    ],
)
def test_every_view_is_written_as_csv_and_xlsx(
    planned: CommandLine, view: tuple[str, ...], many: int
) -> None:
    span = ("--start", "2026-11-15", "--weeks", "3")
    ended = planned("report", *view, *span, "--csv", "out.csv", "--xlsx", "out.xlsx")
    assert ended.exit_code == 0
    assert "gating=hire_week" in ended.stderr
    with (planned.folder / "out.csv").open(newline="") as file:
        rows = list(csv.reader(file))
    book = CalamineWorkbook.from_path(planned.folder / "out.xlsx")
    figures, details = (book.get_sheet_by_name(name).to_python() for name in book.sheet_names)
    assert (rows[0], len(rows), len(figures)) == (figures[0], many + 1, many + 1)
    stated: Any = details[1:]
    said: dict[str, Any] = dict(stated)
    assert (said["from_week"], said["weeks"], said["department"]) == ("2026-11-15", "3", "all")
    assert said["position"] > 0
