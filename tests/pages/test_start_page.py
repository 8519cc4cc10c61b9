"""The start page and signing in, in a real browser."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.pages.conftest import Visit, Visiting, elsewhere, planned
from tests.support.keys import MadeKey, make_key, revoke_key
from tests.support.report_plans import NOW, report_plan
from tests.support.servers import Live, running, settings_in


def test_it_leads_to_each_context(visit: Visit) -> None:
    page = visit.go("/")
    expect(page.locator(".context h2")).to_have_text(["Role capacity", "Suppliers", "Ledger"])
    visit.picture("start")
    page.locator("#planning a").click()
    expect(page.locator("h1")).to_have_text("Role capacity")
    page.get_by_role("navigation").get_by_role("link", name="Overview").click()
    expect(page.locator("h1")).to_have_text("Overview")


@pytest.fixture
def locked(tmp_path: Path) -> Iterator[tuple[Live, MadeKey]]:
    settings = planned(settings_in(tmp_path), report_plan())
    key = elsewhere(make_key, settings, "read", owner="ada")
    with running(settings, clock=lambda: NOW) as live:
        yield live, key


def test_who_signs_in_sees_pages_and_their_news(
    locked: tuple[Live, MadeKey], visiting: Visiting
) -> None:
    live, key = locked
    with visiting(live) as visit:
        page = visit.go("/reports/role-capacity?weeks=8")
        expect(page.locator("h1")).to_have_text("Sign in")
        visit.picture("sign-in")
        page.keyboard.type("cap_wrong")
        page.keyboard.press("Enter")
        expect(page.locator("#problem")).to_contain_text("This is no key")
        visit.forgive("422")
        page.locator("#key").fill(key.secret)
        page.get_by_role("button", name="Sign in").click()
        expect(page).to_have_url(f"{visit.home}/reports/role-capacity?weeks=8")
        expect(page.locator("#live")).to_have_text("Live")
        (cookie,) = page.context.cookies()
        assert (cookie["httpOnly"], cookie["sameSite"], cookie["secure"]) == (True, "Strict", False)
        assert page.evaluate("document.cookie") == ""
        page.get_by_role("button", name="Sign out").click()
        expect(page.locator("h1")).to_have_text("Sign in")
        page.goto(f"{visit.home}/")
        expect(page.locator("h1")).to_have_text("Sign in")


def test_a_page_is_left_when_its_key_is_revoked(
    locked: tuple[Live, MadeKey], visiting: Visiting
) -> None:
    live, key = locked
    with visiting(live) as visit:
        page = visit.go("/sign-in?to=/reports/role-capacity")
        page.locator("#key").fill(key.secret)
        page.keyboard.press("Enter")
        expect(page.locator("#live")).to_have_text("Live")
        elsewhere(revoke_key, live.service.settings, key)
        expect(page.locator("#problem")).to_have_text("This key was revoked")
        visit.forgive("401")
