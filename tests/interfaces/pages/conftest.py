"""A ledger on each store, for tests of one file to share."""

from collections.abc import Iterator

import pytest

from interfaces.settings import Settings
from tests.support.servers import settings_in


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def each_store(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Settings]:
    """The settings of an empty ledger, once on each store."""
    folder = tmp_path_factory.mktemp(request.param)
    if request.param == "sqlite":
        yield settings_in(folder)
        return
    with request.getfixturevalue("postgres_server").lent_database() as url:
        yield settings_in(folder, database_url=url)
