"""How a page hears of what happens: only while somebody looks, and from whichever server."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Route, expect

from interfaces.pages import assets
from interfaces.pages.drawing import BUNDLE_SNIPPET
from tests.pages.conftest import Visit, Visiting
from tests.support.servers import Live, running, settings_in, with_sample

PAGE = "/suppliers/sbus/overlap_only"
HIDDEN = (
    "Object.defineProperty(document, 'visibilityState', {value: 'hidden', configurable: true});"
)
# Headless browsers show every page, so what a page is told of it is told by the test.
HIDE = f"{HIDDEN} document.dispatchEvent(new Event('visibilitychange'))"
SHOW = "delete document.visibilityState; document.dispatchEvent(new Event('visibilitychange'))"


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with running(settings_in(tmp_path_factory.mktemp("news"))) as server:
        yield with_sample(server)


def without(visit: Visit, part: str, instead: str) -> None:
    """Take something out of the script that all pages share."""

    def changed(route: Route) -> None:
        answered = route.fetch()
        text = answered.text()
        assert part in text
        route.fulfill(response=answered, body=text.replace(part, instead))

    visit.page.route("**/shell.js", changed)


def looked(visit: Visit) -> int:
    """Return how often the page was asked for."""
    return len([each for each in visit.asked if PAGE in each])


def booked_while_hidden(live: Live, visiting: Visiting, visit: Visit, registration: str) -> int:
    """Book while a page is hidden; return how often it looks before another has shown it."""
    with visiting(live) as other:
        page, seen = visit.go(PAGE), other.go(PAGE)
        for each in (page, seen):
            expect(each.locator("#live")).to_have_text("Live")
        page.evaluate("fetch(location)")  # behind whatever the page itself has asked by now
        page.evaluate(HIDE)
        before = looked(visit)
        assert live.book(registration).status_code == 201
        expect(seen.locator("#matches")).to_contain_text(registration)
        assert live.book(f"{registration}-again").status_code == 201
        expect(seen.locator("#matches")).to_contain_text(f"{registration}-again")
        return looked(visit) - before


def test_a_hidden_page_asks_nothing_and_catches_up_when_it_is_shown(
    visiting: Visiting, live: Live
) -> None:
    with visiting(live) as visit:
        assert booked_while_hidden(live, visiting, visit, "R-hidden") == 0
        visit.page.evaluate(SHOW)
        expect(visit.page.locator("#matches")).to_contain_text("R-hidden-again")
        expect(visit.page.locator("#live")).to_have_text("Live")


def test_a_hidden_page_would_ask_if_it_did_not_look_whether_it_is_seen(
    visiting: Visiting, live: Live
) -> None:
    """The negative control of the test above."""
    with visiting(live) as visit:
        without(visit, '"visibilitychange"', '"something-else"')
        assert booked_while_hidden(live, visiting, visit, "R-control") > 0


def test_a_page_opened_in_the_background_takes_no_connection(
    visiting: Visiting, live: Live
) -> None:
    with visiting(live) as visit:
        visit.page.add_init_script(HIDDEN)
        page = visit.go(PAGE)
        page.wait_for_load_state("networkidle")
        assert not [each for each in visit.asked if "stream" in each]
        assert live.book("R-background").status_code == 201
        page.evaluate(SHOW)
        expect(page.locator("#matches")).to_contain_text("R-background")


# Another server.


@contextmanager
def another_version(patched: pytest.MonkeyPatch) -> Iterator[str]:
    """Let a server that is started now have other files than before; give their digest."""
    with patched.context() as patch:
        patch.setattr(assets, "BUNDLE_SNIPPET", f"{BUNDLE_SNIPPET} ")
        assets.digest.cache_clear()
        try:
            yield assets.digest()
        finally:
            patch.undo()
            assets.digest.cache_clear()


@contextmanager
def restarted(
    visiting: Visiting, folder: Path, patched: pytest.MonkeyPatch, *, reloads: bool = True
) -> Iterator[tuple[Visit, Live, str]]:
    """Open a page, and restart its server as a newer one; give also its digest."""
    with running(settings_in(folder)) as live:
        with_sample(live)
        with visiting(live) as visit:
            if not reloads:
                without(visit, "loadAnew();", "null;")
            page = visit.go(f"{PAGE}?name=sol")
            expect(page.locator("#live")).to_have_text("Live")
            stop(live)
            expect(page.locator("#live")).to_contain_text("Not live")
            again = settings_in(folder, port=live.port)
            with another_version(patched) as digest, running(again) as newer:
                yield visit, newer, digest
            visit.complaints = [each for each in visit.complaints if "ERR_" not in each]


def test_a_page_is_loaded_anew_when_its_server_comes_back_as_a_newer_one(
    visiting: Visiting, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with restarted(visiting, tmp_path, monkeypatch) as (visit, newer, digest):
        page = visit.page
        expect(page.locator(f"link[href*='{digest}']").first).to_be_attached()
        expect(page.locator("#live")).to_have_text("Live")
        expect(page).to_have_url(f"{visit.home}{PAGE}?name=sol")
        expect(page.locator("#found")).to_have_text("2 of 3")
        assert newer.book("R-newer").status_code == 201
        expect(page.locator("#matches")).to_contain_text("R-newer")


def test_a_page_would_stay_the_older_one_if_it_did_not_look(
    visiting: Visiting, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control of the test above."""
    with restarted(visiting, tmp_path, monkeypatch, reloads=False) as (visit, newer, digest):
        page = visit.page
        expect(page.locator("#live")).to_have_text("Live")
        assert newer.book("R-newer").status_code == 201
        expect(page.locator("#matches")).to_contain_text("R-newer")
        expect(page.locator(f"link[href*='{digest}']")).to_have_count(0)


def test_servers_of_two_versions_do_not_make_a_page_load_again_and_again(
    visiting: Visiting, live: Live
) -> None:
    with visiting(live) as visit:
        another = assets.digest()[::-1]

        def changed(route: Route) -> None:
            answered = route.fetch()
            body = answered.text()
            if route.request.resource_type == "fetch":
                body = body.replace(assets.digest(), another)
            route.fulfill(response=answered, body=body)

        visit.page.route(f"**{PAGE}*", changed)
        loaded: list[str] = []
        visit.page.on("framenavigated", lambda frame: loaded.append(frame.url))
        page = visit.go(PAGE)
        expect(page.locator("#live")).to_have_text("Live")
        for number in range(2):
            assert live.book(f"R-turns-{number}").status_code == 201
            expect(page.locator("#matches")).to_contain_text("R-turns-0")
        expect(page.locator("#fault")).to_contain_text("load the page anew")
        assert len(loaded) == 2


def stop(live: Live) -> None:
    """End a server whose block is not over yet."""
    live.client.close()
    live.server.should_exit = True
