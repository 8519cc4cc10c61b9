"""A real browser, and a watch over it: no page may ask another server, or complain."""

import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, TypeVar

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from interfaces.settings import Settings
from tests.support import plans
from tests.support.report_plans import NOW, report_plan
from tests.support.servers import Live, running, settings_in, with_sample

R = TypeVar("R")

expect.set_options(timeout=20_000)  # a machine may be busy; nothing waits that long otherwise

PICTURES = Path("build/pages")
_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
_ARGUMENTS = (
    "--no-sandbox",  # as root, as most containers are
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


class Visit:
    """One page in a browser, with all that it asked for and complained of."""

    def __init__(self, page: Page, home: str) -> None:
        self.page, self.home = page, home
        self.asked: list[str] = []
        self.complaints: list[str] = []
        page.on("request", lambda request: self.asked.append(request.url))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", lambda message: self._said(message.type, message.text))

    def _said(self, kind: str, text: str) -> None:
        if kind in ("error", "warning"):
            self.complaints.append(f"{kind}: {text}")

    def go(self, path: str) -> Page:
        """Open a page of the server."""
        self.page.goto(f"{self.home}{path}")
        return self.page

    @property
    def faults(self) -> list[str]:
        """Whatever no page may do."""
        foreign = [each for each in self.asked if not each.startswith((self.home, "data:"))]
        return [f"asked {each}" for each in foreign] + self.complaints

    def forgive(self, part: str) -> None:
        """Take a complaint as meant, which must be there."""
        assert any(part in each for each in self.complaints), (part, self.complaints)
        self.complaints = [each for each in self.complaints if part not in each]

    def picture(self, name: str) -> None:
        """Keep what is seen."""
        PICTURES.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=PICTURES / f"{name}.png", full_page=True)


def elsewhere(work: Callable[..., R], *arguments: Any, **options: Any) -> R:
    """Do something in a thread of its own: Playwright has an event loop in this one."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(work, *arguments, **options).result()


def planned(settings: Settings, plan: dict[str, Any]) -> Settings:
    """Import a plan."""
    return elsewhere(plans.planned, settings, plan)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    found = next(filter(None, map(shutil.which, _BROWSERS)), None)
    if found is None:
        pytest.fail("There is no Chromium here; on Debian: apt-get install chromium", pytrace=False)
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=found, args=list(_ARGUMENTS))
        yield launched
        launched.close()


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """The sample line, and a plan, which tests of one file share."""
    settings = settings_in(tmp_path_factory.mktemp("pages"))
    with running(planned(settings, report_plan()), clock=lambda: NOW) as server:
        yield with_sample(server)


Visiting = Callable[..., AbstractContextManager[Visit]]


def _context(browser: Browser, **options: Any) -> BrowserContext:
    usual: dict[str, Any] = {"viewport": {"width": 1440, "height": 900}, "locale": "en-GB"}
    context = browser.new_context(**usual | options)
    context.set_default_timeout(20_000)
    return context


@contextmanager
def _visit(context: BrowserContext, live: Live) -> Iterator[Visit]:
    page = context.new_page()
    try:
        found = Visit(page, f"http://127.0.0.1:{live.port}")
        yield found
        assert found.faults == []
    finally:
        page.close()


@pytest.fixture(scope="session")
def visiting(browser: Browser) -> Visiting:
    """Open a page of a server, and look at the end whether it did what no page may."""

    @contextmanager
    def visit(live: Live, **options: Any) -> Iterator[Visit]:
        context = _context(browser, **options)
        try:
            with _visit(context, live) as found:
                yield found
        finally:
            context.close()

    return visit


@pytest.fixture(scope="module")
def context(browser: Browser) -> Iterator[BrowserContext]:
    """What tests of one file share: the browser loads files of the server once."""
    shared = _context(browser)
    yield shared
    shared.close()


@pytest.fixture
def visit(live: Live, context: BrowserContext) -> Iterator[Visit]:
    with _visit(context, live) as found:
        yield found


@pytest.fixture
def live_alone(tmp_path: Path) -> Iterator[Live]:
    """A plan that is one test's own, to change it."""
    settings = settings_in(tmp_path)
    with running(planned(settings, report_plan()), clock=lambda: NOW) as server:
        yield server
