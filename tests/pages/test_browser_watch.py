"""The watch over the browser sees what it is there for: its negative control."""

from typing import Any

import pytest
from playwright.sync_api import expect
from starlette.responses import HTMLResponse, Response

from interfaces.http.asked import Asked
from interfaces.http.routes import Route
from tests.pages.conftest import Visiting
from tests.support.servers import Live

_BAD = {
    "an inline script": ("<script>document.title = 'ran'</script>", "script"),
    "an inline style": ("<p style='color: red'>red", "style"),
    "an image of another server": ("<img src='https://example.invalid/x.png'>", "example.invalid"),
    "a script that fails": ("<script src='/static/none/none.js'></script>", "404"),
}


@pytest.mark.parametrize("bad", _BAD)
def test_what_no_page_may_do_is_reported(live: Live, visiting: Visiting, bad: str) -> None:
    content, said = _BAD[bad]

    async def page(_: Asked) -> Response:
        return HTMLResponse(f"<!doctype html><title>bad</title>{content}")

    app: Any = live.server.config.app
    app.router.routes.append(Route("/bad", page))
    try:
        with pytest.raises(AssertionError, match=said), visiting(live) as visit:
            opened = visit.go("/bad")
            expect(opened).to_have_title("bad")  # the script was not run
            opened.wait_for_load_state("networkidle")
    finally:
        app.router.routes.pop()
