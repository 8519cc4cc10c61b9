"""Keys of people, one each, in a table beside the log; to delete one is to forget a name.

Many are fetched in one call. On SQLite a deleted key is overwritten in the file and in its
write-ahead log; on PostgreSQL the table is written anew.
"""

from collections.abc import Callable, Iterable, Iterator

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Engine,
    Insert,
    LargeBinary,
    MetaData,
    Table,
    create_engine,
    delete,
    event,
    select,
)
from sqlalchemy.pool import NullPool

from application.ledger import LedgerUnavailable

_PAGE = 10_000  # SQLite takes 32 766 values in one statement
_WAIT_SECONDS = 30

_person_keys = Table(
    "person_keys",
    MetaData(),
    Column("person_id", BigInteger, primary_key=True),
    Column("key", LargeBinary, nullable=False),
)


class StillInTheLog(LedgerUnavailable):
    """A key is deleted, and somebody reads the write-ahead log in which it stands."""

    def __init__(self) -> None:
        super().__init__(
            "The key is deleted, but another process still reads the write-ahead log in which its "
            "bytes stand; try again"
        )


class PersonKeys:
    """The keys in one ledger's database; every call is a transaction on a connection of its own."""

    def __init__(self, url: str, *, fresh_key: Callable[[], bytes]) -> None:
        """Take a SQLAlchemy URL, and what makes a key that nobody can guess."""
        self._engine = create_engine(url, poolclass=NullPool)
        self._fresh_key = fresh_key
        if self._engine.dialect.name == "sqlite":
            event.listen(self._engine, "connect", _prepare_sqlite)

    def kept(self, person_ids: Iterable[int]) -> dict[int, bytes]:
        """Return the keys of these people, as far as they have any."""
        with self._engine.connect() as connection:
            return _kept(connection, person_ids)

    def made(self, person_ids: Iterable[int], *, keep: bool = True) -> dict[int, bytes]:
        """Return a key for each of these people, and keep those that are new unless told not to.

        Of several who make one at the same time, the first one's counts for all.
        """
        wanted = sorted(set(person_ids))
        found = self.kept(wanted)
        if lacking := [each for each in wanted if each not in found]:
            made = {each: self._fresh_key() for each in lacking}
            found |= self._keep(made) if keep else made
        return found

    def _keep(self, made: dict[int, bytes]) -> dict[int, bytes]:
        rows = [{"person_id": each, "key": key} for each, key in made.items()]
        with self._engine.begin() as connection:
            connection.execute(_insert(connection), rows)
            return _kept(connection, made)

    def forget(self, person_id: int) -> None:
        """Delete a key so that no byte of it stays; a second time is quiet.

        Raises StillInTheLog if bytes of it must stay for a while; once more will do.
        """
        with self._engine.begin() as connection:
            connection.execute(delete(_person_keys).where(_person_keys.c.person_id == person_id))
        _wipe(self._engine)


def _kept(connection: Connection, person_ids: Iterable[int]) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    for page in _pages(sorted(set(person_ids))):
        wanted = select(_person_keys).where(_person_keys.c.person_id.in_(page))
        found.update((row.person_id, row.key) for row in connection.execute(wanted))
    return found


def _pages(values: list[int]) -> Iterator[list[int]]:
    for begin in range(0, len(values), _PAGE):
        yield values[begin : begin + _PAGE]


def _insert(connection: Connection) -> Insert:
    if connection.dialect.name == "sqlite":
        from sqlalchemy.dialects import sqlite

        return sqlite.insert(_person_keys).on_conflict_do_nothing()
    from sqlalchemy.dialects import postgresql  # for which nobody waits who has SQLite

    return postgresql.insert(_person_keys).on_conflict_do_nothing()


def _wipe(engine: Engine) -> None:
    with engine.connect() as connection:
        plain = connection.execution_options(isolation_level="AUTOCOMMIT")
        if engine.dialect.name == "sqlite":
            busy, *_ = plain.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").one()
            if busy:
                raise StillInTheLog
        else:
            plain.exec_driver_sql("VACUUM (FULL) person_keys")


def _prepare_sqlite(connection: object, _record: object) -> None:
    connection.execute(f"PRAGMA busy_timeout = {_WAIT_SECONDS * 1_000}")  # type: ignore[attr-defined] # a DB-API connection
    connection.execute("PRAGMA secure_delete = ON")  # type: ignore[attr-defined] # zeroes what goes
