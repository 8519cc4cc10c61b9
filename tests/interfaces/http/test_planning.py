"""Planning over HTTP: people, assignments and hours are put, changed, ended and forgotten."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.planning import planning_document
from tests.support.servers import Live

JSON = {"content-type": "application/json"}
PEOPLE, ASSIGNMENTS = "/v1/planning/people", "/v1/assignments"
HOURS = f"{ASSIGNMENTS}/hours"
WEEK, NEXT_WEEK, BEFORE_ADA = "2026-03-01", "2026-03-08", "2026-02-22"


@pytest.fixture
def planned(both: Live) -> Iterator[Live]:
    """The small document, on each store."""
    imported = both.client.post("/v1/planning/import", json=planning_document())
    assert imported.status_code == 200, imported.text
    yield both


@pytest.fixture
def plan(live: Live) -> Live:
    """The small document, where one store will do."""
    assert live.client.post("/v1/planning/import", json=planning_document()).status_code == 200
    return live


def pointers(answered: Any) -> list[str]:
    assert answered.status_code == 422, answered.text
    return [each["pointer"] for each in answered.json()["errors"]]


def test_an_import_tells_what_it_did_and_is_quiet_the_second_time(both: Live) -> None:
    first = both.client.post("/v1/planning/import", json=planning_document()).json()
    assert first["counts"]["people"] == {"added": 2, "changed": 0, "unchanged": 0}
    assert (first["changed"], first["week_cells"], first["lenient_cells"]) == (True, 3, [])
    again = both.client.post("/v1/planning/import", json=planning_document())
    assert (again.json()["changed"], again.json()["recorded_events"]) == (False, 0)


def test_a_trial_import_tells_its_events_and_stores_nothing(live: Live) -> None:
    before = len(live.events())
    trial = live.client.post("/v1/planning/import?dry_run=true", json=planning_document()).json()
    assert trial["dry_run"] is True
    assert len(trial["events"]) == trial["recorded_events"] > 0
    assert len(live.events()) == before
    assert "Lovelace" not in json.dumps(trial)


def test_an_import_is_answered_again_under_its_key(live: Live) -> None:
    key = {"idempotency-key": "march"}
    first = live.client.post("/v1/planning/import", json=planning_document(), headers=key)
    again = live.client.post("/v1/planning/import", json=planning_document(), headers=key)
    assert again.headers["idempotency-replayed"] == "true"
    assert again.content == first.content
    other = live.client.post("/v1/planning/import", json={}, headers=key)
    assert other.json()["type"] == "/problems/idempotency-key-reused"


def test_every_fault_of_a_document_has_its_pointer(live: Live) -> None:
    document = planning_document()
    document["people"][0]["role_id"] = "engineer"
    document["assignments"][1]["weekly_hours"] = {"someday": -1}
    before = len(live.events())
    answered = live.client.post("/v1/planning/import", json=document)
    assert pointers(answered) == ["/people/0/role_id", "/assignments/1/weekly_hours/someday"]
    text = b'{"assignments": [{"id": 1, "person_id": 1, "weekly_hours": {"2026-03-01": NaN}}]}'
    answered = live.client.post("/v1/planning/import", content=text, headers=JSON)
    assert pointers(answered) == ["/assignments/0/weekly_hours/2026-03-01"]
    assert len(live.events()) == before


def test_lenient_cells_are_told(plan: Live) -> None:
    document = planning_document()
    document["assignments"][1]["weekly_hours"] = {WEEK: "NaN", NEXT_WEEK: True}
    answered = plan.client.post("/v1/planning/import?lenient=true", json=document).json()
    assert answered["lenient_cell_count"] == 2
    assert answered["lenient_cells"][1] == {
        "pointer": f"/assignments/1/weekly_hours/{NEXT_WEEK}",
        "found": "true",
        "read_as": "1",
    }


def test_what_was_imported_is_exported_as_it_is_and_as_it_was(planned: Live) -> None:
    client = planned.client
    head = int(client.get("/v1/planning/export").headers["capacity-position"])
    client.delete(f"{PEOPLE}/17/name")
    now = client.get("/v1/planning/export").json()
    assert [each["name"] for each in now["people"]] == ["Person 17 (forgotten)", "Grace Hopper"]
    then = client.get("/v1/planning/export", params={"as_of": head}).json()
    assert then == now  # a forgotten name is forgotten in the past, too
    again = client.post("/v1/planning/import", json=now)
    assert again.json()["changed"] is False


def test_each_thing_is_put_and_put_again(planned: Live) -> None:
    client = planned.client
    for path, body in (
        ("verticals/2", {"name": "Water"}),
        ("departments/13", {"name": "Pumps", "vertical_id": 2, "parent_id": 12}),
        ("roles/5", {"name": "Plumber", "sort_order": 3}),
        ("people/19", {"name": "Emmy Noether", "role_id": 5, "weekly_capacity": 20}),
        ("projects/206", {"name": "Well", "client": "Town", "auto_hours_template_id": 6}),
        ("project_roles/9", {"name": "Digger", "department_id": 13}),
        ("template_role_mappings/6/9", {"people_role_ids": [5, 4]}),
        ("global_role_mappings/9", {"people_role_ids": []}),
    ):
        made = client.put(f"/v1/planning/{path}", json=body)
        assert made.status_code == 201, made.text
        assert made.headers["location"] == f"/v1/planning/{path}"
        again = client.put(
            f"/v1/planning/{path}", json=body, headers={"if-match": made.headers["etag"]}
        )
        assert (again.status_code, again.json()["changed"]) == (200, False)


def test_bad_bodies_name_every_field(planned: Live) -> None:
    body = {"name": "", "weekly_capacity": -1, "hire_date": "soon", "id": 5}
    assert pointers(planned.client.put(f"{PEOPLE}/19", json=body)) == [
        "/id",
        "/name",
        "/weekly_capacity",
        "/hire_date",
    ]
    assert pointers(planned.client.put(f"{PEOPLE}/zero", json={"name": "Emmy"})) == ["/person_id"]
    assert pointers(planned.client.put(f"{PEOPLE}/0", json={"name": "Emmy"})) == ["/person_id"]
    unknown = planned.client.put(f"{PEOPLE}/19", json={"name": "Emmy", "role_id": 99})
    assert pointers(unknown) == ["/role_id"]


def test_a_circle_of_departments_is_refused(plan: Live) -> None:
    answered = plan.client.put(
        "/v1/planning/departments/12", json={"name": "Building", "parent_id": 11}
    )
    assert answered.json()["type"] == "/problems/department-circle"
    assert pointers(answered) == ["/parent_id"]


def test_hours_of_one_assignment_are_changed_and_replaced(planned: Live) -> None:
    client, path = planned.client, f"{ASSIGNMENTS}/1001/hours"
    changed = client.patch(path, json={"weekly_hours": {NEXT_WEEK: 0.1, "2026-03-14": "0.2"}})
    assert changed.json() == {"assignment_id": 1001, "status": "ok", "weeks": 2}
    assert planned.events()[-1]["data"]["weeks"] == [[NEXT_WEEK, 3_000]]
    noop = client.patch(path, json={"weekly_hours": {NEXT_WEEK: 0.3}})
    assert noop.json()["status"] == "noop"
    body = {"weekly_hours": {NEXT_WEEK: 0.3}, "replaces": True}
    assert client.patch(path, json=body).json() == {
        "assignment_id": 1001,
        "status": "ok",
        "weeks": 1,
    }
    stale = client.patch(path, json=body, headers={"if-match": changed.headers["etag"]})
    assert stale.status_code == 412
    assert [each["topic"] for each in stale.json()["missed"]] == ["assignments.hours_set"]


def test_hours_before_the_hire_week_are_refused_with_the_originals_code(plan: Live) -> None:
    answered = plan.client.patch(
        f"{ASSIGNMENTS}/1001/hours", json={"weekly_hours": {BEFORE_ADA: 5}}
    )
    problem = answered.json()
    assert answered.status_code == 422
    assert problem["type"] == "/problems/pre-hire-week-locked"
    assert problem["original_code"] == "PRE_HIRE_WEEK_LOCKED"
    assert pointers(answered) == [f"/weekly_hours/{BEFORE_ADA}"]


@pytest.mark.parametrize(
    "hours", ["NaN", "Infinity", "-1", "1e300", '"abc"', "null", "[1]", "168.1"]
)
def test_hours_that_no_week_has_are_refused_by_cell(plan: Live, hours: str) -> None:
    body = f'{{"weekly_hours": {{"{WEEK}": {hours}}}}}'.encode()
    answered = plan.client.patch(f"{ASSIGNMENTS}/1001/hours", content=body, headers=JSON)
    assert pointers(answered) == [f"/weekly_hours/{WEEK}"]


def test_an_assignment_lives_from_first_to_last(planned: Live) -> None:
    client, path = planned.client, f"{ASSIGNMENTS}/7"
    assert pointers(client.put(path, json={"project_id": 205})) == ["/person_id"]
    body = {"person_id": 18, "weekly_hours": {WEEK: 8}, "probability_percent": 50}
    assert client.put(path, json=body).status_code == 201
    assert client.put(path, json=body).json() == {"kind": "assignments", "id": 7, "changed": False}
    assert client.delete(path).json() == {"assignment_id": 7, "changed": True}
    assert client.delete(path).json() == {"assignment_id": 7, "changed": False}
    gone = client.delete(f"{ASSIGNMENTS}/8")
    assert (gone.status_code, gone.json()["type"]) == (404, "/problems/assignment-not-found")
    told = client.get("/v1/history/assignments/7", params={"kind": "Assignment"}).json()
    assert [each["words"].partition(" the ")[0] for each in told["events"]] == [
        "Made",
        "Set hours of",
        "Made",
        "Ended",
    ]


# Many at once.

ITEMS = [
    {"assignment_id": 1001, "weekly_hours": {WEEK: 1}},  # the last one of 1001 counts
    {"assignment_id": 1002, "weekly_hours": {WEEK: 12}},
    {"assignment_id": 5, "weekly_hours": {WEEK: 1}},
    {"assignment_id": 1001, "weekly_hours": {WEEK: 2}},
    {"assignment_id": 6, "weekly_hours": {"someday": 1}},
    {"weekly_hours": {}},
]


def test_each_change_has_a_status_of_its_own(planned: Live) -> None:
    results = planned.client.patch(HOURS, json={"items": ITEMS}).json()["results"]
    assert [(each["index"], each["assignment_id"], each["status"]) for each in results] == [
        (1, 1002, "noop"),
        (2, 5, "missing"),
        (3, 1001, "ok"),
        (4, 6, "invalid"),
        (5, None, "invalid"),
    ]
    assert results[1]["problem"]["type"] == "/problems/assignment-not-found"
    assert results[3]["problem"]["errors"][0]["pointer"] == "/weekly_hours/someday"
    assert planned.events()[-1]["data"]["weeks"] == [[WEEK, 20_000]]


def test_all_or_nothing_stores_nothing_for_one_fault(planned: Live) -> None:
    before = len(planned.events())
    body = {"items": [*ITEMS[1:4]], "all_or_nothing": True}
    assert pointers(planned.client.patch(HOURS, json=body)) == ["/items/1"]
    assert len(planned.events()) == before
    body["items"] = [ITEMS[1], ITEMS[3]]
    results = planned.client.patch(HOURS, json=body).json()["results"]
    assert [each["status"] for each in results] == ["noop", "ok"]


@pytest.mark.parametrize("items", [[], None, {"assignment_id": 1}, [ITEMS[0]] * 1_001])
def test_a_list_has_one_to_a_thousand_changes(plan: Live, items: Any) -> None:
    assert pointers(plan.client.patch(HOURS, json={"items": items})) == ["/items"]


# People.


def test_somebody_is_off_and_leaves(planned: Live) -> None:
    client = planned.client
    off = client.patch(f"{PEOPLE}/17/time_off", json={"weekly_hours": {"2026-03-04": 8}})
    assert off.json() == {"kind": "people", "id": 17, "changed": True}
    assert planned.events()[-1]["data"]["week_start"] == WEEK
    left = client.put(f"{PEOPLE}/17/leaving_date", json={"leaving_date": "2026-12-31"})
    assert left.json()["changed"] is True
    early = client.put(f"{PEOPLE}/17/leaving_date", json={"leaving_date": "2026-01-01"})
    assert early.json()["type"] == "/problems/leaves-before-hired"
    assert client.put(f"{PEOPLE}/5/leaving_date", json={"leaving_date": None}).status_code == 404


def test_a_name_is_in_no_event_and_can_be_forgotten(planned: Live) -> None:
    client = planned.client
    assert "Lovelace" not in json.dumps(planned.events())
    assert client.delete(f"{PEOPLE}/17/name").json() == {"id": 17, "changed": True}
    assert client.delete(f"{PEOPLE}/17/name").json() == {"id": 17, "changed": False}
    assert client.delete(f"{PEOPLE}/5/name").json()["type"] == "/problems/person-not-found"
    assert planned.service.person_names._keys.kept([17, 18]).keys() == {18}
