"""Planning documents come and go as sheets over HTTP, by their media types."""

from typing import Any

import pytest

from interfaces.sheets import MEDIA_TYPES
from tests.support.planning import planning_document
from tests.support.servers import Live
from tests.support.workbooks import workbook

IMPORT, EXPORT = "/v1/planning/import", "/v1/planning/export"
CSV = {"content-type": "text/csv; charset=utf-8"}
XLSX = {"content-type": MEDIA_TYPES["xlsx"]}


@pytest.fixture
def plan(live: Live) -> Any:
    assert live.client.post(IMPORT, json=planning_document()).status_code == 200
    return live.client


def test_a_workbook_goes_out_and_comes_in(plan: Any) -> None:
    sent = plan.get(EXPORT, params={"format": "xlsx"})
    assert sent.headers["content-type"] == MEDIA_TYPES["xlsx"]
    assert sent.headers["content-disposition"] == 'attachment; filename="planning.xlsx"'
    assert sent.headers["capacity-position"] == plan.get(EXPORT).headers["capacity-position"]
    again = plan.post(IMPORT, content=sent.content, headers=XLSX).json()
    assert (again["recorded_events"], again["week_cells"]) == (0, 3)
    assert again["counts"]["people"]["unchanged"] == 2


def test_one_list_goes_out_and_comes_in_as_csv(plan: Any) -> None:
    sent = plan.get(EXPORT, params={"format": "csv"})
    header, first, *_ = sent.text.splitlines()
    assert header.endswith("role_on_project_ref_id,is_active,2026-03-01,2026-03-08")
    assert first == "1001,17,205,11,,true,7.5,8"
    assert plan.post(IMPORT, content=sent.content, headers=CSV).json()["recorded_events"] == 0
    changed = sent.text.replace("7.5,8", "7.5,")
    assert plan.post(IMPORT, content=changed, headers=CSV).json()["recorded_events"] == 1
    people = plan.get(EXPORT, params={"format": "csv", "list": "people"})
    assert people.headers["content-disposition"] == 'attachment; filename="people.csv"'
    answered = plan.post(f"{IMPORT}?list=people", content=people.content, headers=CSV)
    assert answered.json()["counts"]["people"] == {"added": 0, "changed": 0, "unchanged": 2}


def test_a_sheet_as_it_was(plan: Any) -> None:
    before = plan.get(EXPORT).headers["capacity-position"]
    plan.delete("/v1/assignments/1001")
    then = plan.get(EXPORT, params={"format": "csv", "as_of": before}).text
    now = plan.get(EXPORT, params={"format": "csv"}).text
    assert ("1001,17,205,11,,true" in then, "1001,17,205,11,,false" in now) == (True, True)


def test_cells_that_cannot_be_used_are_pointed_at(plan: Any) -> None:
    text = "id,person_id,2026-03-01\n1001,17,soon\n1002,99,-1\n"
    answered = plan.post(IMPORT, content=text, headers=CSV)
    assert answered.status_code == 422
    assert [each["pointer"] for each in answered.json()["errors"]] == [
        "/assignments/row 2/weekly_hours/2026-03-01",
        "/assignments/row 3/weekly_hours/2026-03-01",
    ]
    row = '<row><c t="str"><v>id</v></c></row><row><c><f>1</f><v>1</v></c></row>'
    answered = plan.post(IMPORT, content=workbook(row), headers=XLSX)
    assert answered.json()["errors"][0]["pointer"] == "/assignments/row 2/id"
    assert "no workbook" in plan.post(IMPORT, content=text, headers=XLSX).text


def test_what_is_asked_wrongly_is_told(plan: Any) -> None:
    assert plan.get(EXPORT, params={"format": "ods"}).json()["errors"][0]["pointer"] == "/format"
    assert plan.get(EXPORT, params={"list": "people"}).json()["errors"][0]["pointer"] == "/list"
    wrong = plan.get(EXPORT, params={"format": "csv", "list": "offices"})
    assert wrong.json()["errors"][0]["pointer"] == "/list"
    answered = plan.post(IMPORT, content="x", headers={"content-type": "text/html"})
    assert answered.status_code == 415
    assert "application/json or text/csv or application/vnd." in answered.json()["detail"]


def test_a_sheet_under_a_key_is_answered_again(plan: Any) -> None:
    headers = CSV | {"idempotency-key": "april"}
    text = "id,person_id,2026-04-05\n1003,17,8\n"
    first = plan.post(IMPORT, content=text, headers=headers)
    again = plan.post(IMPORT, content=text, headers=headers)
    assert again.headers["idempotency-replayed"] == "true"
    assert again.content == first.content
