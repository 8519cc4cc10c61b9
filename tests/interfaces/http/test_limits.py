"""How much one caller may ask for, how long an answer may take, and what a browser is told."""

import asyncio
import socket
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from time import perf_counter
from typing import Any

import httpx
import pytest
from starlette.responses import HTMLResponse, Response, StreamingResponse

from interfaces.http.app import create_app
from interfaces.http.asked import Asked
from interfaces.http.routes import Route
from interfaces.http.time_limits import TimeLimits
from interfaces.settings import Settings
from tests.support.gated_store import Gate
from tests.support.keys import make_key
from tests.support.servers import (
    MATCHES,
    SCENARIO,
    SUPPLIER,
    Live,
    running,
    settings_in,
    with_sample,
)

FRESH = {"keys_fresh_seconds": 1e-9}


def status_codes(live: Live, times: int, **options: Any) -> list[int]:
    return [live.client.get("/v1/lines", **options).status_code for _ in range(times)]


def test_a_key_that_asks_too_much_waits_and_no_other(tmp_path: Path) -> None:
    settings = settings_in(tmp_path, rate_read="3/day", **FRESH)
    with running(settings) as live:
        with_sample(live)
        greedy, modest = make_key(settings), make_key(settings)
        assert status_codes(live, 4, headers=greedy.headers) == [200, 200, 200, 429]
        assert status_codes(live, 1, headers=modest.headers) == [200]
        assert live.book("R-1", headers=greedy.headers).status_code == 201  # writes are another
        late = live.client.get("/v1/lines", headers=greedy.headers)
        assert 1 <= int(late.headers["retry-after"]) <= 86_400
        assert late.json()["type"] == "/problems/too-many-requests"
        assert late.json()["retryable"] is True
        assert "3/day requests of the kind read" in late.json()["detail"]


def test_without_a_limit_nobody_waits(tmp_path: Path) -> None:
    """The negative control."""
    settings = settings_in(tmp_path, rate_read="", **FRESH)
    with running(settings) as live:
        key = make_key(settings)
        assert status_codes(live, 8, headers=key.headers) == [200] * 8


def test_a_request_of_many_commands_has_a_limit_of_its_own(tmp_path: Path) -> None:
    settings = settings_in(tmp_path, rate_batch="1/day", **FRESH)
    with running(settings) as live:
        with_sample(live)
        key = make_key(settings)
        body = [{"registration_id": "R-1", "supplier_id": SUPPLIER}]
        answers = [
            live.client.post(MATCHES, json=body, headers=key.headers).status_code for _ in range(2)
        ]
        assert answers == [200, 429]
        chosen = live.client.post(f"{SCENARIO}/choose", json=[], headers=key.headers)
        assert chosen.status_code == 429
        assert live.book("R-2", headers=key.headers).status_code == 201


def test_who_sends_no_key_again_and_again_is_told_to_wait(tmp_path: Path) -> None:
    settings = settings_in(tmp_path, rate_refused="2/day", **FRESH)
    with running(settings) as live:
        key = make_key(settings)
        assert status_codes(live, 3) == [401, 401, 429]
        assert status_codes(live, 3, headers=key.headers) == [200, 200, 200]


@pytest.mark.parametrize(("rate_local", "last"), [(False, 200), (True, 429)])
def test_without_keys_this_machine_is_limited_only_if_that_is_asked_for(
    tmp_path: Path, rate_local: bool, last: int
) -> None:
    with running(settings_in(tmp_path, rate_read="2/day", rate_local=rate_local)) as live:
        assert status_codes(live, 3) == [200, 200, last]


@pytest.mark.parametrize("text", ["many", "0/second", "3/fortnight", "-1/second", "3 / second"])
def test_a_rate_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="rate_read"):
        Settings(rate_read=text)


# Time.


def test_a_late_command_is_answered_and_not_withdrawn(tmp_path: Path) -> None:
    """It is stored all the same, and the same key hears what became of it."""
    with running(settings_in(tmp_path, request_seconds=0.2)) as live:
        with_sample(live)
        key = {"Idempotency-Key": "once"}
        with held_writes(live):
            late = live.book("R-1", headers=key)
            assert late.status_code == 503
            assert late.json()["type"] == "/problems/request-timed-out"
            assert late.json()["retryable"] is True
            assert late.headers["retry-after"] == "1"
        _until_booked(live)
        again = live.book("R-1", headers=key)
        assert (again.status_code, again.json()["status"]) == (201, "booked")
        assert again.headers["idempotency-replayed"] == "true"
        assert len(live.events(topic="suppliers.booked")) == 1


def test_without_the_limit_it_would_wait(tmp_path: Path) -> None:
    """The negative control: what is held is answered only when it is let go."""
    with running(settings_in(tmp_path, request_seconds=30)) as live:
        with_sample(live)
        with held_writes(live) as let_go:
            threading.Timer(0.3, let_go).start()
            assert live.book("R-1").status_code == 201


class held_writes:  # noqa: N801 - read as a verb: with held_writes(live)
    """Hold every write of a server's ledger until the block ends, or somebody lets go."""

    def __init__(self, live: Live) -> None:
        self._store = live.service.ledger.store
        self._loop = live.service.ledger._committer._task.get_loop()  # type: ignore[union-attr] # it runs
        self._gate: Gate = asyncio.run_coroutine_threadsafe(_closed_gate(), self._loop).result()
        self._append = self._store.append

    def __enter__(self) -> Any:
        async def append(batch: Any) -> int:
            await self._gate()
            return await self._append(batch)

        self._store.append = append  # type: ignore[method-assign] # passes on to the real one
        return self.let_go

    def __exit__(self, *_: object) -> None:
        self.let_go()

    def let_go(self) -> None:
        self._loop.call_soon_threadsafe(self._gate.open)


async def _closed_gate() -> Gate:
    gate = Gate()
    gate.close()
    return gate


def _until_booked(live: Live) -> None:
    for _ in range(500):
        if live.events(topic="suppliers.booked"):
            return
    raise AssertionError("the late command was not stored")


def test_a_body_that_never_ends_is_not_waited_for(tmp_path: Path) -> None:
    with (
        running(settings_in(tmp_path, request_seconds=0.2)) as live,
        socket.create_connection(("127.0.0.1", live.port), timeout=30) as client,
    ):
        head = f"POST {MATCHES} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        client.sendall(f"{head}Content-Length: 100\r\n\r\n{{".encode())
        assert client.recv(65_536).startswith(b"HTTP/1.1 503")


LONG_SECONDS = 0.4


async def _slow_to_begin(asked: Asked) -> Response:
    await asyncio.sleep(LONG_SECONDS)
    return Response(b"late")


async def _slow_to_end(asked: Asked) -> Response:
    async def parts() -> AsyncIterator[bytes]:
        yield b"first, "
        await asyncio.sleep(LONG_SECONDS)
        yield b"last"

    return StreamingResponse(parts())


def test_only_the_beginning_of_an_answer_has_a_limit(tmp_path: Path) -> None:
    with running(settings_in(tmp_path, request_seconds=0.1)) as live:
        routes = live.server.config.app.router.routes  # type: ignore[union-attr] # ours
        routes += [Route("/begin", _slow_to_begin), Route("/end", _slow_to_end)]
        assert live.client.get("/begin").status_code == 503
        assert live.client.get("/end").text == "first, last"
        assert live.client.get("/healthz").status_code == 200


def test_requests_are_late_in_their_order_and_nothing_of_them_stays() -> None:
    async def late() -> list[str]:
        times, told = TimeLimits(0.05), []

        async def request(name: str, *, seconds: float) -> None:
            task = times.begin(perf_counter())
            try:
                await asyncio.sleep(seconds)
                told.append(f"{name} answered")
            except asyncio.CancelledError:
                assert times.was_late(task)
                told.append(f"{name} late")
            finally:
                times.end(task)

        async with asyncio.TaskGroup() as requests:
            for name, seconds in (("a", 30), ("b", 0), ("c", 30)):
                requests.create_task(request(name, seconds=seconds))
        assert not (times._begun or times._late)
        return told

    assert asyncio.run(late()) == ["b answered", "a late", "c late"]


def test_who_is_cancelled_by_another_is_not_late() -> None:
    async def cancelled() -> bool:
        times = TimeLimits(30)
        begun = asyncio.Event()

        async def request() -> bool:
            task = times.begin(perf_counter())
            begun.set()
            try:
                await asyncio.sleep(30)
            except asyncio.CancelledError:
                return times.was_late(task)
            return True

        task = asyncio.create_task(request())
        await begun.wait()
        task.cancel()
        return await task

    assert asyncio.run(cancelled()) is False


# Headers for browsers.


async def _page(asked: Asked) -> Response:
    return HTMLResponse("<p>Hello")


async def _page_with_a_policy(asked: Asked) -> Response:
    return HTMLResponse("<p>Hello", headers={"Content-Security-Policy": "default-src 'none'"})


def _asked(tmp_path: Path, path: str) -> httpx.Response:
    app = create_app(Settings(ledger_file=tmp_path / "x.db", views_file=tmp_path / "y.db"))
    app.router.routes.append(Route("/page", _page))
    app.router.routes.append(Route("/strict", _page_with_a_policy))

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
            return await client.get(path)

    return asyncio.run(ask())


def test_a_page_takes_everything_from_here_and_is_framed_nowhere(tmp_path: Path) -> None:
    headers = _asked(tmp_path, "/page").headers
    policy = headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-content-type-options"] == "nosniff"


def test_a_page_may_be_stricter(tmp_path: Path) -> None:
    found = _asked(tmp_path, "/strict").headers.get_list("content-security-policy")
    assert found == ["default-src 'none'"]


def test_no_answer_is_taken_for_what_it_is_not(tmp_path: Path) -> None:
    for path in ("/healthz", "/nowhere", "/openapi.json"):
        headers = _asked(tmp_path, path).headers
        assert headers["x-content-type-options"] == "nosniff"
