"""What every test may ask for, and what none may do: reach beyond this machine."""

import gc
import ipaddress
import os
import sys
from collections.abc import Iterator
from typing import Any

import hypothesis
import pytest

from interfaces.logs import log_to_stderr
from tests.support.leaks import pytest_runtest_makereport
from tests.support.postgres import PostgresServer, running_server

__all__ = ["pytest_runtest_makereport"]  # looks for secrets in whatever a test has logged

# Tests log as the program does.
log_to_stderr()

# A test is never timed: a busy machine must not turn it red.
hypothesis.settings.register_profile("house", deadline=None)
hypothesis.settings.load_profile("house")


def pytest_collection_finish() -> None:
    """Keep what pytest holds out of every server's garbage collection: each start cost 0.2 s."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Two processes more than there are cores, as tests wait for servers and other programs."""
    # What a container may use; not every system says it.
    allowed = getattr(os, "sched_getaffinity", lambda _: range(os.cpu_count() or 1))
    return len(allowed(0)) + 2


class ReachesBeyondThisMachine(RuntimeError):
    """A test tried to connect to, or look up, something that is not on loopback."""


def _is_local(host: object) -> bool:
    if isinstance(host, bytes):
        host = host.decode()
    if host in (None, "", "localhost"):
        return True
    try:
        address = ipaddress.ip_address(str(host))
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


def _refuse_other_machines(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "socket.getaddrinfo":
        host = arguments[0]
    elif event in ("socket.connect", "socket.sendto") and isinstance(arguments[1], tuple):
        host = arguments[1][0]  # a Unix socket's address is no tuple
    else:
        return
    if not _is_local(host):
        raise ReachesBeyondThisMachine(f"{event}: {host} is not this machine")


# An audit hook sees every socket that Python opens, so that nothing needs to be patched.
sys.addaudithook(_refuse_other_machines)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A PostgreSQL that forgets on power loss, which is all that tests need."""
    with running_server(fsync=False) as server:
        yield server


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> Iterator[str]:
    """The URL of an empty database which is this test's own."""
    with postgres_server.lent_database() as url:
        yield url
