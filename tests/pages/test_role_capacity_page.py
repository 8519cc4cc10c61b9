"""The report page in a real browser: every control, and every figure against the API."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.pages.conftest import Visit, Visiting, elsewhere, planned
from tests.pages.report_figures import PATH, asked, number, opened, shows
from tests.support.report_plans import HOSTILE_NAME, WEEKS, report_plan, take_tentative
from tests.support.servers import Live, running, settings_in


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
