"""Pages over HTTP: what they are made of, what browsers may keep of them, and who may see them."""

import gzip
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from interfaces.http import session_cookie
from interfaces.pages.assets import BUNDLE, asset_url, assets
from interfaces.pages.drawing import Drawer, DrawingFailed, TooManyDrawings
from tests.support.keys import MadeKey, make_key, revoke_key
from tests.support.plans import planned
from tests.support.report_plans import HOSTILE_NAME, NOW, report_plan, wide_plan
from tests.support.servers import Live, running, settings_in, with_sample

PATH = "/reports/role-capacity"
API = "/v1/reports/role-capacity"
PAGES = ("/", PATH, f"{PATH}?layout=together&role_ids=none", "/sign-in")


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    settings = planned(settings_in(tmp_path_factory.mktemp("pages")), report_plan())
    with running(settings, clock=lambda: NOW) as server:
        yield with_sample(server)


@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_html_with_a_strict_policy(live: Live, path: str) -> None:
    answered = live.client.get(path)
    assert answered.status_code == 200, answered.text
    assert answered.headers["content-type"] == "text/html; charset=utf-8"
    policy = answered.headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    text = answered.text
    assert text.startswith('<!doctype html>\n<html lang="en">')
    assert re.search(r"<title>[^<]+ · Capacity Ledger</title>", text)
    assert 'href="#content"' in text
    inline = r"<style|\sstyle=|\son[a-z]+=|javascript:"
    assert not re.search(inline, text.replace("onerror=alert", ""))  # which stands in a name
    scripts = re.findall(r"<script([^>]*)>", text)
    assert all("src=" in each or 'type="application/json"' in each for each in scripts)
    loaded = re.findall(r'(?:src|href)="([^"]+)"', text)
    assert all(each.startswith(("/", "#")) for each in loaded)
    for each in loaded:
        if each.startswith("/static/"):
            assert live.client.get(each).status_code == 200


def test_a_name_stays_text(live: Live) -> None:
    text = live.client.get(f"{PATH}?role_ids=4").text
    assert HOSTILE_NAME not in text
    assert "&lt;/script&gt;&lt;img src=x" in text


def test_files_are_kept_for_ever_under_a_name_of_their_content(live: Live) -> None:
    for name in assets():
        answered = live.client.get(asset_url(name))
        assert answered.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert answered.headers["content-encoding"] == "gzip"
        assert answered.content == assets()[name].body
    plain = live.client.get(asset_url("shell.css"), headers={"accept-encoding": "identity"})
    assert plain.content == gzip.decompress(assets()["shell.css"].packed)
    stale = live.client.get("/static/0123456789abcdef/shell.css")
    assert stale.status_code == 404
    assert "load the page anew" in stale.json()["detail"]
    for name in ("nothing.css", "..%2Fshell.css", "..%2F..%2Fcharts.py"):
        assert live.client.get(f"{asset_url('shell.css').rpartition('/')[0]}/{name}").is_error


def test_the_bundle_is_a_module_that_draws(live: Live) -> None:
    first, second = (live.client.get(asset_url(BUNDLE)) for _ in range(2))
    assert first.headers["content-type"].startswith("text/javascript")
    assert b"as vegaEmbed" in first.content[-200:]
    assert first.content == second.content


def test_a_page_is_sent_again_only_if_it_has_changed(live: Live) -> None:
    first = live.client.get(PATH)
    tag = first.headers["etag"]
    assert first.headers["cache-control"] == "private, no-cache"
    again = live.client.get(PATH, headers={"If-None-Match": tag})
    assert (again.status_code, again.content) == (304, b"")
    assert live.client.get(f"{PATH}?weeks=4", headers={"If-None-Match": tag}).status_code == 200


def test_a_fault_is_a_page_that_names_it(live: Live) -> None:
    answered = live.client.get(f"{PATH}?weeks=5")
    assert answered.status_code == 422
    assert answered.headers["content-type"] == "text/html; charset=utf-8"
    assert "found &#39;5&#39;, one of 4, 8, 12" in answered.text
    missing = live.client.get("/reports/nothing")
    assert (missing.status_code, "There is no" in missing.text or "Not Found" in missing.text) == (
        404,
        True,
    )
    assert live.client.get("/nothing").headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("as_of", ["2026-11-22", "2026-11-31", "9999-12-31", "soon"])
def test_days_that_are_none_are_refused(live: Live, as_of: str) -> None:
    answered = live.client.get(PATH, params={"as_of": as_of})
    assert answered.status_code == 422
    assert "/as_of" in answered.text


def test_a_page_can_look_back(tmp_path: Path) -> None:
    with running(planned(settings_in(tmp_path), report_plan())) as live:
        position = live.service.log.head()
        changed = report_plan()
        changed["assignments"][0]["weekly_hours"] = {}
        planned(live.service.settings, changed)
        query = f"{PATH}?start=2026-11-15&role_ids=1"
        assert "<td>62.0</td>" in live.client.get(f"{query}&as_of={position}").text
        now = live.client.get(f"{query}&after={live.service.log.head()}").text
        assert "<td>62.0</td>" not in now


def test_forty_roles_and_a_year_fit_into_a_page(tmp_path: Path) -> None:
    with running(planned(settings_in(tmp_path), wide_plan(roles=40)), clock=lambda: NOW) as live:
        text = live.client.get(f"{PATH}?weeks=52").text
        assert text.count('<article class="card chart"') == 40
        assert text.count("<tr data-week=") + text.count('<tr class="over" data-week=') == 40 * 52


def test_an_empty_ledger_has_pages_too(tmp_path: Path) -> None:
    with running(settings_in(tmp_path)) as live:
        assert "Nothing is recorded yet" in live.client.get("/").text
        text = live.client.get(PATH).text
        assert "There is no active role yet" in text
        assert "No role is chosen" in text


def test_an_installed_package_has_all_files_of_pages() -> None:
    root = Path(__file__).parents[3]
    declared = tomllib.loads((root / "pyproject.toml").read_text())
    patterns = declared["tool"]["setuptools"]["package-data"]["interfaces.pages"]
    folder = root / "interfaces" / "pages"
    packaged = {path for pattern in patterns for path in folder.glob(pattern)}
    assert packaged == {
        path for each in ("templates", "static") for path in (folder / each).rglob("*")
    }
    assert {path.name for path in folder.glob("static/*")} == set(assets())


# Pictures.


def test_a_picture_has_the_charts_of_its_page(live: Live) -> None:
    svg = live.client.get(f"{PATH}/picture.svg?role_ids=2")
    assert svg.headers["content-type"] == "image/svg+xml"
    assert b"Designer" in svg.content
    assert b"Engineer" not in svg.content
    assert "content-security-policy" in svg.headers
    assert live.client.get(f"{PATH}/picture.gif").status_code == 404


def test_a_picture_that_is_not_drawn_is_told(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    app: Any = live.server.config.app
    monkeypatch.setattr(app.state.drawings._drawer, "_timeout_seconds", 0.01)
    answered = live.client.get(f"{PATH}/picture.svg?role_ids=3")
    assert (answered.status_code, answered.headers["retry-after"]) == (503, "1")
    assert "/problems/drawing-failed" in answered.text
    assert live.client.get("/problems/drawing-failed").status_code == 200


def test_drawing_waits_its_turn_and_says_what_failed() -> None:
    import asyncio

    async def work() -> None:
        drawer = Drawer(waiting=0)
        first = asyncio.create_task(drawer.draw({"mark": "nonsense"}, "svg"))
        await asyncio.sleep(0)
        with pytest.raises(TooManyDrawings):
            await drawer.draw({}, "svg")
        with pytest.raises(DrawingFailed):
            await first
        hasty = Drawer(timeout_seconds=0.01)
        with pytest.raises(DrawingFailed):
            await hasty.draw({"data": {"values": []}, "mark": "point"}, "png")
        await drawer.close()

    asyncio.run(work())


# Who may see them.


@pytest.fixture(scope="module")
def locked_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Live, MadeKey]]:
    folder = tmp_path_factory.mktemp("locked")
    settings = planned(settings_in(folder, keys_fresh_seconds=1e-9), report_plan())
    key = make_key(settings, "read", owner="grace", person_id="2")
    with running(settings, clock=lambda: NOW) as live:
        yield live, key


@pytest.fixture
def locked(locked_server: tuple[Live, MadeKey]) -> tuple[Live, MadeKey]:
    """A server with a key that is a person's, and nobody signed in."""
    locked_server[0].client.cookies.clear()
    return locked_server


def signed_in(live: Live, key: MadeKey, **said: str) -> httpx.Response:
    return live.client.post("/sign-in", data={"key": key.secret, "to": PATH, **said})


def test_who_has_no_key_is_asked_for_it_and_comes_to_the_page(
    locked: tuple[Live, MadeKey],
) -> None:
    live, key = locked
    turned_away = live.client.get(f"{PATH}?weeks=8")
    assert turned_away.status_code == 303
    to = turned_away.headers["location"]
    assert to == "/sign-in?to=%2Freports%2Frole-capacity%3Fweeks%3D8"
    assert f'value="{PATH}?weeks=8"' in live.client.get(to).text
    let_in = signed_in(live, key)
    assert (let_in.status_code, let_in.headers["location"]) == (303, PATH)
    cookie = let_in.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert "Secure" not in cookie
    page = live.client.get(PATH)
    assert page.status_code == 200
    assert "grace" in page.text
    live.client.post("/sign-out")
    assert live.client.get(PATH).status_code == 303


def test_over_https_the_cookie_stays_on_https(locked: tuple[Live, MadeKey]) -> None:
    live, key = locked
    headers = {"x-forwarded-proto": "https"}
    answered = live.client.post("/sign-in", data={"key": key.secret}, headers=headers)
    assert "Secure" in answered.headers["set-cookie"]


@pytest.mark.parametrize(
    "to", ["https://example.invalid/", "//example.invalid", "/\\example.invalid", "/a\nb", "x"]
)
def test_signing_in_leads_nowhere_else(locked: tuple[Live, MadeKey], to: str) -> None:
    live, key = locked
    assert signed_in(live, key, to=to).headers["location"] == "/"


def test_a_wrong_key_is_told_and_a_revoked_one_shut_out(locked: tuple[Live, MadeKey]) -> None:
    live, _ = locked
    key = make_key(live.service.settings, "read")
    unknown = live.client.post("/sign-in", data={"key": "cap_" + "A" * 43})
    assert (unknown.status_code, "not known here" in unknown.text) == (401, True)
    garbage = live.client.post("/sign-in", data={"key": "hello"})
    assert (garbage.status_code, "This is no key" in garbage.text) == (422, True)
    assert "set-cookie" not in unknown.headers.keys() | garbage.headers.keys()
    signed_in(live, key)
    revoke_key(live.service.settings, key)
    turned_away = live.client.get(PATH)
    assert turned_away.headers["location"].endswith("why=key-revoked")
    assert "This key was revoked" in live.client.get(turned_away.headers["location"]).text


def test_another_site_signs_nobody_in(locked: tuple[Live, MadeKey]) -> None:
    live, key = locked
    headers = {"sec-fetch-site": "cross-site"}
    answered = live.client.post("/sign-in", data={"key": key.secret}, headers=headers)
    assert answered.status_code == 403
    assert "set-cookie" not in answered.headers


COMMAND = "/v1/lines/sbus/scenarios/overlap_only"


def test_a_cookie_changes_nothing(tmp_path: Path) -> None:
    settings = settings_in(tmp_path, keys_fresh_seconds=1e-9)
    key = make_key(settings, "read", "write")
    with running(settings) as live:
        signed_in(live, key)
        assert live.client.get("/v1/lines").status_code == 200
        assert live.client.post(COMMAND).status_code == 401


def test_a_cookie_would_change_things_if_it_did_not_only_look(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control of the test above."""
    monkeypatch.setattr(session_cookie, "_LOOKS", ("GET", "HEAD", "POST"))
    settings = settings_in(tmp_path, keys_fresh_seconds=1e-9)
    key = make_key(settings, "read", "write")
    with running(settings) as live:
        signed_in(live, key)
        assert live.client.post(COMMAND).status_code == 404  # let in: there is no such line


def test_a_page_shows_a_persons_vertical_alone(locked: tuple[Live, MadeKey]) -> None:
    live, key = locked
    signed_in(live, key)
    text = live.client.get(f"{PATH}?vertical=1").text
    assert '<span class="fixed" id="vertical">Buildings</span>' in text
    assert "Halls" in text
    assert "Roofs" not in text
    assert "Grace" in text
    assert "Ada" not in text
    assert live.client.get(f"{PATH}/people/1").status_code == 404
    by_api = live.client.get(API, params={"vertical": 1}, headers=key.headers).json()
    capacity = sum(each["capacity"][0] for each in by_api["series"])
    everything: Any = report_plan()["people"]
    assert capacity < sum(each.get("weekly_capacity", 36) for each in everything)
    assert f"<td>{by_api['series'][0]['capacity'][0]:.1f}</td>" in text
