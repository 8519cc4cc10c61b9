"""People week by week, and where a cell of the report comes from, over HTTP."""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from tests.support.keys import beside, command, make_key
from tests.support.plans import NOW, WEEKS, staffed
from tests.support.servers import Live, running, settings_in

AVAILABILITY, OVER = "/v1/reports/availability", "/v1/reports/over-allocation"
HEATMAP, REPORT = "/v1/reports/people-heatmap", "/v1/reports/role-capacity"


def ask(live: Live, path: str, status: int = 200, **query: Any) -> Any:
    answered = live.client.get(path, params={"weeks": 4, **query})
    assert answered.status_code == status, answered.text
    return answered.json()


def states(answer: Any) -> dict[str, list[str]]:
    return {each["name"]: [cell["state"] for cell in each["cells"]] for each in answer["people"]}


def test_every_week_of_a_person_has_a_state(both: Live) -> None:
    found = ask(both, HEATMAP)
    assert found["weekKeys"] == WEEKS
    assert found["next"] is None
    assert states(found) == {
        "Grace": ["not_hired", "partial", "free", "free"],
        "Ada": ["partial", "full", "over", "free"],
        "Mary": ["partial", "full", "off", "left"],
        "=Joan": ["free", "free", "free", "free"],
    }
    _, ada, mary, joan = found["people"]
    assert (ada["roleId"], ada["roleName"], ada["departmentName"]) == (1, "Engineer", "Roofs")
    assert ada["cells"][2] == {"state": "over", "assigned": 40.1, "capacity": 40.0}
    assert mary["cells"][1] == {"state": "full", "assigned": 20.0, "capacity": 20.0}
    assert (joan["roleId"], joan["roleName"]) == (None, "")


def test_the_map_says_what_is_less_than_certain(shared: Live) -> None:
    mary = ask(shared, HEATMAP, include_tentative="true")["people"][2]
    cell = {"state": "full", "assigned": 40.0, "capacity": 40.0, "tentative": 20.0}
    assert mary["cells"][0] == cell


def test_options_of_the_map(shared: Live) -> None:
    assert states(ask(shared, HEATMAP, department=2)) == {
        "Grace": ["not_hired", "partial", "free", "free"]
    }
    strict = states(ask(shared, HEATMAP, gating="strict", department=2))
    assert strict == {"Grace": ["not_hired", "not_hired", "free", "free"]}
    assert list(states(ask(shared, HEATMAP, vertical=2))) == ["Grace"]
    assert list(states(ask(shared, HEATMAP, role_ids="1"))) == ["Ada", "Mary"]
    there = states(ask(shared, HEATMAP, include_time_off="false"))
    assert there["Mary"] == ["partial", "partial", "free", "left"]


def test_the_map_comes_in_pages(shared: Live) -> None:
    names: list[str] = []
    cursor: dict[str, Any] = {}
    while True:
        page = ask(shared, HEATMAP, limit=1, **cursor)
        names += list(states(page))
        if page["next"] is None:
            break
        cursor = {"cursor": page["next"]}
    assert names == ["Grace", "Ada", "Mary", "=Joan"]


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ({"cursor": "x"}, "/cursor: this is no cursor"),
        ({"cursor": "WzEsICJcdTAwMDAiLCAxLCAxXQ"}, "/cursor: this is no cursor"),
        ({"cursor": "WzEsICJhIiwgMSwgOTk5OTk5OTk5OTk5OTk5OTk5OTk5XQ"}, "/cursor: this is no"),
        ({"limit": "0"}, "/limit: found '0', a whole number from 1 to 1000 is needed"),
        ({"weeks": "53"}, "/weeks: found '53', a whole number from 1 to 52 is needed"),
        ({"start": "2026-11-16"}, "/start: found '2026-11-16', a Sunday is needed"),
        ({"gating": "soon"}, "/gating: found 'soon', one of hire_week, strict is needed"),
        ({"role_ids": "1,x"}, "/role_ids: found 'x', a whole number"),
        ({"colour": "red"}, "/query: found 'colour', known here: "),
    ],
)
def test_what_is_not_understood_is_said(shared: Live, query: Any, told: str) -> None:
    assert told in ask(shared, HEATMAP, 422, **query)["detail"]


# Utilization, availability, over-allocation.


def test_how_used_somebodys_time_is(both: Live) -> None:
    ada = ask(both, "/v1/reports/people/1/utilization")
    assert [each["percent"] for each in ada["weeks"]] == [25.0, 100.0, 100.25, 0.0]
    assert [each["available"] for each in ada["weeks"]] == [30.0, 0.0, 0.0, 40.0]
    assert ada["total"] == {
        "assigned": 90.1, "capacity": 160.0, "available": 70.0, "percent": 56.3125,
        "overWeeks": 1, "peakWeek": WEEKS[2], "peakPercent": 100.25,
    }  # fmt: skip
    mary = ask(both, "/v1/reports/people/3/utilization", include_tentative="true")
    assert [(each["state"], each["tentative"]) for each in mary["weeks"]] == [
        ("full", 20.0), ("full", 0.0), ("off", 0.0), ("left", 0.0),
    ]  # fmt: skip
    gone = ask(both, "/v1/reports/people/5/utilization")
    assert {each["state"] for each in gone["weeks"]} == {"left"}
    assert (gone["total"]["percent"], gone["total"]["peakWeek"]) == (0.0, None)


def test_who_has_hours_left_is_ranked_and_explained(both: Live) -> None:
    found = ask(both, AVAILABILITY, hours="20.5", weeks=2)
    assert [each["person"]["name"] for each in found["available"]] == ["=Joan"]
    [joan] = found["available"]
    assert (joan["rank"], joan["free"]) == (1, [40.0, 40.0])
    assert joan["because"] == "40 h free in the tightest week, 2026-11-15; 80 h in all"
    excluded = [
        (each["person"]["name"], each["reason"], each["because"]) for each in found["excluded"]
    ]
    assert excluded == [
        ("Grace", "not_hired", "2026-11-15: not hired yet"),
        ("Ada", "too_few_hours", "2026-11-22: 0 h free, 20.5 h are needed"),
        ("Mary", "too_few_hours", "2026-11-22: 0 h free, 20.5 h are needed"),
    ]  # fmt: skip
    few = ask(both, AVAILABILITY, hours="0.1", weeks=1, limit=1)
    assert (len(few["available"]), few["availableCount"], few["excludedCount"]) == (1, 3, 1)
    of_role = ask(both, AVAILABILITY, hours=1, weeks=1, role_ids="2")
    assert (of_role["availableCount"], of_role["excludedCount"]) == (0, 1)


@pytest.mark.parametrize("text", ["0", "-1", "168.1", "1e1", "NaN", "abc", "1.23456", "٣"])
def test_hours_that_nobody_can_have_are_refused(shared: Live, text: str) -> None:
    detail = ask(shared, AVAILABILITY, 422, hours=text)["detail"]
    assert "hours above 0 and up to 168 are needed, with at most 4 decimals" in detail


def test_hours_must_be_named(shared: Live) -> None:
    assert "/hours: it is needed" in ask(shared, AVAILABILITY, 422)["detail"]


def test_who_has_too_much_and_what_makes_it(both: Live) -> None:
    [ada] = ask(both, OVER)["people"]
    [week] = ada["weeks"]
    assert (ada["person"]["name"], week["week"], week["over"]) == ("Ada", WEEKS[2], 0.1)
    assert [(each["projectName"], each["hours"]) for each in week["assignments"]] == [
        ("Town hall", 30.0), ("Well", 10.1),
    ]  # fmt: skip
    assert week["elsewhere"] == 0.0
    assert ask(both, OVER, role_ids="2")["people"] == []


# From the report to events.


def test_each_level_explains_the_one_above(both: Live) -> None:
    report = ask(both, REPORT, include_tentative="true")
    series = {each["roleId"]: each for each in report["series"]}
    role = ask(both, f"{REPORT}/roles/1", include_tentative="true")
    for figure in ("assigned", "projected", "demand", "capacity", "people"):
        assert role[figure] == series[1][figure], figure
    ada, mary = role["byPerson"]
    assert (ada["name"], ada["assigned"]) == ("Ada", [10.0, 40.0, 40.1, 0.0])
    assert (mary["name"], mary["capacity"]) == ("Mary", [40.0, 20.0, 0.0, 0.0])
    [sought] = role["placeholders"]
    assert (sought["hours"][0], sought["projected"][0], sought["sharedByRoles"]) == (12.0, 6.0, 2)
    person = ask(both, f"{REPORT}/people/1")
    assert (person["person"]["name"], person["assigned"]) == ("Ada", ada["assigned"])
    first, second = person["assignments"]
    assert (first["projectName"], first["hours"]) == ("Town hall", [10.0, 40.0, 30.0, 0.0])
    assert (second["projectName"], second["hours"]) == ("Well", [0.0, 0.0, 10.1, 0.0])
    assignment = ask(both, f"{REPORT}/assignments/1")
    assert (assignment["person"]["name"], assignment["state"]) == ("Ada", "firm")
    assert assignment["hours"] == assignment["setHours"] == first["hours"]
    events = both.client.get(f"{REPORT}/assignments/1/events").json()["events"]
    assert [each["topic"] for each in events] == [
        "assignments.assignment_made",
        "assignments.hours_set",
    ]
    assert (events[0]["actor"], events[0]["reason"]) == ("ada", "a plan")
    assert events[1]["words"].startswith("Set hours of the assignment 1")


def test_an_assignment_shows_hours_that_do_not_count(shared: Live) -> None:
    maybe = ask(shared, f"{REPORT}/assignments/6")
    assert (maybe["state"], maybe["probabilityPercent"]) == ("tentative", 50)
    assert (maybe["hours"][0], maybe["setHours"][0]) == (0.0, 20.0)
    strict = ask(shared, f"{REPORT}/assignments/3", gating="strict")
    assert (strict["hours"][1], strict["setHours"][1]) == (0.0, 4.5)
    sought = ask(shared, f"{REPORT}/assignments/4")
    assert (sought["person"], sought["projectRoleName"]) == (None, "Lead")


def test_a_level_comes_in_pages(shared: Live) -> None:
    first = ask(shared, f"{REPORT}/roles/1", limit=1)
    assert [each["name"] for each in first["byPerson"]] == ["Ada"]
    second = ask(shared, f"{REPORT}/roles/1", limit=1, cursor=first["next"])
    assert [each["name"] for each in second["byPerson"]] == ["Mary"]
    assert (second["placeholders"], second["next"]) == ([], None)
    assert second["assigned"] == first["assigned"]  # of the whole role, on each page
    person = ask(shared, f"{REPORT}/people/1", limit=1)
    rest = ask(shared, f"{REPORT}/people/1", limit=1, cursor=person["next"])
    assert [each["assignmentId"] for each in rest["assignments"]] == [2]


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("roles/99", "role-not-found"),
        ("people/99", "person-not-found"),
        ("assignments/99", "assignment-not-found"),
        ("assignments/99/events", "assignment-not-found"),
    ],
)
def test_what_nobody_knows_is_not_found(shared: Live, path: str, code: str) -> None:
    answered = shared.client.get(f"{REPORT}/{path}")
    assert (answered.status_code, answered.json()["type"]) == (404, f"/problems/{code}")


def test_a_forgotten_name_leaves_the_id(tmp_path: Path) -> None:
    settings = staffed(settings_in(tmp_path))
    with running(settings, clock=lambda: NOW) as live:
        before = ask(live, HEATMAP)["position"]
        beside(settings, lambda service: service.planning.forget_person(command(), person_id=1))
        position = live.client.get("/v1/events", params={"limit": 1}).headers["capacity-position"]
        for moment in ({"after": position}, {"as_of": before}):
            people = ask(live, HEATMAP, **moment)["people"]
            assert people[1]["name"] == "Person 1 (forgotten)"
            assert people[0]["name"] == "Grace"


def test_a_persons_key_sees_people_of_its_vertical(tmp_path: Path) -> None:
    settings = staffed(settings_in(tmp_path))
    grace = make_key(settings, "read", person_id="2").headers
    nobody = make_key(settings, "read", person_id="99").headers
    staff = make_key(settings, "read", "staff", person_id="2").headers
    mary = make_key(settings, "read", person_id="3").headers
    with running(settings, clock=lambda: NOW) as live:

        def asked(path: str, headers: Any, status: int = 200) -> Any:
            query: dict[str, Any] = {"weeks": 4}
            if "utilization" not in path:
                query["vertical"] = 1
            if path == AVAILABILITY:
                query["hours"] = 1
            answered = live.client.get(path, params=query, headers=headers)
            assert answered.status_code == status, answered.text
            return answered.json()

        assert list(states(asked(HEATMAP, grace))) == ["Grace"]
        assert states(asked(HEATMAP, nobody)) == {}
        assert list(states(asked(HEATMAP, staff))) == ["Ada", "Mary", "=Joan"]
        # Ada has hours in a project of Grace's vertical, Mary has none.
        assert [each["name"] for each in asked(f"{REPORT}/roles/1", grace)["byPerson"]] == ["Ada"]
        ada = asked(f"{REPORT}/people/1", grace)
        assert [each["projectName"] for each in ada["assignments"]] == ["Well"]
        asked(f"{REPORT}/people/3", grace, 404)
        asked(f"{REPORT}/people/3", staff)
        asked("/v1/reports/people/1/utilization", grace, 404)
        asked("/v1/reports/people/1/utilization", staff)
        assert asked(AVAILABILITY, grace)["excludedCount"] == 1
        # What Ada does in another vertical makes her week too full, and is not named.
        [over] = asked(OVER, mary)["people"]
        [week] = over["weeks"]
        assert [each["projectName"] for each in week["assignments"]] == ["Town hall"]
        assert (week["assigned"], week["elsewhere"]) == (40.1, 10.1)
        assert asked(OVER, grace)["people"] == []
        for path in ("assignments/1", "assignments/1/events"):
            url = f"{REPORT}/{path}"
            assert live.client.get(url, headers=grace).status_code == 404
            assert live.client.get(url, headers=staff).status_code == 200
        assert live.client.get(f"{REPORT}/assignments/2/events", headers=grace).status_code == 200


# Whether it works.


def test_the_report_of_a_small_department_is_a_health_check(both: Live) -> None:
    found = both.client.get("/readyz/role-capacity")
    assert found.status_code == 200
    said = found.json()
    assert (said["status"], said["department"], said["source"]) == ("ok", 2, "rollup")


def test_a_source_that_fails_is_no_good_health(tmp_path: Path) -> None:
    """The negative control: totals are gone, so that another source has to answer."""
    with running(staffed(settings_in(tmp_path)), clock=lambda: NOW) as live:

        def without(name: str) -> tuple[int, str]:
            with live.service.projection_engine.begin() as connection:
                connection.execute(text(f"DROP TABLE {name}"))
            found = live.client.get("/readyz/role-capacity")
            return found.status_code, found.json()["problem"]

        assert without("role_week_totals") == (503, "these do not answer: rollup")
        status, problem = without("people")
        assert (status, problem.partition(":")[0]) == (503, "no source answers")


def test_the_log_says_how_much_is_projected(
    shared: Live, capsys: pytest.CaptureFixture[str]
) -> None:
    ask(shared, REPORT, start="2026-11-08")
    (said,) = [line for line in capsys.readouterr().err.splitlines() if "role_capacity" in line]
    assert "projected_hours=12.0" in said
    assert "Ada" not in said
