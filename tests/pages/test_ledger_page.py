"""The page of the ledger in a real browser: its events, its state, and its news."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from interfaces.service import Service
from tests.pages.conftest import Visit, Visiting, elsewhere, planned
from tests.support.keys import beside
from tests.support.report_plans import NOW, report_plan
from tests.support.servers import Live, running, settings_in, with_sample


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """The sample line with some bookings, and a plan: more events than one page shows."""
    settings = planned(settings_in(tmp_path_factory.mktemp("ledger")), report_plan())
    with running(settings, clock=lambda: NOW) as server:
        found = with_sample(server)
        for number in range(8):
            reason = {"Capacity-Actor": "ada", "Capacity-Reason": "by phone"}
            assert found.book(f"R-{number}", headers=reason).status_code == 201
        yield found


def test_it_tells_what_happened_newest_first(visit: Visit, live: Live) -> None:
    page = visit.go("/")
    page.locator("#ledger h2 a").click()
    expect(page.locator("h1")).to_have_text("Ledger")
    head = live.service.log.head()
    expect(page.locator("#head dd").first).to_have_text(str(head))
    newest = page.locator(".told li").first
    expect(newest).to_contain_text("Booked R-7 with All Energy Solar")
    expect(newest).to_contain_text("by phone")
    expect(newest).to_contain_text("ada")
    for each in page.locator("#standings tbody tr").all():
        expect(each).to_contain_text("current")
        expect(each).to_contain_text("never")
    visit.picture("ledger")
    newest.get_by_role("link").click()
    expect(page.locator("h1")).to_contain_text("Booking")
    expect(page.locator(".told li")).to_have_count(1)
    visit.picture("ledger-history")


def test_it_goes_back_to_the_very_first_event(visit: Visit, live: Live) -> None:
    page = visit.go("/ledger")
    shown: list[str] = []
    while True:
        shown += page.evaluate("[...document.querySelectorAll('.told li')].map(each => each.id)")
        older = page.locator("#older")
        if not older.count():
            break
        address = older.get_attribute("href")
        older.click()
        expect(page).to_have_url(f"{visit.home}{address}")
        expect(page.locator(f"#{shown[-1]}")).to_have_count(0)
    head = live.service.log.head()
    assert shown == [f"event-{position}" for position in range(head, 0, -1)]


def test_a_context_is_chosen_and_stands_in_the_address(visit: Visit, live: Live) -> None:
    page = visit.go("/ledger")
    page.locator("#context").select_option("assignments")
    expect(page).to_have_url(f"{visit.home}/ledger?context=assignments")
    expect(page.locator(".told li").first).not_to_contain_text("Booked")
    subjects = page.locator(".told .subject").all_inner_texts()
    assert subjects
    assert all(each.startswith("assignments: ") for each in subjects)
    page.locator("#context").select_option("operations")
    expect(page.locator("#events")).to_contain_text("Nothing has happened here")
    page.go_back()
    expect(page.locator("#context")).to_have_value("assignments")


def test_it_shows_what_happens(visit: Visit, live: Live) -> None:
    page = visit.go("/ledger")
    expect(page.locator("#live")).to_have_text("Live")
    assert live.book("R-news", headers={"Capacity-Reason": "just now"}).status_code == 201
    expect(page.locator(".told li").first).to_contain_text("Booked R-news")
    expect(page.locator("#head dd").first).to_have_text(str(live.service.log.head()))
    expect(page.locator("#head")).to_have_attribute("data-settled", "true")


def test_it_looks_again_until_its_read_models_have_caught_up(
    visiting: Visiting, tmp_path: Path
) -> None:
    settings = settings_in(tmp_path)
    with running(settings, projector=None) as behind, visiting(with_sample(behind)) as visit:
        visit.page.clock.install()
        page = visit.go("/ledger")
        row = page.locator("#standings tbody tr", has_text="supplier_capacity")
        expect(row).to_contain_text("behind")
        expect(page.locator("#state")).to_contain_text("nobody follows the ledger")
        visit.picture("ledger-behind")
        elsewhere(beside, settings, _nothing)  # another process catches up, and says nothing of it
        page.clock.run_for(5_100)
        expect(row).to_contain_text("current")


async def _nothing(_: Service) -> None:
    """Change nothing."""


def test_without_scripts_it_is_a_form_and_links(visiting: Visiting, live: Live) -> None:
    with visiting(live, java_script_enabled=False) as visit:
        page = visit.go("/ledger")
        page.locator("#context").select_option("suppliers")
        page.get_by_role("button", name="Show").click()
        assert page.url == f"{visit.home}/ledger?context=suppliers"
        first = page.locator(".told li").first
        expect(first.locator(".subject")).to_contain_text("suppliers")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_scrolls_no_page_sideways(visiting: Visiting, live: Live, scheme: str) -> None:
    options = {"viewport": {"width": 360, "height": 740}, "color_scheme": scheme}
    with visiting(live, **options) as visit:
        page = visit.go("/ledger")
        assert page.evaluate("document.documentElement.scrollWidth") == 360
        visit.picture(f"phone-ledger-{scheme}")
