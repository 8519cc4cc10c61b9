"""The pages of suppliers in a real browser: figures against the API, rows, news and reading."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.pages.conftest import Visit, Visiting
from tests.support.report_plans import NOW
from tests.support.servers import Live, running, settings_in, with_sample
from tests.support.wide_lines import BAD_NAME, PAGE, ROOT, with_wide_line


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """The sample line, and one with many suppliers."""
    with running(settings_in(tmp_path_factory.mktemp("suppliers")), clock=lambda: NOW) as server:
        found = with_wide_line(with_sample(server))
        found.client.get(ROOT, params={"after": found.service.ledger.head})
        yield found


def rows(page: Page, table: str) -> list[list[str]]:
    """Return the text of each cell, row by row."""
    found: list[list[str]] = page.evaluate(
        "name => [...document.querySelectorAll(`${name} tbody tr`)].map(row =>"
        " [...row.cells].map(cell => cell.textContent.trim()))",
        table,
    )
    return found


def numbers(page: Page) -> dict[str, list[int]]:
    """Return capacity, used and room of the suppliers that are listed."""
    return {row[0]: [int(each) for each in row[1:4]] for row in rows(page, "#suppliers")}


def expected(live: Live) -> dict[str, list[int]]:
    """Return what the API says of all suppliers."""
    found: dict[str, Any] = live.client.get(f"{ROOT}/capacity").json()
    return {
        name: [each["Capacity"], each["Used"], max(0, each["Capacity"] - each["Used"])]
        for name, each in found.items()
    }


def test_from_the_overview_to_the_history_of_a_supplier(visit: Visit, live: Live) -> None:
    page = visit.go("/")
    page.locator("#suppliers a").first.click()
    expect(page.locator("h1")).to_have_text("Suppliers")
    assert [row[:2] for row in rows(page, "#scenarios")] == [
        ["sbus", "overlap_only"],
        ["wide", "all & more"],
    ]
    visit.picture("suppliers")
    page.get_by_role("link", name="all & more").click()
    expect(page.locator("h1")).to_have_text("all & more")
    expect(page.locator(".drawing[data-drawn] svg")).to_be_visible()
    visit.picture("suppliers-scenario")
    page.get_by_role("link", name="Supplier 001").first.click()
    expect(page.locator("h1")).to_have_text("Supplier 001")
    newest = page.locator(".told li").first
    expect(newest).to_contain_text("fewer crews")
    expect(newest).to_contain_text("capacity 4 →")
    expect(newest).to_contain_text("overbooked 2")
    expect(page.locator(".told li").last).to_contain_text("capacity 4")
    visit.picture("suppliers-history")


def test_every_supplier_is_listed_once_with_the_figures_of_the_api(
    visit: Visit, live: Live
) -> None:
    page = visit.go(PAGE)
    found = numbers(page)
    for number in (2, 3, 4):
        page.get_by_role("navigation", name="Pages of suppliers").get_by_text("Next").click()
        expect(page.get_by_text(f"Page {number} of 4")).to_be_visible()
        found |= numbers(page)
    assert found == expected(live)
    expect(page).to_have_url(f"{visit.home}{PAGE}?page=4")
    page.go_back()
    expect(page.get_by_text("Page 3 of 4")).to_be_visible()


def test_rows_are_sorted_and_looked_for_by_the_address(visit: Visit, live: Live) -> None:
    page = visit.go(PAGE)
    first = page.locator("#suppliers tbody tr").first
    expect(first).to_contain_text("2 over")
    page.locator("#sort-supplier").click()
    expect(page.locator("#suppliers tbody th").first).to_have_text(BAD_NAME)
    expect(page).to_have_url(f"{visit.home}{PAGE}?sort=supplier&order=asc")
    expect(page.locator("th[aria-sort]")).to_have_text("Supplier ▴")
    # Slowly: each letter is looked for, and no answer takes away what was typed since.
    page.locator("#name").press_sequentially("ER 00", delay=300)
    expect(page.locator("#name")).to_have_value("ER 00")
    expect(page.locator("#found")).to_have_text("9 of 95")
    expect(page.locator("#name")).to_be_focused()
    assert [row[0] for row in rows(page, "#suppliers")] == [
        f"Supplier {number:03}" for number in range(1, 10)
    ]
    expect(page).to_have_url(re.compile("name=ER"))
    page.locator("#sort").select_option("capacity")
    expect(page.locator("#suppliers tbody tr").first.locator("td").first).to_have_text("2")
    page.reload()
    expect(page.locator("#found")).to_have_text("9 of 95")
    assert page.locator("img[src='x']").count() == 0


def test_the_chart_shows_the_figures_behind_it(visit: Visit, live: Live) -> None:
    page = visit.go(f"{PAGE}?name=Supplier 00")
    expect(page.locator(".drawing[data-drawn] svg")).to_be_visible()
    answered = live.client.get(f"{ROOT}/distribution").json()
    shares = {each["supplier_id"]: each for each in answered["shares"]}
    page.locator("#figures summary").click()
    shown = rows(page, "#figures")
    assert len(shown) == 9
    for name, matches, actual, wanted, _ in shown:
        assert int(matches) == shares[name]["matches"]
        assert float(actual) == pytest.approx(100 * shares[name]["actual_share"], abs=0.05)
        assert float(wanted) == pytest.approx(100 * shares[name]["expected_share"], abs=0.05)
    bars = page.locator(".drawing svg .mark-rect path")
    assert bars.count() == 2 * len(shown)


def test_it_shows_a_booking_and_keeps_its_place(visit: Visit, live: Live) -> None:
    page = visit.go("/suppliers/sbus/overlap_only")
    expect(page.locator("#live")).to_have_text("Live")
    page.locator("#figures summary").click()
    page.locator("#name").focus()
    assert live.book("R-live", headers={"Capacity-Reason": "seen at once"}).status_code == 201
    expect(page.locator("#matches tbody tr").first).to_contain_text("seen at once")
    expect(page.locator("#totals")).to_contain_text("1 slots")
    expect(page.locator("#figures table")).to_be_visible()
    expect(page.locator("#name")).to_be_focused()


def test_it_works_without_scripts(visiting: Visiting, live: Live) -> None:
    with visiting(live, java_script_enabled=False) as visit:
        page = visit.go(PAGE)
        page.locator("#name").fill("Supplier 00")
        page.locator("#sort").select_option("supplier")
        page.locator("#order").select_option("asc")
        page.get_by_role("button", name="Show").click()
        assert "name=Supplier+00" in page.url
        found = page.locator("#suppliers tbody th").all_inner_texts()
        assert found == [f"Supplier {number:03}" for number in range(1, 10)]
        assert page.locator(".picture").evaluate("image => image.decode().then(() => true)")
        visit.picture("suppliers-without-scripts")
        page.locator("#sort-used").click()
        expect(page.locator("#suppliers tbody th").first).to_have_text("Supplier 001")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_scrolls_no_page_sideways(visiting: Visiting, live: Live, scheme: str) -> None:
    options = {"viewport": {"width": 360, "height": 740}, "color_scheme": scheme}
    with visiting(live, **options) as visit:
        for number, path in enumerate(("/suppliers", PAGE, f"{PAGE}/history/Supplier%20001")):
            page = visit.go(path)
            if path == PAGE:
                page.locator("#spread").scroll_into_view_if_needed()
                expect(page.locator(".drawing[data-drawn] svg")).to_be_visible()
            assert page.evaluate("document.documentElement.scrollWidth") == 360, path
            visit.picture(f"phone-suppliers-{number}-{scheme}")
