"""Primary keys and indexes of tables that were filled without them: made last, side by side.

PostgreSQL makes several at a time, also of one table. SQLite has one who writes, which sorts in
threads of its own.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from functools import partial
from typing import Any

from sqlalchemy import Connection, Engine, Index, Table, func, inspect, select

from projections.beside import table_beside


class Indexing:
    """Makes what the tables of one rebuild lack; what an earlier try has made is kept."""

    def __init__(self, engine: Engine, rebuild_id: str, *, jobs: int) -> None:
        self._engine, self._rebuild_id, self._jobs = engine, rebuild_id, jobs
        self._in_postgres = engine.dialect.name == "postgresql"
        self._workers = ThreadPoolExecutor(jobs if self._in_postgres else 1, "indexing")
        self._making: dict[Future[None], Table] = {}
        self._settling: list[Future[None]] = []

    @property
    def is_parallel(self) -> bool:
        """Whether indexes can be made while somebody else writes."""
        return self._in_postgres and self._jobs > 1

    def begin(self, tables: Sequence[Table]) -> None:
        """Have indexes made of tables that have all of their rows, the largest first."""
        for table in self._largest_first([table_beside(each, self._rebuild_id) for each in tables]):
            making = [partial(self._make_key, table)] if self._in_postgres else []
            making += [partial(self._make, index) for index in _by_name(table.indexes)]
            self._making |= {self._workers.submit(each): table for each in making}

    def finish(self) -> Iterator[tuple[int, int]]:
        """Yield how many are made, of how many, until all are."""
        left = Counter(self._making.values())
        for done, made in enumerate(as_completed(self._making)):
            yield done, len(self._making)
            made.result()
            left[table := self._making[made]] -= 1
            if self._in_postgres and not left[table]:
                self._settling.append(self._workers.submit(self._settle, table))
        for settled in self._settling:
            settled.result()
        yield len(self._making), len(self._making)

    def end(self) -> None:
        """Wait for what is being made, and make no more."""
        self._workers.shutdown(cancel_futures=True)

    def _largest_first(self, tables: list[Table]) -> list[Table]:
        if not self._in_postgres:
            return tables
        with self._engine.connect() as connection:
            sizes: dict[Table, int] = {
                table: connection.scalar(select(func.pg_relation_size(table.name))) or 0
                for table in tables
            }
        return sorted(tables, key=lambda table: sizes[table], reverse=True)

    def _make(self, index: Index) -> None:
        with self._engine.begin() as connection, _sorting_in_threads(connection, self._jobs):
            index.create(connection, checkfirst=True)  # unless it is for the other store alone

    def _make_key(self, table: Table) -> None:
        keys = ", ".join(column.name for column in table.primary_key.columns)
        with self._engine.begin() as connection:
            connection.exec_driver_sql(
                f"CREATE UNIQUE INDEX IF NOT EXISTS {table.primary_key.name}"
                f" ON {table.name} ({keys})"
            )

    def _settle(self, table: Table) -> None:
        """Make the primary key of its index, and let the planner know the table."""
        name = table.primary_key.name
        with self._engine.begin() as connection:
            if not inspect(connection).get_pk_constraint(table.name)["name"]:
                connection.exec_driver_sql(
                    f"ALTER TABLE {table.name} ADD CONSTRAINT {name} PRIMARY KEY USING INDEX {name}"
                )
            connection.exec_driver_sql(f"ANALYZE {table.name}")


def _by_name(indexes: Iterable[Index]) -> list[Index]:
    return sorted(indexes, key=lambda index: str(index.name))


@contextmanager
def _sorting_in_threads(connection: Connection, threads: int) -> Iterator[None]:
    """Let SQLite sort in so many threads beside its own: a quarter less time with two."""
    if connection.dialect.name != "sqlite":
        yield
        return
    driver: Any = connection.connection.driver_connection
    (before,) = driver.execute("PRAGMA threads").fetchone()
    driver.execute(f"PRAGMA threads = {threads if threads > 1 else 0}")
    try:
        yield
    finally:
        driver.execute(f"PRAGMA threads = {before}")
