"""Connections to the read models, as each of the two databases needs them."""

import math
import sqlite3
import time
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import DisconnectionError

BUSY_TIMEOUT_SECONDS = 30
IDLE_SECONDS = 0.25


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
