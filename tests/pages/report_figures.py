"""What the report page shows, and what the API says, in one form."""

from typing import Any

from playwright.sync_api import Page, expect

from tests.pages.conftest import Visit
from tests.support.servers import Live

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


def shows_by_server(page: Page, live: Live, **query: Any) -> None:
    """Assert the same of a page in which no script may run."""
    expected = asked(live, **query)
    for role_id, rows in expected.items():
        found = page.locator(f"#figures-{role_id} tbody tr")
        cells = [each.text_content() for each in found.first.locator("td").all()]
        assert [number(each or "") for each in cells] == rows[0][1]
        assert found.count() == len(rows)
