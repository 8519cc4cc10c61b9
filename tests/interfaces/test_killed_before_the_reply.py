"""The server is killed between commit and reply: the retry hears the first reply, byte for byte."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from interfaces.settings import Settings
from tests.support.programs import Program
from tests.support.servers import MATCHES, SCENARIO, SUPPLIER, running, settings_in, with_sample

OTHER = "iSoalr"
KEY = {"Idempotency-Key": "once"}
REQUESTS: dict[str, tuple[str, str, Any]] = {
    "book": ("POST", MATCHES, {"registration_id": "R-2", "supplier_id": SUPPLIER}),
    "a list": (
        "POST",
        MATCHES,
        [{"registration_id": "R-2", "supplier_id": SUPPLIER}, {"registration_id": "R-3"}],
    ),
    "release": ("DELETE", f"{MATCHES}/R-1", None),
    "reset": ("POST", f"{SCENARIO}/reset", None),
    "a refusal": ("POST", MATCHES, {"registration_id": "R-1", "supplier_id": OTHER}),
}


@pytest.fixture(params=["sqlite", "postgres"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Settings]:
    """A ledger in which R-1 is booked."""
    url = request.getfixturevalue("postgres_url") if request.param == "postgres" else ""
    found = settings_in(tmp_path, database_url=url)
    with running(found) as live:
        assert with_sample(live).book("R-1").status_code == 201
    yield found


def killed_while_asking(settings: Settings, folder: Path, name: str, **headers: str) -> bytes:
    """Ask a server that dies before it answers; return the answer that nobody got."""
    file = folder / "answer"
    program = Program(folder, settings.database_url)
    method, path, body = REQUESTS[name]
    with subprocess.Popen(
        [sys.executable, "-m", "tests.support.dying_server", str(file)],
        cwd=folder,
        env=program.environment,
        stderr=subprocess.PIPE,
    ) as server:
        try:
            url = f"http://127.0.0.1:{_port(server)}{path}"
            with pytest.raises(httpx.RemoteProtocolError):
                httpx.request(
                    method, url, json=body, headers={"Die": "please"} | headers, timeout=30
                )
            assert server.wait(30) == -9
        finally:
            server.kill()
    return file.read_bytes()


def _port(server: subprocess.Popen[bytes]) -> int:
    assert server.stderr is not None
    said = b""
    for line in server.stderr:
        said += line
        if found := re.search(rb"running on http://127\.0\.0\.1:(\d+)", line):
            return int(found[1])
    raise AssertionError(said)


def events(live: Any) -> list[tuple[str, int]]:
    return [(each["topic"], each["position"]) for each in live.events()]


@pytest.mark.parametrize("name", REQUESTS)
def test_the_retry_hears_the_first_reply(settings: Settings, tmp_path: Path, name: str) -> None:
    first = killed_while_asking(settings, tmp_path, name, **KEY)
    method, path, body = REQUESTS[name]
    with running(settings) as live:
        before = events(live)
        again = live.client.request(method, path, json=body, headers=KEY)
        assert again.content == first
        assert again.headers["idempotency-replayed"] == "true"
        assert int(again.headers["capacity-position"]) <= before[-1][1]
        assert events(live) == before


def test_without_a_key_the_retry_is_another_request(settings: Settings, tmp_path: Path) -> None:
    """The negative control: the reply is kept with the key, and only with it."""
    first = killed_while_asking(settings, tmp_path, "reset")
    method, path, body = REQUESTS["reset"]
    with running(settings) as live:
        before = events(live)
        again = live.client.request(method, path, json=body)
        assert again.content != first
        assert len(events(live)) > len(before)
