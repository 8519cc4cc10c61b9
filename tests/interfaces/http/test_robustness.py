"""The server stays up and honest: clients that leave, parts that stop, hosts it must not serve."""

import asyncio
import json
import re
import socket
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.responses import Response

from interfaces.demo import LINE
from interfaces.http.app import create_app
from interfaces.http.asked import Asked
from interfaces.http.routes import Route
from interfaces.http.server import NotLoopback, serve, server_config
from interfaces.identity import fresh_id
from interfaces.settings import Settings

MATCHES = f"/v1/lines/{LINE}/scenarios/overlap_only/matches"
SUPPLIER = "All Energy Solar"


def _request(registration_id: str) -> bytes:
    body = json.dumps({"registration_id": registration_id, "supplier_id": SUPPLIER}).encode()
    head = f"POST {MATCHES} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


def _wait_until_told_of_a_client_that_left(live: Any) -> None:
    """Return when the server has noticed a request of matches that was cut; status 0 counts it."""
    give_up_at = time.monotonic() + 10
    while not re.search(
        r'capacity_request_seconds_count{.*matches",status="0"} [1-9]', _text(live)
    ):
        assert time.monotonic() < give_up_at, "no request was cut"
        time.sleep(0.02)


def _text(live: Any) -> str:
    text: str = live.client.get("/metrics").text
    return text


def test_a_client_that_leaves_is_booked_once_or_not_at_all(start: Any, load_sample: Any) -> None:
    with start() as live:
        load_sample(live)
        for number in range(30):
            whole = _request(f"whole-{number}")
            for text in (whole, _request(f"half-{number}")[:-10]):
                with socket.create_connection(("127.0.0.1", live.port)) as left:
                    left.sendall(text)
        with socket.create_connection(("127.0.0.1", live.port)) as left:
            left.sendall(_request("whole-stored"))
            left.recv(1)  # the answer has begun: it is stored, and nobody reads the rest
        _wait_until_told_of_a_client_that_left(live)
        assert live.book("R-after").status_code == 201
        assert live.client.get("/readyz").status_code == 200
    with start() as live:  # stopped in between: whatever was under way has come to its end
        booked = [each["data"]["registration_id"] for each in live.events(topic="suppliers.booked")]
        assert len(booked) == len(set(booked))
        assert {"whole-stored", "R-after"} <= set(booked)
        assert not [each for each in booked if each.startswith("half")]
        assert live.used() == len(booked)
        again = live.book("whole-0")
        assert again.json()["status"] == ("already_booked" if "whole-0" in booked else "booked")


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "example.org", ""])
def test_it_listens_on_this_machine_alone(host: str) -> None:
    with pytest.raises(NotLoopback, match="no active key"):
        serve(Settings(host=host))


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_loopback_has_many_names(host: str) -> None:
    assert server_config(Settings(host=host)).host == host


def test_the_server_is_not_ready_without_its_projector(live: Any) -> None:
    assert live.client.get("/readyz").json()["projector"] == "ok"
    live.service.projector.stop()
    answered = live.client.get("/readyz")
    assert (answered.status_code, answered.json()["status"]) == (503, "not ready")
    assert live.client.get("/healthz").status_code == 200
    # As it leaves it when it stops by itself.
    live.service.projector._follower.failure = "disk full"
    assert live.client.get("/readyz").json()["projector"] == "failing: disk full"


def test_a_server_without_a_projector_is_ready(start: Any, load_sample: Any) -> None:
    with start(projector=None) as live:
        load_sample(live)
        assert live.client.get("/readyz").json()["projector"] == "elsewhere"
        position = live.book("R-1").headers["capacity-position"]
        live.service.projector.catch_up()
        shown = live.client.get(f"{MATCHES}/R-1", params={"after": position})
        assert shown.status_code == 200


def test_a_ledger_that_is_closed_answers_503_and_says_try_again(live: Any) -> None:
    ledger = live.service.ledger
    loop = ledger._committer._task.get_loop()
    asyncio.run_coroutine_threadsafe(ledger._committer.close(), loop).result()
    refused = live.book("R-1")
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
    assert refused.json()["type"] == "/problems/ledger-unavailable"
    assert refused.json()["retryable"] is True


def test_metrics_can_be_read(live: Any) -> None:
    position = live.book("R-1").headers["capacity-position"]
    live.client.get("/v1/lines", params={"after": position})
    text = live.client.get("/metrics").text
    found = {
        sample.name: sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if not sample.labels or sample.labels.get("projection")
    }
    assert found["capacity_ledger_head_position"] == int(position)
    assert found["capacity_projection_lag_events"] == 0
    assert found["capacity_projection_lag_seconds"] == 0
    assert found["capacity_ledger_up"] == 1
    assert found["capacity_ledger_queue"] == 0
    assert 'route="/v1/lines/{line}/scenarios/{scenario}/matches",status="201"' in text


async def _boom(asked: Asked) -> Response:
    raise RuntimeError("the secret of the inside")


def test_an_unforeseen_error_tells_nothing_of_the_inside(tmp_path: Path) -> None:
    app = create_app(Settings(ledger_file=tmp_path / "x.db", views_file=tmp_path / "y.db"))
    app.router.routes.append(Route("/boom", _boom))

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
            return await client.get("/boom")

    answered = asyncio.run(ask())
    assert answered.status_code == 500
    assert answered.headers["content-type"] == "application/problem+json"
    assert answered.json()["instance"] == f"urn:uuid:{answered.headers['x-request-id']}"
    assert "secret" not in answered.text
    assert list(tmp_path.iterdir()) == []  # and nothing is opened before the start


def test_ids_are_random_and_well_formed() -> None:
    ids = {fresh_id() for _ in range(1_000)}
    assert len(ids) == 1_000
    assert {(each.version, each.variant) for each in ids} == {(4, "specified in RFC 4122")}
