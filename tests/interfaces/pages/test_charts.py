"""Charts as specs: what each shows, and that both engines take them."""

from typing import Any
from xml.etree import ElementTree

import pytest

from interfaces.pages import charts
from interfaces.pages.assets import assets
from interfaces.pages.chart_parts import ChartUnit
from interfaces.pages.chart_themes import ROLE_COLOURS
from interfaces.pages.drawing import drawn
from interfaces.role_capacity import RoleCapacityAnswer, RoleItem, RoleSeries, RoleSummary

WEEKS = ["2026-11-15", "2026-11-22", "2026-11-29", "2026-12-06"]


def series(role_id: int = 1, name: str = "Engineer", **changes: Any) -> RoleSeries:
    figures: dict[str, Any] = {
        "assigned": [10.0, 20.5, 40.0, 0.0],
        "projected": [6.0, 0.0, 8.0, 0.0],
        "demand": [16.0, 20.5, 48.0, 0.0],
        "capacity": [40.0, 40.0, 40.0, 0.0],
        "people": [1, 1, 1, 0],
    }
    return RoleSeries(role_id, name, **figures | changes)


def report(*found: RoleSeries) -> RoleCapacityAnswer:
    roles = [RoleItem(each.role_id, each.role_name) for each in found]
    return RoleCapacityAnswer(WEEKS, roles, list(found), RoleSummary(0.0, 0.0, 0))


def lines(spec: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the lines of a chart by what they stand for."""
    return {
        layer["encoding"]["strokeDash"]["datum"]: layer
        for layer in spec["layer"]
        if layer["mark"]["type"] == "line"
    }


def test_assigned_is_solid_demand_dotted_and_capacity_dashed() -> None:
    (spec,) = charts.report_charts(report(series()))
    found = lines(spec)
    scale = found["Assigned"]["encoding"]["strokeDash"]["scale"]
    assert dict(zip(scale["domain"], scale["range"], strict=True)) == {
        "Assigned": [1, 0],
        "Demand": [1, 3],
        "Capacity": [6, 4],
    }
    assert {name: layer["encoding"]["y"]["field"] for name, layer in found.items()} == {
        "Assigned": "assigned_shown",
        "Demand": "demand_shown",
        "Capacity": "capacity_shown",
    }


def test_a_week_has_all_that_its_tooltip_tells() -> None:
    first, _, over, empty = charts.week_rows(series(), WEEKS)
    assert first == {
        "week": "2026-11-15", "when": "15 Nov 2026", "assigned": 10.0, "projected": 6.0,
        "demand": 16.0, "capacity": 40.0, "available": 24.0, "percent": 40.0, "people": 1,
        "over": False,
    }  # fmt: skip
    assert (over["available"], over["percent"], over["over"]) == (0.0, 120.0, True)
    assert (empty["percent"], empty["over"]) == (0.0, False)
    (spec,) = charts.report_charts(report(series()))
    told = [each["field"] for each in spec["layer"][-1]["encoding"]["tooltip"]]
    assert told == [name for name in first if name not in ("week", "over")]


def test_percent_are_of_the_capacity_of_the_week_and_begin_at_zero() -> None:
    (spec,) = charts.report_charts(report(series()), unit="percent")
    shown = [(row["assigned_shown"], row["demand_shown"]) for row in spec["data"]["values"]]
    assert shown == [(25.0, 40.0), (51.25, 51.25), (100.0, 120.0), (0.0, 0.0)]
    scale = lines(spec)["Demand"]["encoding"]["y"]["scale"]
    assert (scale["domainMin"], scale["domainMax"]) == (0, 120.0)


@pytest.mark.parametrize(("unit", "most"), [("hours", 40), ("percent", 100)])
def test_where_all_is_zero_zero_is_at_the_bottom(unit: ChartUnit, most: int) -> None:
    nothing: Any = {name: [0.0] * 4 for name in ("assigned", "projected", "demand", "capacity")}
    (spec,) = charts.report_charts(report(series(**nothing)), unit=unit)
    assert lines(spec)["Demand"]["encoding"]["y"]["scale"] == {"domain": [0, most]}


def test_nothing_chosen_is_a_frame_with_its_weeks() -> None:
    (spec,) = charts.report_charts(report())
    assert spec["data"]["values"] == []
    assert lines(spec)["Assigned"]["encoding"]["x"]["scale"]["domain"] == WEEKS
    assert spec["title"] == "No role is chosen"


def test_each_chart_says_what_it_shows() -> None:
    (spec,) = charts.report_charts(report(series()))
    assert spec["title"] == "Engineer"
    assert spec["description"] == (
        "Engineer, weeks of 15 Nov 2026 to 6 Dec 2026: 84.5 h demand, 120.0 h capacity; "
        "demand is above capacity in 1 of 4 weeks"
    )


def test_together_a_role_keeps_its_colour_whichever_others_are_chosen() -> None:
    every = [series(), series(2, "Designer"), series(3, "QA")]
    (spec,) = charts.report_charts(report(every[2]), together=True, all_roles=every)
    colour = lines(spec)["Demand"]["encoding"]["color"]
    assert colour["scale"]["domain"] == ["Engineer", "Designer", "QA"]
    assert colour["legend"]["values"] == ["QA"]
    assert {row["role"] for row in spec["data"]["values"]} == {"QA"}


def test_roles_with_one_name_are_told_apart() -> None:
    every = [series(1, "QA"), series(2, "QA"), series(3, "PM")]
    assert charts.labels(every) == {1: "QA (1)", 2: "QA (2)", 3: "PM"}


def test_swatches_have_the_colours_of_the_lines() -> None:
    style = assets()["role_capacity.css"].body.decode()
    light, _, dark = style.partition("@media (prefers-color-scheme: dark)")
    for text, theme in ((light, "light"), (dark, "dark")):
        for number, colour in enumerate(ROLE_COLOURS[theme]):
            assert f".swatch-{number} {{ background: {colour}; }}" in text


@pytest.mark.parametrize(("together", "roles"), [(False, 0), (False, 3), (True, 3)])
def test_a_picture_shows_its_charts(together: bool, roles: int) -> None:
    found = [series(number, f"Role <{number}> & co") for number in range(roles)]
    specs = charts.report_charts(report(*found), unit="percent", together=together)
    picture = drawn(charts.picture(specs, title="Role capacity", together=together), "svg")
    texts = [each.text for each in ElementTree.fromstring(picture).iter() if each.text]
    assert {"Role capacity", "Assigned", "Demand", "Capacity", "15 Nov", "100 %"} <= set(texts)
    if roles and not together:
        assert [each for each in texts if each.startswith("Role <")] == [
            each.role_name for each in found
        ]


def test_a_picture_may_be_png() -> None:
    specs = charts.report_charts(report(series()))
    picture = charts.picture(specs, title="One week", together=False, theme="dark")
    assert drawn(picture, "png").startswith(b"\x89PNG\r\n")
