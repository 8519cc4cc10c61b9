"""Text stands out from its ground as WCAG AA asks, in light and dark; in a real browser."""

from typing import Any

import pytest
from playwright.sync_api import expect

from tests.pages.conftest import Visiting
from tests.support import wide_lines
from tests.support.servers import Live

LEAST, LEAST_LARGE, LARGE_PIXELS = 4.5, 3.0, 24
# Each text with its own colour, and those of all grounds behind it, nearest first.
TEXTS = """
  [...document.querySelectorAll('body *')].filter(each =>
    [...each.childNodes].some(node => node.nodeType === 3 && node.textContent.trim())
    && each.checkVisibility({visibilityProperty: true}) && !each.closest('.unseen, svg, i, script')
  ).map(each => {
    const grounds = [];
    for (let at = each; at; at = at.parentElement) {
      grounds.push(getComputedStyle(at).backgroundColor);
    }
    const style = getComputedStyle(each);
    const text = each.textContent.trim().slice(0, 30);
    return [text, style.color, parseFloat(style.fontSize), grounds];
  })
"""


def parsed(colour: str) -> list[float]:
    """Return red, green, blue and opacity, from 0 to 1."""
    kind, _, rest = colour.rstrip(")").partition("(")
    if kind == "color":  # of a mix: color(srgb 0.1 0.2 0.3 / 0.5)
        numbers = [float(each) for each in rest.removeprefix("srgb ").replace("/", " ").split()]
    else:
        numbers = [float(each) for each in rest.split(",")]
        numbers[:3] = [each / 255 for each in numbers[:3]]
    return [*numbers, 1.0][:4]


def over(front: list[float], behind: list[float]) -> list[float]:
    """Return what is seen of a colour before another."""
    opacity = front[3]
    return [a * opacity + b * (1 - opacity) for a, b in zip(front[:3], behind[:3], strict=True)] + [
        1.0
    ]


def light(colour: list[float]) -> float:
    """Return the relative luminance of WCAG."""
    parts = [
        each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in colour[:3]
    ]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


def contrast(text: str, grounds: list[str]) -> float:
    """Return the contrast of a text with the grounds behind it."""
    seen = [1.0, 1.0, 1.0, 1.0]
    for each in reversed(grounds):
        seen = over(parsed(each), seen)
    lights = sorted((light(over(parsed(text), seen)), light(seen)), reverse=True)
    return (lights[0] + 0.05) / (lights[1] + 0.05)


def too_faint(texts: list[Any]) -> list[str]:
    """Return the texts that are hard to read."""
    return [
        f"{text!r}: {found:.2f}"
        for text, colour, pixels, grounds in texts
        if (found := contrast(colour, grounds)) < (LEAST_LARGE if pixels >= LARGE_PIXELS else LEAST)
    ]


@pytest.fixture(scope="module")
def wide(live: Live) -> Live:
    """The same server, with a line of many suppliers."""
    found = wide_lines.with_wide_line(live)
    found.client.get("/v1/lines", params={"after": found.service.log.head()})
    return found


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_can_be_read(visiting: Visiting, wide: Live, scheme: str) -> None:
    with visiting(wide, color_scheme=scheme) as visit:
        report = "/reports/role-capacity"
        scenario = "/suppliers/sbus/overlap_only"
        for path in (
            *("/", report, f"{report}/roles/1", f"{report}/assignments/1/events"),
            *("/suppliers", scenario, f"{scenario}/history/iSoalr", "/ledger"),
        ):
            page = visit.go(path)
            if path in (report, scenario):
                expect(page.locator(".drawing[data-drawn]").first).to_be_visible()
            texts = page.evaluate(TEXTS)
            assert len(texts) > 5
            assert too_faint(texts) == [], path
        visit.go(report)
        visit.picture(f"role-capacity-{scheme}")
        page = visit.go(wide_lines.PAGE)  # whose rows are full, over, and neither
        expect(page.locator(".drawing[data-drawn]")).to_be_visible()
        assert too_faint(page.evaluate(TEXTS)) == []
        visit.picture(f"suppliers-scenario-{scheme}")


def test_faint_text_would_be_found() -> None:
    """The negative control of the test above."""
    assert too_faint([["grey on white", "rgb(160, 160, 160)", 14, ["rgb(255, 255, 255)"]]])
    assert contrast("rgb(0, 0, 0)", ["rgba(0, 0, 0, 0)", "rgb(255, 255, 255)"]) == pytest.approx(21)
