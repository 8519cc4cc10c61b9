"""Every view as CSV and XLSX: the same figures as in JSON, of all pages, and no formula."""

import csv
import io
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from python_calamine import CalamineWorkbook

from interfaces import role_sheets
from interfaces.http.reports import exporting
from interfaces.sheets import MEDIA_TYPES
from projections.role_capacity import weeks_of_people
from tests.support.keys import make_key
from tests.support.plans import NOW, WEEKS, staffed
from tests.support.servers import Live, running, settings_in

REPORTS = "/v1/reports"
REPORT = f"{REPORTS}/role-capacity"
FIRST = "role-capacity/assignments/1"
# Each view, what else it is asked, and how many rows it has for four weeks.
VIEWS: dict[str, tuple[dict[str, str], int]] = {
    REPORT: ({}, 8),
    f"{REPORTS}/people-heatmap": ({}, 16),
    f"{REPORTS}/people/1/utilization": ({}, 4),
    f"{REPORTS}/availability": ({"hours": "8"}, 16),
    f"{REPORTS}/over-allocation": ({}, 2),
    f"{REPORT}/roles/1": ({}, 12),
    f"{REPORT}/people/1": ({}, 8),
    f"{REPORT}/assignments/1": ({}, 4),
    f"{REPORT}/assignments/1/events": ({}, 2),
}


def fetch(live: Live, path: str, **query: Any) -> Any:
    weeks = {} if path.endswith("/events") else {"weeks": 4}
    answered = live.client.get(path, params={**weeks, **query})
    assert answered.status_code == 200, answered.text
    return answered


def rows_of(answered: Any) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(answered.content.decode(), newline="")))


@pytest.mark.parametrize("path", VIEWS)
def test_both_kinds_of_file_hold_the_same_table(shared: Live, path: str) -> None:
    query, many = VIEWS[path]
    as_csv = fetch(shared, path, format="csv", **query)
    as_xlsx = fetch(shared, path, format="xlsx", **query)
    book = CalamineWorkbook.from_filelike(io.BytesIO(as_xlsx.content))
    figures, details = (book.get_sheet_by_name(name).to_python() for name in book.sheet_names)
    rows = rows_of(as_csv)
    assert len(rows) == len(figures) - 1 == many
    assert list(rows[0]) == figures[0]
    for row, cells in zip(rows, figures[1:], strict=True):
        for text, cell in zip(row.values(), cells, strict=True):
            is_number = isinstance(cell, float) and not isinstance(cell, bool)
            assert (float(text) if is_number else text.removeprefix("'")) == cell
    stated: Any = details[1:]
    said: dict[str, Any] = dict(stated)
    assert str(int(said["position"])) == as_csv.headers["capacity-position"]
    assert said["made_at"] == as_csv.headers["capacity-made-at"] == "2026-11-18T12:00:00+00:00"
    filters = {
        name: value for name, [value] in parse_qs(as_csv.headers["capacity-filters"]).items()
    }
    assert filters == {
        name: text for name, text in said.items() if name not in ("report", "position", "made_at")
    }
    for answered, kind in ((as_csv, "csv"), (as_xlsx, "xlsx")):
        assert answered.headers["content-type"] == MEDIA_TYPES[kind]  # type: ignore[index] # one of both
        name = f"{said['report']}-{int(said['position'])}.{kind}"
        assert answered.headers["content-disposition"] == f'attachment; filename="{name}"'
        assert int(answered.headers["content-length"]) == len(answered.content)


def test_the_report_as_a_file_has_the_figures_of_the_report(both: Live) -> None:
    report = fetch(both, REPORT, unit="percent").json()
    answered = fetch(both, REPORT, unit="percent", format="csv")
    expected = [
        (str(each["roleId"]), week, str(assigned), str(projected))
        for each in report["series"]
        for week, assigned, projected in zip(
            WEEKS, each["assigned"], each["projected"], strict=True
        )
    ]
    assert [
        (row["role_id"], row["week"], row["assigned"], row["projected"])
        for row in rows_of(answered)
    ] == expected
    assert answered.headers["capacity-source"] == "rollup"
    assert "unit=percent" in answered.headers["capacity-filters"]


def test_names_in_a_file_are_no_formulas(both: Live) -> None:
    rows = rows_of(fetch(both, f"{REPORTS}/people-heatmap", format="csv"))
    assert {row["person"] for row in rows} == {"Ada", "Grace", "Mary", "'=Joan"}
    book = fetch(both, f"{REPORTS}/people-heatmap", format="xlsx").content
    people = CalamineWorkbook.from_filelike(io.BytesIO(book)).get_sheet_by_index(0).to_python()
    assert people[-1][1] == "=Joan"


def rows_in(live: Live, path: str) -> list[dict[str, str]]:
    return rows_of(fetch(live, path, format="csv", **VIEWS[path][0]))


def test_a_file_has_all_pages(shared: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    everywhere = {path: rows_in(shared, path) for path in VIEWS}
    monkeypatch.setattr(role_sheets, "PAGE", 1)
    monkeypatch.setattr(weeks_of_people, "_PEOPLE_AT_ONCE", 1)
    for path, rows in everywhere.items():
        # People and placeholders of a role come page by page, so their order is another.
        assert sorted(map(repr, rows_in(shared, path))) == sorted(map(repr, rows)), path


def test_a_file_can_be_of_another_time(both: Live) -> None:
    path = f"{REPORT}/people/1"
    before = fetch(both, path, format="csv")
    hours = {"weekly_hours": {WEEKS[0]: 11}}
    changed = both.client.patch("/v1/assignments/1/hours", json=hours)
    assert changed.status_code == 200, changed.text
    position = changed.headers["capacity-position"]
    now = fetch(both, path, format="csv", after=position)
    assert rows_of(now)[0]["hours"] == "11.0"
    then = fetch(both, path, format="csv", as_of=before.headers["capacity-position"])
    assert then.content == before.content


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ({"format": "pdf"}, "/format: found 'pdf', one of json, csv, xlsx is needed"),
        ({"format": "csv", "limit": "5"}, "/limit: says nothing beside format=csv"),
        (
            {"format": "xlsx", "cursor": "WzEsImEiLDEsMV0"},
            "/cursor: says nothing beside format=xlsx",
        ),
        ({"format": "csv", "as_of": "1", "after": "1"}, "/after: says nothing beside as_of"),
    ],
)
def test_what_means_nothing_is_said(shared: Live, query: Any, told: str) -> None:
    answered = shared.client.get(f"{REPORTS}/people-heatmap", params=query)
    assert answered.status_code == 422
    assert told in answered.json()["detail"]


@pytest.mark.parametrize("path", ["roles/99", "people/99", "assignments/99"])
def test_what_nobody_knows_is_no_file(shared: Live, path: str) -> None:
    answered = shared.client.get(f"{REPORT}/{path}", params={"format": "xlsx"})
    assert answered.status_code == 404
    assert answered.headers["content-type"] == "application/problem+json"


def test_a_failure_half_way_is_an_error_and_no_half_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running(staffed(settings_in(tmp_path)), clock=lambda: NOW) as live:

        def broken(*_: Any) -> None:
            raise ZeroDivisionError

        monkeypatch.setattr(exporting, "_write", broken)
        answered = live.client.get(f"{REPORTS}/people-heatmap", params={"format": "csv"})
        assert answered.status_code == 500
        monkeypatch.undo()
        fetch(live, f"{REPORTS}/people-heatmap", format="csv")


def test_questions_do_not_wait_for_files(shared: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files have a thread of their own: while one is written, questions are answered."""
    answers: list[int] = []
    write = exporting._write

    def asking_meanwhile(*arguments: Any) -> None:
        for _ in range(2 * shared.service.settings.read_threads):
            answers.append(shared.client.get(f"{REPORTS}/people-heatmap").status_code)
        write(*arguments)

    monkeypatch.setattr(exporting, "_write", asking_meanwhile)
    fetch(shared, REPORT, format="csv")
    assert answers == [200] * 2 * shared.service.settings.read_threads


def test_a_persons_key_gets_files_of_its_vertical(tmp_path: Path) -> None:
    settings = staffed(settings_in(tmp_path))
    grace = make_key(settings, "read", person_id="2").headers
    with running(settings, clock=lambda: NOW) as live:

        def asked(path: str) -> Any:
            query = {"format": "csv"} | ({} if path.endswith("/events") else {"weeks": "4"})
            return live.client.get(f"{REPORTS}/{path}", params=query, headers=grace)

        assert {row["person"] for row in rows_of(asked("people-heatmap"))} == {"Grace"}
        assert "vertical=2" in asked("people-heatmap").headers["capacity-filters"]
        report = rows_of(asked("role-capacity"))
        assert {row["capacity"] for row in report if row["role"] == "Engineer"} == {"0.0"}
        for path in (
            "people/3/utilization",
            "role-capacity/people/3",
            "role-capacity/assignments/1",
        ):
            assert asked(path).status_code == 404
        assert asked("role-capacity/assignments/1/events").status_code in (404, 422)
        assert live.client.get(f"{REPORTS}/people-heatmap?format=csv").status_code == 401
