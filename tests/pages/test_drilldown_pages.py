"""From a cell of the heatmap to the events behind it, in a real browser, against the API."""

import re
from typing import Any

from playwright.sync_api import Page, expect

from tests.pages.conftest import Visit, Visiting, planned
from tests.support.report_plans import WEEKS, report_plan
from tests.support.servers import Live

PATH = "/reports/role-capacity"
API = "/v1/reports/role-capacity"


def grid(page: Page, heading: str) -> dict[str, list[float]]:
    """Return the lines below a heading, by their name."""
    rows = page.locator("section", has=page.get_by_role("heading", name=heading)).locator(
        "tbody tr"
    )
    return {
        row.locator("th").inner_text(): [
            float(re.sub(r"[^0-9.]", "", each)) for each in row.locator("td").all_text_contents()
        ]
        for row in rows.all()
    }


def test_the_heatmap_shows_what_the_api_says(visit: Visit, live: Live) -> None:
    page = visit.go(f"{PATH}?weeks=4")
    answered = live.client.get("/v1/reports/people-heatmap", params={"weeks": 4}).json()
    words = {
        "free": "free", "partial": "partly taken", "full": "full", "over": "over capacity",
        "not_hired": "not hired yet",
    }  # fmt: skip
    marks = {"over": "▲", "full": "=", "not_hired": "\u2013"}
    expected = [
        [f"{cell['assigned']:.4g}" if cell["assigned"] else "", marks.get(cell["state"], ""),
         words[cell["state"]]]
        for person in answered["people"]
        for cell in person["cells"]
    ]  # fmt: skip
    shown = page.locator("#heatmap td a").all()
    assert [each.text_content() for each in shown] == ["".join(each) for each in expected]
    names = page.locator("#heatmap tbody th").all_inner_texts()
    assert names == [each["name"] for each in answered["people"]]
    assert {cell["state"] for each in answered["people"] for cell in each["cells"]} == set(words)
    page.locator("#role-1").uncheck()
    expect(page.locator("#heatmap tbody tr")).to_have_count(2)
    page.locator("#roles-none").click()
    expect(page.locator("#people")).to_contain_text("Nobody with these roles counts here")


def test_arrows_move_in_the_heatmap_and_enter_opens(visit: Visit, live: Live) -> None:
    page = visit.go(f"{PATH}?weeks=4")
    expect(page.locator("#live")).to_have_text("Live")
    first = page.locator("#heatmap td a").first
    first.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowUp")
    expect(page.locator("#heatmap tbody tr").first.locator("td a").nth(1)).to_be_focused()
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{visit.home}{PATH}/people/1?weeks=4#2026-11-22")
    expect(page.locator("th.here").first).to_have_text("22 Nov")
    page.go_back()
    expect(page.locator("#heatmap")).to_be_visible()


def test_each_step_is_the_sum_of_the_next(visit: Visit, live: Live) -> None:
    page = visit.go(f"{PATH}?weeks=4")
    page.locator("#chart-1 h2 a").click()
    expect(page).to_have_url(f"{visit.home}{PATH}/roles/1?weeks=4")
    report: Any = live.client.get(API, params={"weeks": 4, "role_ids": 1}).json()["series"][0]
    sums = grid(page, "In the report")
    assert sums["Assigned"] == report["assigned"]
    assert sums["Demand"] == report["demand"]
    people = grid(page, "Hours of people")
    assert [sum(each) for each in zip(*people.values(), strict=True)] == report["assigned"]
    sought = grid(page, "Hours that nobody has yet")
    assert [sum(each) for each in zip(*sought.values(), strict=True)] == report["projected"]
    visit.picture("drilldown-role")
    page.get_by_role("link", name="Ada").click()
    expect(page.locator("h1")).to_have_text("Ada")
    of_ada = grid(page, "In the report")
    assert of_ada["Assigned"] == people["Ada Roofs"]
    assignments = grid(page, "Assignments")
    assert [sum(each) for each in zip(*assignments.values(), strict=True)] == of_ada["Assigned"]
    visit.picture("drilldown-person")
    page.get_by_role("link", name="Bridge, Acme").click()
    expect(page.locator("h1")).to_have_text("Assignment 1")
    assert grid(page, "Hours")["Counted in the report"] == assignments["Bridge, Acme"]
    visit.picture("drilldown-assignment")
    page.get_by_role("link", name="The events that made it").click()
    expect(page.locator(".told li")).to_have_count(2)
    expect(page.locator(".told li").first).to_contain_text("Made the assignment 1 of person 1")
    visit.picture("drilldown-events")
    page.get_by_role("navigation").get_by_role("link", name="Role capacity").first.click()
    expect(page.locator("h1")).to_have_text("Role capacity")


def test_pages_behind_a_figure_stay_current(visiting: Visiting, live_alone: Live) -> None:
    with visiting(live_alone) as visit:
        page = visit.go(f"{PATH}/people/1?start={WEEKS[0]}&weeks=4")
        expect(page.locator("#live")).to_have_text("Live")
        changed = report_plan()
        changed["assignments"][0]["weekly_hours"][WEEKS[0]] = 33
        planned(live_alone.service.settings, changed)
        expect(page.locator("tr.sum td").first).to_have_text("33")


def test_what_is_not_there_is_told(visit: Visit) -> None:
    page = visit.go(f"{PATH}/people/99")
    expect(page.locator("h1")).to_have_text("Person not found")
    visit.forgive("404")


def test_a_phone_scrolls_no_page_sideways(visiting: Visiting, live: Live) -> None:
    with visiting(live, viewport={"width": 360, "height": 740}) as visit:
        for path in (
            "",
            "/roles/1?weeks=52",
            "/people/1",
            "/assignments/1",
            "/assignments/1/events",
        ):
            page = visit.go(f"{PATH}{path}")
            assert page.evaluate("document.documentElement.scrollWidth") == 360, path
            height = page.evaluate("document.documentElement.scrollHeight")
            content = page.evaluate("document.querySelector('main').getBoundingClientRect().bottom")
            assert height <= max(content, 740) + 1, "something hangs out below"
