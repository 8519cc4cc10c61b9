"""The report page in a real browser: every control, and every figure against the API."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.pages.conftest import Visit, Visiting, elsewhere, planned
from tests.support.report_plans import HOSTILE_NAME, WEEKS, report_plan, take_tentative
from tests.support.servers import Live, running, settings_in, with_sample

PATH = "/reports/role-capacity"
API = "/v1/reports/role-capacity"
FIGURES = """
  [...document.querySelectorAll('details.figures')].map(each => [
    each.id, [...each.querySelectorAll('tbody tr')].map(row => [
      row.dataset.week, ...[...row.querySelectorAll('td')].map(cell => cell.textContent)])])
"""


def number(text: str) -> float:
    """Return a figure as it was before it was written for people."""
    return float(text.replace("\u202f", "").removesuffix("%").replace("\u2212", "-"))


def figures(page: Page) -> dict[int, list[tuple[str, list[float]]]]:
    """Return the tables of a page: by role, the figures of each week."""
    return {
        int(name.removeprefix("figures-")): [
            (week, [number(each) for each in cells]) for week, *cells in rows
        ]
        for name, rows in page.evaluate(FIGURES)
    }


def asked(live: Live, **query: Any) -> dict[int, list[tuple[str, list[float]]]]:
    """Return what the API says, rounded as the page writes it."""
    report = live.client.get(API, params={"weeks": 12, **query}).json()
    percents = live.client.get(API, params={"weeks": 12, **query, "unit": "percent"}).json()
    found = {}
    for series, shares in zip(report["series"], percents["series"], strict=True):
        names = ("assigned", "projected", "demand", "capacity")
        columns = [series[name] for name in names]
        free = [max(0.0, c - d) for c, d in zip(columns[3], columns[2], strict=True)]
        rows = zip(*columns, free, strict=True)
        found[series["roleId"]] = [
            (week, [*(float(f"{each:.1f}") for each in row), float(f"{share:.0f}"), people])
            for week, row, share, people in zip(
                report["weekKeys"], rows, shares["demand"], series["people"], strict=True
            )
        ]
    return found


def opened(visit: Visit, query: str = "") -> Page:
    page = visit.go(f"{PATH}{query}")
    expect(page.locator(".drawing[data-drawn] svg").first).to_be_visible()
    return page


def shows(page: Page, live: Live, **query: Any) -> None:
    """Assert that the page comes to show exactly what the API answers."""
    expected = asked(live, **query)
    expect(page.locator("#charts")).not_to_have_class("busy")
    page.wait_for_function("!document.querySelector('#charts').classList.contains('busy')")
    assert figures(page) == expected


def test_it_shows_the_figures_of_the_api(visit: Visit, live: Live) -> None:
    page = opened(visit)
    shows(page, live)
    assert page.title() == "Role capacity · Capacity Ledger"
    expect(page.locator("#unmapped")).to_contain_text("8.0 h of demand")
    assert [each.inner_text() for each in page.locator(".chart h2").all()] == [
        each["name"] for each in report_plan()["roles"]
    ]
    visit.picture("role-capacity")


@pytest.mark.parametrize(
    ("control", "value", "query", "said"),
    [
        ("department", "2", {"department": 2}, "department=2"),
        ("vertical", "1", {"vertical": 1}, "vertical=1"),
        ("weeks", "8", {"weeks": 8}, "weeks=8"),
    ],
)
def test_controls_change_the_figures_and_the_address(
    visit: Visit, live: Live, control: str, value: str, query: dict[str, Any], said: str
) -> None:
    page = opened(visit)
    before = page.url
    with page.expect_response(lambda answer: said in answer.url):
        if control == "weeks":
            page.locator(f"#weeks-{value}").check()
        else:
            page.locator(f"#{control}").select_option(value)
    assert page.url == f"{before}?{said}"
    page.wait_for_function("!document.querySelector('#charts').classList.contains('busy')")
    shows(page, live, **query)
    page.reload()
    shows(page, live, **query)
    page.go_back()
    expect(page).to_have_url(before)


def test_tentative_work_counts_where_it_is_asked_for(visiting: Visiting, live_alone: Live) -> None:
    elsewhere(take_tentative, live_alone.service.settings, hours=6)
    with visiting(live_alone) as visit:
        page = opened(visit, "?role_ids=1")
        first = page.locator("#figures-1 tbody td").first
        expect(first).to_have_text("62.0")
        page.locator("#include_tentative").check()
        expect(first).to_have_text("68.0")
        expect(page).to_have_url(f"{visit.home}{PATH}?include_tentative=true&role_ids=1")
        shows(page, live_alone, include_tentative="true", role_ids=1)
        expect(page.locator("#heatmap td a").first).to_contain_text("36")


def test_the_first_week_is_that_of_a_day(visit: Visit, live: Live) -> None:
    page = opened(visit, "?role_ids=1")
    page.locator("#start").fill("2026-11-25")
    expect(page.locator("#span")).to_contain_text("22 Nov 2026")
    expect(page).to_have_url(f"{visit.home}{PATH}?start=2026-11-25&role_ids=1")
    shows(page, live, start="2026-11-22", role_ids=1)


def test_it_looks_back_to_the_end_of_a_day(visiting: Visiting, tmp_path: Path) -> None:
    with running(planned(settings_in(tmp_path), report_plan())) as live, visiting(live) as visit:
        page = opened(visit, f"?start={WEEKS[0]}")
        shows(page, live, start=WEEKS[0])
        yesterday = datetime.now(UTC).date() - timedelta(days=1)
        page.locator("#as_of").fill(yesterday.isoformat())  # before there was a plan
        expect(page.locator("#chart-all h2")).to_have_text("No role is chosen")
        expect(page.locator("#roles")).to_contain_text("There is no active role yet")
        expect(page.locator("#span")).to_contain_text(f"as known {yesterday}")
        page.locator("#as_of").fill((yesterday + timedelta(days=1)).isoformat())  # until now
        expect(page.locator(".chart")).to_have_count(4)
        shows(page, live, start=WEEKS[0])


def test_every_timeframe_has_its_weeks(visit: Visit, live: Live) -> None:
    page = opened(visit, "?role_ids=1")
    for weeks in (4, 8, 16, 20, 26, 52, 12):
        with page.expect_response(lambda answer: PATH in answer.url):
            page.locator(f"#weeks-{weeks}").check()
        expect(page.locator("#figures-1 tbody tr")).to_have_count(weeks)
        shows(page, live, weeks=weeks, role_ids=1)


def test_back_and_forward_show_what_was_shown(visit: Visit, live: Live) -> None:
    page = opened(visit)
    page.locator("#department").select_option("2")
    expect(page).to_have_url(f"{visit.home}{PATH}?department=2")
    expect(page.locator("#unmapped .banner")).to_have_count(0)
    page.go_back()
    expect(page.locator("#unmapped .banner")).to_have_count(1)
    expect(page.locator("#department")).to_have_value("")
    shows(page, live)
    page.go_forward()
    expect(page.locator("#department")).to_have_value("2")
    expect(page.locator("#unmapped .banner")).to_have_count(0)
    shows(page, live, department=2)


def test_roles_can_be_shown_and_not(visit: Visit, live: Live) -> None:
    page = opened(visit)
    page.locator("#role-2").uncheck()
    expect(page).to_have_url(f"{visit.home}{PATH}?role_ids=1,3,4")
    expect(page.locator(".chart")).to_have_count(3)
    shows(page, live, role_ids="1,3,4")
    page.get_by_role("link", name="None").click()
    expect(page.locator("#chart-all h2")).to_have_text("No role is chosen")
    expect(page.locator(".drawing[data-drawn] svg")).to_be_visible()
    assert page.locator(".drawing svg .role-axis").count() >= 2
    expect(page).to_have_url(f"{visit.home}{PATH}?role_ids=none")
    visit.picture("role-capacity-empty")
    page.get_by_role("link", name="All", exact=True).click()
    expect(page.locator(".chart")).to_have_count(4)
    expect(page).to_have_url(f"{visit.home}{PATH}")
    shows(page, live)


def test_percent_changes_the_scale_and_together_makes_one_chart(visit: Visit, live: Live) -> None:
    page = opened(visit)
    page.locator("#unit-percent").check()
    expect(page.locator(".drawing svg").first).to_contain_text("100 %")
    page.locator("#layout-together").check()
    expect(page.locator(".chart")).to_have_count(1)
    expect(page.locator(".drawing[data-drawn] svg")).to_be_visible()
    expect(page).to_have_url(f"{visit.home}{PATH}?unit=percent&layout=together")
    shows(page, live)
    visit.picture("role-capacity-together")


def test_pointing_at_a_week_tells_its_figures(visit: Visit, live: Live) -> None:
    page = opened(visit, "?role_ids=1")
    box = page.locator(".drawing svg").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 60, box["y"] + 60)
    told = page.locator("#vg-tooltip-element.visible")
    rows = [each.all_inner_texts() for each in told.locator("tr").all()]
    said = dict(row[0].split("\t") for row in rows)
    assert list(said) == [
        "Week of", "Assigned h", "Projected h", "Demand h",
        "Capacity h", "Available h", "Demand of capacity %", "People",
    ]  # fmt: skip
    week = datetime.strptime(said.pop("Week of"), "%d %b %Y").date().isoformat()
    assert (week, [number(each) for each in said.values()]) in asked(live)[1]


def test_a_name_is_text_and_nothing_else(visit: Visit) -> None:
    page = opened(visit, "?role_ids=4&layout=together")
    assert page.locator("img[src='x']").count() == 0
    expect(page.locator("summary")).to_have_text(f"{HOSTILE_NAME}: figures")


# News.


def test_it_shows_what_has_changed_and_keeps_its_place(
    visiting: Visiting, live_alone: Live
) -> None:
    with visiting(live_alone) as visit:
        page = opened(visit)
        expect(page.locator("#live")).to_have_text("Live")
        page.locator("#figures-2 summary").click()
        page.locator("#role-2").focus()
        page.evaluate("scrollTo(0, 200)")
        page.evaluate("window.stays = document.querySelector('#chart-2')")
        changed = report_plan()
        changed["assignments"][0]["weekly_hours"]["2026-11-15"] = 33
        planned(live_alone.service.settings, changed)
        cell = page.locator("#figures-1 tr[data-week='2026-11-15'] td").first
        expect(cell).to_have_text("65.0")
        expect(page.locator("#announced")).to_have_text("The figures have changed.")
        assert page.evaluate("document.activeElement.id") == "role-2"
        assert page.evaluate("scrollY") == 200
        assert page.evaluate("window.stays === document.querySelector('#chart-2')")
        expect(page.locator("#figures-2 table")).to_be_visible()
        shows(page, live_alone)


def test_it_asks_again_only_for_what_can_change_it(visiting: Visiting, live_alone: Live) -> None:
    with visiting(live_alone) as visit:
        page = opened(visit)
        expect(page.locator("#live")).to_have_text("Live")
        changed = report_plan()
        changed["people"][0]["weekly_capacity"] = 38
        with page.expect_request(lambda request: "after=" in request.url) as news:
            with_sample(live_alone)  # tells of nothing that is shown
            planned(live_alone.service.settings, changed)
        events = live_alone.events(topic="assignments.person_weekly_capacity_changed")
        assert news.value.url.endswith(f"after={events[-1]['position']}")
        expect(page.locator("#figures-1 tr[data-week='2026-11-15'] td").nth(3)).to_have_text("70.0")
        assert len([each for each in visit.asked if "after=" in each]) == 1


# What stands in the way.


def test_a_failure_is_told_and_what_was_shown_stays(visit: Visit, live: Live) -> None:
    page = opened(visit)
    page.locator("#as_of").fill("2026-11-30")
    expect(page.locator("#fault")).to_contain_text("which is in the future")
    visit.forgive("422")
    assert page.locator(".drawing[data-drawn]").count() >= 1
    page.locator("#as_of").fill("")
    expect(page.locator("#fault")).to_be_hidden()
    page.route("**/reports/role-capacity?department=2", lambda route: route.abort())
    page.locator("#department").select_option("2")
    expect(page.locator("#fault")).to_contain_text("cannot be reached")
    visit.forgive("ERR_FAILED")
    visit.picture("role-capacity-fault")


def test_a_failure_of_the_report_is_no_empty_chart(
    visit: Visit, live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any, **__: Any) -> Any:
        raise RuntimeError("the disk is gone")

    reporter = live.server.config.app.state.reporter  # type: ignore[union-attr] # ours
    monkeypatch.setattr(reporter, "_ask", broken)
    page = visit.go(f"{PATH}?start=2026-03-01")
    expect(page.locator("h1")).to_have_text("Internal error")
    expect(page.locator("#problem")).to_contain_text("Something failed on our side")
    assert page.locator(".drawing").count() == 0
    visit.forgive("500")


def test_charts_that_cannot_be_drawn_are_told_and_all_else_works(
    visiting: Visiting, live: Live
) -> None:
    with visiting(live) as visit:
        visit.page.route("**/vega.js", lambda route: route.abort())
        page = visit.go(f"{PATH}?role_ids=1")
        expect(page.locator(".drawing")).to_contain_text("could not be drawn")
        expect(page.locator("#live")).to_have_text("Live")
        page.locator("#department").select_option("2")
        expect(page).to_have_url(f"{visit.home}{PATH}?department=2&role_ids=1")
        shows(page, live, department=2, role_ids=1)
        visit.forgive("ERR_FAILED")
        visit.forgive("dynamically imported module")


# Ways of reading.


@pytest.mark.parametrize("path", [PATH, f"{PATH}?layout=together&weeks=52", "/"])
def test_a_phone_scrolls_no_page_sideways(visiting: Visiting, live: Live, path: str) -> None:
    with visiting(live, viewport={"width": 360, "height": 740}, color_scheme="dark") as visit:
        page = visit.go(path)
        if path != "/":
            page.locator("#charts").scroll_into_view_if_needed()
            expect(page.locator(".drawing[data-drawn] svg").first).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") == 360
        visit.picture(f"phone-{path.strip('/').replace('/', '-').partition('?')[0] or 'start'}")


def test_everything_works_by_keyboard(visit: Visit, live: Live) -> None:
    page = opened(visit)
    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#content")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.locator("#department")).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(page).to_have_url(f"{visit.home}{PATH}?department=2")
    for _ in range(2):
        page.keyboard.press("Tab")
    expect(page.locator("#weeks-12")).to_be_focused()
    page.keyboard.press("ArrowLeft")
    expect(page).to_have_url(f"{visit.home}{PATH}?department=2&weeks=8")
    page.locator("#role-2").focus()
    page.keyboard.press("Space")
    expect(page).to_have_url(f"{visit.home}{PATH}?department=2&weeks=8&role_ids=1,3,4")
    expect(page.locator("#role-2")).to_be_focused()
    page.locator("#figures-1 summary").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#figures-1 table")).to_be_visible()
    shows(page, live, department=2, weeks=8, role_ids="1,3,4")


def test_without_scripts_it_is_a_form_and_a_picture(visiting: Visiting, live: Live) -> None:
    with visiting(live, java_script_enabled=False) as visit:
        page = visit.go(PATH)
        page.locator("#department").select_option("1")
        page.locator("#role-2").uncheck()
        page.get_by_role("button", name="Show").click()
        assert "department=1" in page.url
        assert page.locator(".picture").evaluate("image => image.decode().then(() => true)")
        expect(page.locator("#role-2")).not_to_be_checked()
        shows_by_server(page, live, department=1, role_ids="1,3,4")
        visit.picture("role-capacity-without-scripts")


def shows_by_server(page: Page, live: Live, **query: Any) -> None:
    """Assert the same of a page in which no script may run."""
    expected = asked(live, **query)
    for role_id, rows in expected.items():
        found = page.locator(f"#figures-{role_id} tbody tr")
        cells = [each.text_content() for each in found.first.locator("td").all()]
        assert [number(each or "") for each in cells] == rows[0][1]
        assert found.count() == len(rows)
