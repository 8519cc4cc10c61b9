"""Servers for the tests of the HTTP door: each test's own, or one that nobody changes."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from interfaces.service import Follow
from interfaces.settings import Settings
from tests.support.servers import Live, running, settings_in, with_sample

# A look at the keys before each request: then nothing depends on the time.
ALWAYS_FRESH = {"keys_fresh_seconds": 1e-9}


@pytest.fixture(params=["sqlite", "postgres"])
def both(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Live]:
    """The sample line on each store."""
    url = request.getfixturevalue("postgres_url") if request.param == "postgres" else ""
    with running(settings_in(tmp_path, database_url=url)) as live:
        yield with_sample(live)


@pytest.fixture(params=["sqlite", "postgres"])
def locked(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Live]:
    """The same, where keys are looked at before each request."""
    url = request.getfixturevalue("postgres_url") if request.param == "postgres" else ""
    with running(settings_in(tmp_path, database_url=url, **ALWAYS_FRESH)) as live:
        yield with_sample(live)


def settings_of(live: Live) -> Settings:
    """Return by what a server goes."""
    return live.service.settings


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Live]:
    """The sample line, this test's own."""
    with running(settings_in(tmp_path)) as live:
        yield with_sample(live)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """The sample line, for tests that change nothing in it."""
    settings = settings_in(tmp_path_factory.mktemp("shared"), body_bytes=200_000)
    with running(settings) as live:
        yield with_sample(live)


@pytest.fixture
def start(tmp_path: Path) -> Callable[..., Any]:
    """Start a server on this test's own files; again, to restart it."""

    def started(*, projector: Follow | None = "threads", **changes: Any) -> Any:
        return running(settings_in(tmp_path, **changes), projector=projector)

    return started


@pytest.fixture
def load_sample() -> Callable[[Live], Live]:
    """Publish the sample offers on a server that was started, and open the scenario."""
    return with_sample


@pytest.fixture(scope="session")
def run_server() -> Callable[..., Any]:
    """Start a server with the sample line, on files in a folder."""

    @contextmanager
    def run(folder: Path, **changes: Any) -> Iterator[Live]:
        with running(settings_in(folder, **changes)) as live:
            yield with_sample(live)

    return run
