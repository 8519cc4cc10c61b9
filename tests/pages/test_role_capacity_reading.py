"""The report page in a real browser: its news, what stands in its way, and ways of reading it."""

from typing import Any

import pytest
from playwright.sync_api import expect

from tests.pages.conftest import Visit, Visiting, planned
from tests.pages.report_figures import PATH, opened, shows, shows_by_server
from tests.support.report_plans import report_plan
from tests.support.servers import Live, with_sample

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
