"""The role-capacity report over HTTP: its figures, its parameters, who sees what, and keeping."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from interfaces.http.reports import reporter
from tests.support.keys import make_key
from tests.support.plans import planned
from tests.support.servers import Live, running, settings_in

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)  # a Saturday
PATH = "/v1/reports/role-capacity"
WEEKS = ["2026-11-15", "2026-11-22", "2026-11-29", "2026-12-06"]
PLAN: dict[str, Any] = {
    "verticals": [{"id": 1, "name": "V1"}, {"id": 2, "name": "V2"}],
    "departments": [
        {"id": 1, "name": "D1", "vertical_id": 1, "parent_id": None, "is_active": True},
        {"id": 2, "name": "D2", "vertical_id": 2, "parent_id": 1, "is_active": False},
    ],
    "roles": [
        {"id": 1, "name": "Eng", "sort_order": 0, "is_active": True},
        {"id": 2, "name": "Des", "sort_order": 1, "is_active": True},
    ],
    "people": [
        {"id": 1, "name": "Ada", "role_id": 1, "department_id": 1, "weekly_capacity": 40,
         "hire_date": None, "is_active": True},
        {"id": 2, "name": "Grace", "role_id": 2, "department_id": 2, "weekly_capacity": 36,
         "hire_date": "2026-11-25", "is_active": True},
    ],
    "projects": [
        {"id": 1, "name": "Bridge", "client": "Acme", "vertical_id": 1, "status": "active",
         "is_active": True, "auto_hours_template_id": 7},
    ],
    "project_roles": [
        {"id": 1, "name": "PM", "department_id": 1}, {"id": 2, "name": "QA", "department_id": None},
    ],
    "template_role_mappings": [
        {"template_id": 7, "project_role_id": 1, "people_role_ids": [1, 2]},
    ],
    "global_role_mappings": [{"project_role_id": 2, "people_role_ids": [2]}],
    "assignments": [
        {"id": 1, "person_id": 1, "project_id": 1, "department_id": 1,
         "role_on_project_ref_id": None, "is_active": True, "weekly_hours": {"2026-11-15": 10}},
        {"id": 2, "person_id": 2, "project_id": None, "department_id": 2,
         "role_on_project_ref_id": None, "is_active": True,
         "weekly_hours": {"2026-11-22": 4.5, "2026-11-29": 0.3}},
        {"id": 3, "person_id": None, "project_id": 1, "department_id": 1,
         "role_on_project_ref_id": 1, "is_active": True, "weekly_hours": {"2026-11-15": 12}},
        {"id": 4, "person_id": None, "project_id": 1, "department_id": 1,
         "role_on_project_ref_id": 2, "is_active": True, "weekly_hours": {"2026-11-15": 8}},
    ],
}  # fmt: skip
ZEROS = [0.0, 0.0, 0.0, 0.0]
ENG = {
    "roleId": 1, "roleName": "Eng", "assigned": [10.0, 0.0, 0.0, 0.0],
    "projected": [6.0, 0.0, 0.0, 0.0], "demand": [16.0, 0.0, 0.0, 0.0],
    "capacity": [40.0, 40.0, 40.0, 40.0], "people": [1, 1, 1, 1],
}  # fmt: skip
DES = {
    "roleId": 2, "roleName": "Des", "assigned": [0.0, 4.5, 0.3, 0.0],
    "projected": [6.0, 0.0, 0.0, 0.0], "demand": [6.0, 4.5, 0.3, 0.0],
    "capacity": [0.0, 36.0, 36.0, 36.0], "people": [0, 1, 1, 1],
}  # fmt: skip
SUMMARY = {
    "mappedProjectedHours": 12.0,
    "unmappedProjectRoleHours": 8.0,  # a template's project does not fall back to the global one
    "mappedTemplateRolePairsUsed": 1,
}
WHOLE = {
    "weekKeys": WEEKS,
    "roles": [{"id": 1, "name": "Eng"}, {"id": 2, "name": "Des"}],
    "series": [ENG, DES],
    "summary": SUMMARY,
}


@pytest.fixture(params=["sqlite", "postgres"])
def both(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Live]:
    url = request.getfixturevalue("postgres_url") if request.param == "postgres" else ""
    settings = planned(settings_in(tmp_path, database_url=url), PLAN)
    with running(settings, clock=lambda: NOW) as live:
        yield live


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    settings = planned(settings_in(tmp_path_factory.mktemp("planned")), PLAN)
    with running(settings, clock=lambda: NOW) as live:
        yield live


def ask(live: Live, **query: Any) -> Any:
    answered = live.client.get(PATH, params={"weeks": 4, **query})
    assert answered.status_code == 200, answered.text
    return answered.json()


def test_every_source_answers_with_the_same_figures(both: Live) -> None:
    in_postgres = bool(both.service.settings.database_url)
    for source in ("rollup", "normalized", "python", *(["jsonb"] if in_postgres else [])):
        answered = both.client.get(PATH, params={"weeks": 4, "source": source})
        assert answered.json() == WHOLE, source
        assert answered.headers["capacity-source"] == source
        assert int(answered.headers["capacity-position"]) > 0


def test_options_change_what_is_counted(shared: Live) -> None:
    strict = ask(shared, gating="strict")["series"][1]
    assert (strict["capacity"], strict["people"]) == ([0.0, 0.0, 36.0, 36.0], [0, 0, 1, 1])
    assert strict["assigned"] == [0.0, 0.0, 0.3, 0.0]
    of_department = ask(shared, department=2)
    assert [each["assigned"] for each in of_department["series"]] == [ZEROS, DES["assigned"]]
    assert of_department["summary"]["mappedProjectedHours"] == 0
    assert ask(shared, vertical=2)["series"][1]["capacity"] == DES["capacity"]
    assert ask(shared, vertical=2)["series"][1]["assigned"] == ZEROS  # hours go by the project
    assert ask(shared, role_ids="2,99")["series"] == [DES]
    nothing = ask(shared, role_ids="99")
    assert (nothing["series"], nothing["summary"]["unmappedProjectRoleHours"]) == ([], 0.0)
    few = ask(shared, filter_out_lt5h="true")
    assert [each["people"] for each in few["series"]] == [[1, 1, 1, 1], [0, 0, 0, 0]]
    percent = ask(shared, unit="percent")["series"]
    assert percent[0]["assigned"] == [25.0, 0.0, 0.0, 0.0]
    assert percent[1]["demand"] == [0.0, 12.5, 100 * 0.3 / 36, 0.0]
    assert ask(shared, unit="fte")["series"][1]["capacity"] == [0.0, 1.0, 1.0, 1.0]
    assert ask(shared, start="2026-11-22", weeks=1)["series"][1]["assigned"] == [4.5]


def test_what_totals_cannot_know_is_answered_by_rows_and_says_so(shared: Live) -> None:
    answered = shared.client.get(PATH, params={"filter_out_lt5h": "true"})
    assert answered.headers["capacity-source"] == "normalized"


@pytest.mark.parametrize(
    ("name", "value", "said_of_it"),
    [
        ("weeks", "0", "a whole number from 1 to 52 is needed"),
        ("weeks", "53", "a whole number from 1 to 52 is needed"),
        ("start", "2026-11-16", "a Sunday is needed as YYYY-MM-DD"),
        ("start", "2026-W47-7", "a Sunday is needed as YYYY-MM-DD"),
        ("start", "9999-12-26", "a Sunday up to 9998-12-27 is needed"),
        ("start", "x", "a Sunday is needed as YYYY-MM-DD"),
        ("department", "1.5", "a whole number"),
        ("department", "99999999999999999999", "a whole number"),
        ("vertical", "abc", "a whole number"),
        ("role_ids", "1,,2", "a whole number"),
        ("role_ids", ",".join(["1"] * 1_001), "found 1001 roles, at most 1000 are taken"),
        ("gating", "loose", "one of hire_week, strict is needed"),
        ("unit", "days", "one of hours, fte, percent is needed"),
        ("source", "guess", "one of rollup, normalized, jsonb, python is needed"),
        ("source", "jsonb", "needs PostgreSQL"),
        ("include_tentative", "1", "true or false is needed"),
    ],
)
def test_a_query_that_means_nothing_is_refused(
    shared: Live, name: str, value: str, said_of_it: str
) -> None:
    answered = shared.client.get(PATH, params={name: value})
    assert answered.status_code == 422, answered.text
    (fault,) = answered.json()["errors"]
    assert fault["pointer"] == f"/{name}"
    assert said_of_it in fault["detail"]


def test_the_first_and_the_last_week_that_there_are(shared: Live) -> None:
    assert ask(shared, start="0001-01-07")["weekKeys"][0] == "0001-01-07"
    last = ask(shared, start="9998-12-27", weeks=52)
    assert last["weekKeys"][-1] == "9999-12-19"
    assert last["series"][1]["capacity"] == [36.0] * 52


def test_an_unchanged_report_is_not_sent_again(shared: Live) -> None:
    tag = shared.client.get(PATH).headers["etag"]
    assert shared.client.get(PATH, headers={"If-None-Match": tag}).status_code == 304


def test_a_report_is_kept_and_never_stale(both: Live) -> None:
    def position(hours: float) -> int:
        changed = json.loads(json.dumps(PLAN))
        changed["assignments"][0]["weekly_hours"]["2026-11-15"] = hours
        planned(both.service.settings, changed)
        return int(both.service.log.head())

    assert ask(both)["series"][0]["assigned"][0] == 10.0
    # Behind the projector's back, so that an answer with it can only be a new one.
    with both.service.projection_engine.begin() as connection:
        connection.execute(text("UPDATE role_week_totals SET firm_hire_week_units = 990000"))
    assert ask(both)["series"][0]["assigned"][0] == 10.0, "it was not kept"
    assert ask(both, after=position(11))["series"][0]["assigned"][0] == 100.0


def test_what_is_kept_would_be_stale_if_it_did_not_go_by_events(
    both: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control of the test above."""
    monkeypatch.setattr(reporter, "last_news", lambda _: 1)
    assert ask(both)["series"][0]["assigned"][0] == 10.0
    idle = {**PLAN["assignments"][0], "weekly_hours": {}}
    changed = {**PLAN, "assignments": [idle, *PLAN["assignments"][1:]]}
    planned(both.service.settings, changed)
    assert ask(both, after=both.service.log.head())["series"][0]["assigned"][0] == 10.0


def test_a_past_report_is_that_of_its_time(both: Live) -> None:
    position = both.service.log.head()
    fired = json.loads(json.dumps(PLAN))
    fired["people"][0]["is_active"] = False
    planned(both.service.settings, fired)
    now = ask(both, after=both.service.log.head())
    assert now["series"][0]["capacity"] == ZEROS
    assert ask(both, as_of=position) == WHOLE


def test_metrics_tell_of_sources(shared: Live) -> None:
    ask(shared, department=1)
    shown = shared.client.get("/metrics").text
    assert 'capacity_role_capacity_seconds_count{source="rollup"}' in shown


def test_the_row_of_a_person_is_explained(shared: Live) -> None:
    found = shared.client.get("/v1/explain/role_capacity/people/2")
    assert found.status_code == 200, found.text
    assert [each["topic"] for each in found.json()["events"]] == ["assignments.person_hired"]


# Who sees what.


def test_a_persons_key_sees_its_own_vertical(tmp_path: Path) -> None:
    settings = planned(settings_in(tmp_path), PLAN)
    grace = make_key(settings, "read", person_id="2").headers
    nobody = make_key(settings, "read", person_id="nobody").headers
    staff = make_key(settings, "read", "staff", person_id="2").headers
    with running(settings, clock=lambda: NOW) as live:

        def asked(headers: dict[str, str], path: str = PATH, **query: Any) -> Any:
            return live.client.get(path, params={"weeks": 4, **query}, headers=headers)

        of_grace = asked(grace, vertical=1).json()["series"]
        assert [each["assigned"] for each in of_grace] == [ZEROS, ZEROS]
        assert [each["capacity"] for each in of_grace] == [ZEROS, DES["capacity"]]
        assert asked(grace, source="python").status_code == 403
        assert [each["people"] for each in asked(nobody).json()["series"]] == [[0] * 4] * 2
        assert asked(staff, vertical=1, source="python").json()["series"][0] == ENG
        for path in (ANALYTICS, BOOTSTRAP):
            found = asked(grace, path, vertical=1).json()
            series = found.get("timeline", found)["series"]
            assert [each["capacity"] for each in series] == [ZEROS, DES["capacity"]]
        departments = asked(grace, BOOTSTRAP).json()["departments"]
        assert [each["id"] for each in departments] == [2]
        assert live.client.get(ANALYTICS).status_code == 401


# The routes of the original.

ANALYTICS = "/api/assignments/analytics_role_capacity/"
BOOTSTRAP = "/api/reports/role-capacity/bootstrap/"


def test_the_originals_route_answers_as_it_did(tmp_path: Path) -> None:
    """The answer that the original gave to such a plan, key by key."""
    plan = {**PLAN, "people": PLAN["people"][:1], "assignments": PLAN["assignments"][:1]}
    with running(planned(settings_in(tmp_path), plan), clock=lambda: NOW) as live:
        answered = live.client.get(ANALYTICS, params={"weeks": "4"})
        assert answered.text == json.dumps(
            {
                "weekKeys": WEEKS,
                "roles": [{"id": 1, "name": "Eng"}, {"id": 2, "name": "Des"}],
                "series": [
                    {
                        "roleId": 1, "roleName": "Eng", "assigned": [10.0, 0.0, 0.0, 0.0],
                        "projected": ZEROS, "demand": [10.0, 0.0, 0.0, 0.0],
                        "capacity": [40.0] * 4, "people": [1] * 4,
                    },
                    {
                        "roleId": 2, "roleName": "Des", "assigned": ZEROS, "projected": ZEROS,
                        "demand": ZEROS, "capacity": ZEROS, "people": [0] * 4,
                    },
                ],
                "summary": {
                    "mappedProjectedHours": 0.0, "unmappedProjectRoleHours": 0.0,
                    "mappedTemplateRolePairsUsed": 0,
                },
            },
            separators=(",", ":"),
        )  # fmt: skip


def test_the_originals_bootstrap_answers_as_it_did(shared: Live) -> None:
    found = shared.client.get(BOOTSTRAP, params={"weeks": "4"}).json()
    assert list(found) == ["roles", "departments", "timeline", "summary"]
    assert found["timeline"] == {"weekKeys": WEEKS, "series": [ENG, DES]}
    assert (found["roles"], found["summary"]) == (WHOLE["roles"], SUMMARY)
    assert found["departments"][1] == {
        "id": 2, "name": "D2", "shortName": "", "parentDepartment": 1, "vertical": 2,
        "verticalName": "V2", "manager": None, "secondaryManagers": [], "isActive": False,
    }  # fmt: skip


@pytest.mark.parametrize("weeks", ["5", "0", "-4", "x", "24", "53", "", "²"])
def test_the_originals_weeks_fall_back_to_twelve(shared: Live, weeks: str) -> None:
    assert len(shared.client.get(ANALYTICS, params={"weeks": weeks}).json()["weekKeys"]) == 12


@pytest.mark.parametrize(
    ("query", "roles"),
    [
        ({"role_ids": " 2 ,x,-1,2"}, [2]),
        ({"role_ids": "x"}, [1, 2]),
        ({"role_ids": "99"}, []),
        ({"role_ids": "9" * 5_000}, []),
        ({"vertical": "abc"}, [1, 2]),
        ({"department": "99"}, [1, 2]),
        ({"department": "9" * 400}, [1, 2]),
        ({"nocache": "1", "nobody": "knows"}, [1, 2]),
    ],
)
def test_the_original_forgives(shared: Live, query: dict[str, str], roles: list[int]) -> None:
    answered = shared.client.get(ANALYTICS, params=query)
    assert answered.status_code == 200, answered.text
    assert [each["id"] for each in answered.json()["roles"]] == roles


@pytest.mark.parametrize("flag", ["1", "true", "YES", "On"])
def test_the_originals_filter_is_on_in_many_words(shared: Live, flag: str) -> None:
    for value, people in ((flag, [0] * 4), ("2", [0, 1, 1, 1])):
        query = {"weeks": "4", "filter_out_lt5h": value}
        series = shared.client.get(ANALYTICS, params=query).json()["series"]
        assert series[1]["people"] == people


@pytest.mark.parametrize(
    ("path", "query", "body"),
    [
        (ANALYTICS, {"department": "abc"}, {"error": "invalid department"}),
        (ANALYTICS, {"department": "1.5"}, {"error": "invalid department"}),
        (BOOTSTRAP, {"department": "abc"}, {"detail": "invalid department"}),
        (BOOTSTRAP, {"vertical": "abc"}, {"detail": "invalid vertical"}),
    ],
)
def test_what_the_original_does_not_forgive(
    shared: Live, path: str, query: dict[str, str], body: dict[str, str]
) -> None:
    answered = shared.client.get(path, params=query)
    assert (answered.status_code, answered.json()) == (400, body)
