"""Where the read models live: their tables, and how far each projection has come.

All of it can be made again from the ledger, so nothing here is migrated and little is synced.
"""

import math
import sqlite3
import time
from collections.abc import Sequence
from typing import Any
from uuid import uuid4

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Engine,
    Integer,
    MetaData,
    Table,
    Text,
    Update,
    bindparam,
    cast,
    create_engine,
    event,
    insert,
    inspect,
    literal_column,
    make_url,
    select,
    text,
    tuple_,
    update,
)
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.elements import ColumnElement
from sqlalchemy.types import UserDefinedType

from projections.completeness import DIGESTS, Applied
from projections.marks import marked
from projections.projection import Projection

BUSY_TIMEOUT_SECONDS = 30
IDLE_SECONDS = 0.25
# Any number will do, if nobody else takes it: "views" in ASCII.
_TABLES_LOCK = 0x7669657773

metadata = MetaData()

# Text in which people name things: ordered by code point on both stores, whatever the locale.
Name = Text().with_variant(Text(collation="C"), "postgresql")


class JsonText(UserDefinedType[str]):
    """JSON that is JSONB on PostgreSQL; rows hold its text, as the server would write it."""

    cache_ok = True

    def column_expression(self, column: ColumnElement[Any]) -> ColumnElement[str]:
        """Read it as text, whatever the driver would make of it."""
        return cast(column, Text)


@compiles(JsonText, "postgresql")
def _jsonb(_: JsonText, _compiler: Any, **_options: Any) -> str:
    return "JSONB"


@compiles(JsonText)
def _json_text(_: JsonText, _compiler: Any, **_options: Any) -> str:
    return "TEXT"


# Tables about projections rather than of one: they are made first, for all.
BOOKKEEPING = {"bookkeeping": True}

projection_positions = Table(
    "projection_positions",
    metadata,
    Column("name", Text, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("updated_at_us", BigInteger, nullable=False),
    # Whose writes are taken: those of the lease with this epoch. 0: nobody's.
    Column("epoch", BigInteger, nullable=False),
    # What was read of the log up to the position, skipped and parked events too.
    Column("applied_events", BigInteger, nullable=False),
    Column("applied_digest", BigInteger, nullable=False),
    # The first event that is parked; rows do not show it, nor what depends on it.
    Column("parked_from", BigInteger),
    # When and up to where it was last found to agree with the log.
    Column("verified_at_us", BigInteger),
    Column("verified_position", BigInteger),
    info=BOOKKEEPING,
)


class VersionReplaced(RuntimeError):
    """Another version of the program has built the tables of a projection its own way."""

    def __init__(self, name: str, version: int) -> None:
        self.name, self.version = name, version
        super().__init__(f"Projection {name} is no longer at version {version}: another runs it")


def open_read_models(url: str, *, read_only: bool = False) -> Engine:
    """Return an engine for the read models; nothing is created before a projector starts.

    Takes `sqlite:///path` and `postgresql://` URLs. A read-only engine sees one state of
    everything throughout a transaction.
    """
    address = make_url(url)
    if address.get_backend_name() == "sqlite":
        return _open_sqlite(url, read_only=read_only)
    address = address.set(drivername="postgresql+psycopg")
    engine = create_engine(
        address, isolation_level="REPEATABLE READ" if read_only else "READ COMMITTED"
    )

    @event.listens_for(engine, "connect")
    def _connected(connection: Any, _: Any) -> None:
        # After a crash rows and position are behind together, and are made again.
        setting = "default_transaction_read_only = on" if read_only else "synchronous_commit = off"
        connection.execute(f"SET {setting}")
        # Whoever is stopped in the middle of a transaction must not hold its locks for ever.
        connection.execute("SET idle_in_transaction_session_timeout = '60s'")
        if not read_only:
            # Pages come as arrays: their plans never depend on what is in them.
            connection.execute("SET plan_cache_mode = force_generic_plan")
        connection.commit()

    @event.listens_for(engine, "checkin")
    def _returned(_: Any, record: Any) -> None:
        record.info["used_at"] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def _lent(connection: Any, record: Any, _: Any) -> None:
        # The server may have been restarted since; asked before every use it would cost all a trip.
        if time.monotonic() - record.info.get("used_at", math.inf) > IDLE_SECONDS:
            _ask_whether_it_lives(connection)

    return engine


def _ask_whether_it_lives(connection: Any) -> None:
    import psycopg

    was_automatic = connection.autocommit
    try:
        connection.autocommit = True
        connection.execute("SELECT 1")
        connection.autocommit = was_automatic
    except psycopg.OperationalError as error:
        raise DisconnectionError from error  # the pool then lends a new one


def reading(engine: Engine) -> Engine:
    """Return the same engine for transactions that only read, and so wait for no writer."""
    return engine.execution_options(reading=True)


def _open_sqlite(url: str, *, read_only: bool) -> Engine:
    engine = create_engine(url, connect_args={"timeout": BUSY_TIMEOUT_SECONDS})

    @event.listens_for(engine, "connect")
    def _connected(connection: Any, _: Any) -> None:
        connection.isolation_level = None  # transactions begin below, not where the driver guesses
        if read_only:
            connection.execute("PRAGMA query_only = ON")
        else:
            _write_ahead(connection)
            connection.execute("PRAGMA synchronous = NORMAL")

    @event.listens_for(engine, "begin")
    def _begun(connection: Connection) -> None:
        only_reads = read_only or connection.get_execution_options().get("reading", False)
        # A transaction that reads before it writes would fail at once if another wrote meanwhile.
        connection.exec_driver_sql("BEGIN" if only_reads else "BEGIN IMMEDIATE")

    return engine


def _write_ahead(connection: Any) -> None:
    """Switch to write-ahead logging; SQLite's busy time-out does not cover this one statement."""
    give_up_at = time.monotonic() + BUSY_TIMEOUT_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError:  # locked by another that switches it now
            if time.monotonic() > give_up_at:
                raise
            time.sleep(0.02)


def create_tables(
    engine: Engine, projections: Sequence[Projection], *, keep_versions: bool = False
) -> None:
    """Make what is missing, and make anew, from position 0, what has another version now.

    With `keep_versions` what has another version stays as it is. Safe when several processes
    start at once.
    """
    with engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _TABLES_LOCK})
        _create_bookkeeping(connection)
        for projection in projections:
            if keep_versions and _is_known(connection, projection):
                continue
            if not _is_current(connection, projection):
                _create_anew(connection, projection)


def _create_bookkeeping(connection: Connection) -> None:
    tables = [table for table in metadata.sorted_tables if table.info == BOOKKEEPING]
    found = inspect(connection)
    existing = set(found.get_table_names())
    for table in tables:
        if table.name in existing:
            names = {column["name"] for column in found.get_columns(table.name)}
            if names != set(table.columns.keys()):
                # Another program's layout. What it tells can be made again like all else here,
                # but only all together.
                metadata.drop_all(connection, tables=tables)
                existing.clear()
                break
    missing = [table for table in tables if table.name not in existing]
    metadata.create_all(connection, tables=missing, checkfirst=False)


def _is_current(connection: Connection, projection: Projection) -> bool:
    stored = connection.scalar(
        select(projection_positions.c.version).where(projection_positions.c.name == projection.name)
    )
    existing = set(inspect(connection).get_table_names())
    return stored == projection.version and all(table.name in existing for table in projection.rows)


def _is_known(connection: Connection, projection: Projection) -> bool:
    columns = projection_positions.c
    return bool(connection.scalar(select(columns.name).where(columns.name == projection.name)))


def _create_anew(connection: Connection, projection: Projection) -> None:
    tables = list(projection.rows)
    metadata.drop_all(connection, tables=tables)
    mark = uuid4().hex[:8]  # versions kept beside have indexes of their own
    for table in tables:
        marked(table, mark).create(connection)
    columns = projection_positions.c
    connection.execute(projection_positions.delete().where(columns.name == projection.name))
    _forget_what_is_kept_about(connection, projection)
    connection.execute(
        insert(projection_positions).values(
            name=projection.name,
            version=projection.version,
            position=0,
            updated_at_us=now_us(connection),
            epoch=0,
            applied_events=0,
            applied_digest=0,
        )
    )


def _forget_what_is_kept_about(
    connection: Connection, projection: Projection, *, for_good: bool = True
) -> None:
    """Forget what is parked; what people skipped only with the rules that needed it."""
    for table in metadata.sorted_tables:
        if table.info == BOOKKEEPING and "projection" in table.columns:
            forgotten = table.delete().where(table.c.projection == projection.name)
            if not for_good:
                forgotten = forgotten.where(~table.c.skipped)
            connection.execute(forgotten)


def read_positions(connection: Connection, projections: Sequence[Projection]) -> dict[str, int]:
    """Return how far each projection has come. Raises VersionReplaced."""
    found = connection.execute(
        select(
            projection_positions.c.name,
            projection_positions.c.version,
            projection_positions.c.position,
        )
    )
    positions = {(name, version): position for name, version, position in found}
    for projection in projections:
        if (projection.name, projection.version) not in positions:
            raise VersionReplaced(projection.name, projection.version)
    return {each.name: positions[each.name, each.version] for each in projections}


def standing(connection: Connection, name: str) -> tuple[int, int | None]:
    """Return the position that answers show, and the first that is parked before it, if any."""
    columns = projection_positions.c
    found = connection.execute(
        select(columns.position, columns.parked_from).where(columns.name == name)
    ).one_or_none()
    return (0, None) if found is None else (found.position, found.parked_from)


def move_positions(
    connection: Connection,
    projections: Sequence[Projection],
    *,
    expected: int,
    position: int,
    epoch: int,
    applied: Applied,
) -> bool:
    """Move projections on; False, and nothing may be kept, unless all stood where expected.

    They must also still be those of the lease with this epoch.
    """
    moved = connection.execute(
        _MOVE,
        {
            "keys": _keys(projections),
            "expected": expected,
            "expected_epoch": epoch,
            "new_position": position,
            "more_events": applied.events,
            "more_digest": applied.digest,
            "now": time.time_ns() // 1_000,
        },
    )
    return moved.rowcount == len(projections)


def place_positions(
    connection: Connection, projections: Sequence[Projection], *, position: int, applied: Applied
) -> bool:
    """Put projections at a position, wherever they stood; who followed must begin anew.

    False, and nothing may be kept, unless all are there with their version.
    """
    placed = connection.execute(
        update(projection_positions)
        .where(_these(projections))
        .values(
            position=position,
            updated_at_us=now_us(connection),
            epoch=0,
            applied_events=applied.events,
            applied_digest=applied.digest % DIGESTS,
            parked_from=None,
        )
    )
    for each in projections:
        _forget_what_is_kept_about(connection, each, for_good=False)
    return placed.rowcount == len(projections)


def fence(connection: Connection, projections: Sequence[Projection], *, epoch: int) -> None:
    """Take the writes of one epoch only, from now on; waits for a write under way."""
    connection.execute(update(projection_positions).where(_these(projections)).values(epoch=epoch))


def fenced(connection: Connection, projections: Sequence[Projection], *, epoch: int) -> bool:
    """Return whether all projections take writes of this epoch, and hold others off until the end.

    Of the transaction, which in SQLite has locked the whole file by now.
    """
    columns = projection_positions.c
    found = connection.scalars(
        select(columns.name).where(_these(projections), columns.epoch == epoch).with_for_update()
    )
    return len(found.all()) == len(projections)


def now_us(connection: Connection) -> ColumnElement[int]:
    """Return the database's clock as an expression, in microseconds.

    SQLite's is the machine's own, which all who share the file share.
    """
    sql = "CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER)"
    if connection.dialect.name == "postgresql":
        sql = "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint"
    return literal_column(sql, BigInteger)


def _these(projections: Sequence[Projection]) -> ColumnElement[bool]:
    columns = projection_positions.c
    return tuple_(columns.name, columns.version).in_(_keys(projections))


def _keys(projections: Sequence[Projection]) -> list[tuple[str, int]]:
    return [(each.name, each.version) for each in projections]


def _move() -> Update:
    columns = projection_positions.c
    return (
        update(projection_positions)
        .where(
            tuple_(columns.name, columns.version).in_(bindparam("keys", expanding=True)),
            columns.position == bindparam("expected"),
            columns.epoch == bindparam("expected_epoch"),
        )
        .values(
            position=bindparam("new_position"),
            updated_at_us=bindparam("now"),
            applied_events=columns.applied_events + bindparam("more_events"),
            applied_digest=(columns.applied_digest + bindparam("more_digest")) % DIGESTS,
        )
    )


_MOVE = _move()
