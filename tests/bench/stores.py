"""The databases of a benchmark run: a PostgreSQL with fsync on, and SQLite files on disk."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from interfaces.service import migrate_ledger
from interfaces.settings import Settings
from tests.support.postgres import PostgresServer, running_server


@dataclass(frozen=True, slots=True)
class Stores:
    """Makes fresh databases, each for one measurement."""

    server: PostgresServer
    folder: Path

    def settings(self, kind: str) -> Settings:
        """Return settings for an empty, migrated ledger: `pg` or `sqlite`."""
        home = Path(tempfile.mkdtemp(dir=self.folder))
        settings = Settings(
            database_url=self.server.create_database() if kind == "pg" else "",
            ledger_file=home / "capacity.db",
            views_file=home / "capacity.views.db",
            data_dir=home / "data",
        )
        migrate_ledger(settings)
        return settings

    def stock_environment(self, kind: str) -> dict[str, str]:
        """Return the environment of a stock application on an empty database."""
        if kind == "sqlite":
            path = Path(tempfile.mkdtemp(dir=self.folder)) / "stock.db"
            return {"PERSISTENCE_MODULE": "eventsourcing.sqlite", "SQLITE_DBNAME": str(path)}
        url = self.server.create_database()
        name, _, host = url.removeprefix("postgresql://postgres@/").partition("?host=")
        return {
            "PERSISTENCE_MODULE": "eventsourcing.postgres",
            "POSTGRES_DBNAME": name,
            "POSTGRES_HOST": host,
            "POSTGRES_PORT": "5432",
            "POSTGRES_USER": "postgres",
            "POSTGRES_PASSWORD": "",
            "POSTGRES_POOL_SIZE": "20",
            "POSTGRES_MAX_OVERFLOW": "20",
        }


@contextmanager
def bench_stores() -> Iterator[Stores]:
    """Start a durable PostgreSQL and a folder for SQLite; remove both afterwards."""
    with (
        running_server(fsync=True) as server,
        tempfile.TemporaryDirectory(prefix="capacity-bench-") as folder,
    ):
        yield Stores(server, Path(folder))
