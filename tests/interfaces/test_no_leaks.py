"""Secrets never reach a log: the search over the whole run finds them, and there are none."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import psycopg
import pytest
import structlog
from starlette.responses import Response

from interfaces.http.asked import Asked
from interfaces.http.routes import Route
from interfaces.identity import fresh_secret
from interfaces.logs import log_to_stderr
from interfaces.settings import Settings
from tests.support.keys import MadeKey, make_key
from tests.support.leaks import PASSWORD, Leaked, check_no_leak, leaks
from tests.support.programs import Program
from tests.support.servers import running, settings_in

# The search itself.

LEAKING = """
import logging, sys
import structlog
from tests.support.leaks import pytest_runtest_makereport

SECRET = "cap_" + 43 * "x"

def test_structlog():
    structlog.get_logger().warning("refused", header="Bearer " + SECRET)

def test_logging():
    logging.getLogger("x").error("postgresql://me:%s@host/db", "geheim-hunter2")

def test_stderr():
    print(SECRET, file=sys.stderr)

def test_clean():
    structlog.get_logger().warning("refused", key_id="7", url="postgresql://me:***@host/db")
    print("cap_short")
"""


def test_the_search_finds_what_leaks_whatever_way_it_takes(tmp_path: Path) -> None:
    """The negative control of the search over the whole run."""
    (tmp_path / "conftest.py").write_text(
        "from tests.support.leaks import pytest_runtest_makereport\n"
    )
    (tmp_path / "test_leaking.py").write_text(LEAKING)
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-rA", "--no-header", tmp_path],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(Path.cwd())},
        check=False,
    )
    found = {name: outcome for outcome, name in re.findall(_OUTCOME, ran.stdout, re.M)}
    assert found == {
        "test_structlog": "FAILED",
        "test_logging": "FAILED",
        "test_stderr": "FAILED",
        "test_clean": "PASSED",
    }, ran.stdout


_OUTCOME = r"^(PASSED|FAILED) \S*::(test_\w+)"


def test_what_is_found_is_not_told_once_more() -> None:
    secret = fresh_secret()
    assert leaks(f"x {secret} y") == [f"{secret[:6]}..."]
    with pytest.raises(Leaked) as caught:
        check_no_leak(secret, "a log")
    assert secret not in str(caught.value)


# The program.


async def _boom(asked: Asked) -> Response:
    authorization = asked.headers["authorization"]
    raise RuntimeError(f"failed with a header of {len(authorization)} characters")


def _log_of_a_failure(tmp_path: Path, capfd: Any) -> tuple[str, MadeKey]:
    settings = settings_in(tmp_path)
    key = make_key(settings)
    with running(settings) as live:
        live.server.config.app.router.routes.append(Route("/boom", _boom))  # type: ignore[union-attr] # ours
        assert live.client.get("/boom", headers=key.headers).status_code == 500
    return capfd.readouterr().err, key


def test_a_failure_is_logged_without_its_variables(tmp_path: Path, capfd: Any) -> None:
    log, key = _log_of_a_failure(tmp_path, capfd)
    assert "RuntimeError: failed with a header of 54 characters" in log
    assert key.secret not in log


def test_the_library_s_own_choice_would_tell_the_secret(tmp_path: Path, capfd: Any) -> None:
    """The negative control: with local variables in its tracebacks, it stands there."""
    structlog.configure(
        processors=[structlog.dev.ConsoleRenderer(colors=False)],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    try:
        log, key = _log_of_a_failure(tmp_path, capfd)
    finally:
        log_to_stderr()
    assert key.secret in log


def test_settings_are_shown_without_the_database() -> None:
    settings = Settings(database_url=f"postgresql://me:{PASSWORD}@host/db")
    assert PASSWORD not in repr(settings)
    assert PASSWORD not in str(settings)


@pytest.fixture
def with_password(postgres_url: str) -> str:
    """An address that holds a password; our own server asks for none, and takes any."""
    address = urlsplit(postgres_url)
    if address.password:
        return postgres_url
    host = address.netloc.rpartition("@")[2]
    return address._replace(netloc=f"{address.username}:{PASSWORD}@{host}").geturl()


def test_a_server_in_trouble_tells_no_secret(
    tmp_path: Path, with_password: str, postgres_url: str
) -> None:
    program = Program(tmp_path, with_password)
    program.ok("migrate")
    made = json.loads(program.ok("keys", "create", "--owner", "x", "--scope", "read", "--json"))
    headers = {"Authorization": f"Bearer {made['secret']}"}
    with program.running("serve", "--port", "0") as server:
        assert server.stderr is not None
        port, said = _port(server)
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
            assert client.get("/v1/lines", headers=headers).status_code == 200
            assert client.get(f"/{made['secret']}").status_code == 401
            _cut_all_connections(postgres_url)
            client.get("/v1/events", headers=headers)
        server.terminate()
        said += server.stderr.read().decode()
    assert "Finished server process" in said
    check_no_leak(said, "the server's log")


def _cut_all_connections(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


def _port(server: Any) -> tuple[int, str]:
    said = ""
    for line in server.stderr:
        said += line.decode()
        if found := re.search(r"running on http://127\.0\.0\.1:(\d+)", said):
            return int(found[1]), said
    raise AssertionError(said)
