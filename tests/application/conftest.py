"""Every suite of the ledger runs on both stores."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.ledgers import migrated, query
from tests.support.postgres import PostgresServer

STORES = ["sqlite", "postgresql"]


@pytest.fixture(params=STORES)
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database without tables, which is this test's own."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'capacity.db'}"
    found: str = request.getfixturevalue("postgres_url")
    return found


@pytest.fixture(params=STORES)
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty ledger; what changes its schema takes `empty_url` and migrates."""
    if request.param == "sqlite":
        file = tmp_path / "capacity.db"
        shutil.copyfile(request.getfixturevalue("migrated_file"), file)
        return f"sqlite:///{file}"
    url: str = request.getfixturevalue("shared_url")
    query(
        url,
        "SET lock_timeout = '10s'; "
        "TRUNCATE stored_events, append_groups, replies, snapshots, person_keys RESTART IDENTITY",
    )
    return url


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty ledger, for copying: it takes a tenth of the time of migrating."""
    file = tmp_path_factory.mktemp("migrated") / "capacity.db"
    migrated(f"sqlite:///{file}")
    return file


@pytest.fixture(scope="session")
def shared_url(postgres_server: PostgresServer) -> Iterator[str]:
    """A ledger that test after test empties: it takes a tenth of the time of making one."""
    url = postgres_server.create_database()
    yield migrated(url)
    postgres_server.drop_database(url)
