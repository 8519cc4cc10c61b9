"""Servers with a plan in which each state of a week occurs, at one moment that is now."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.plans import NOW, staffed
from tests.support.servers import Live, running, settings_in


@pytest.fixture(params=["sqlite", "postgres"])
def both(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Live]:
    """The plan on each store."""
    url = request.getfixturevalue("postgres_url") if request.param == "postgres" else ""
    with running(staffed(settings_in(tmp_path, database_url=url)), clock=lambda: NOW) as live:
        yield live


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """The plan, for tests that change nothing in it."""
    settings = staffed(settings_in(tmp_path_factory.mktemp("staffed")))
    with running(settings, clock=lambda: NOW) as live:
        yield live
