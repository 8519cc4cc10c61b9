"""Writing a group of commands to SQLite: one transaction on one connection, and nothing else.

Every write begins with BEGIN IMMEDIATE: a transaction that reads first and writes later would be
refused at once when another process writes, whatever the busy time-out says.
"""

import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

from application.ledger.store import Batch, Row, StaleGroup

BUSY_SECONDS = 30.0
# Ids are random, so pages are written again and again; copying them back eight times less often
# than SQLite's default saves a quarter of the time, and leaves a log of 32 MiB at the most.
_CHECKPOINT_PAGES = 8_000

_INSERT_EVENTS = (
    "INSERT INTO stored_events (originator_id, originator_version, topic, state) VALUES "
)
# A statement lets go of the interpreter once; one for each row would hand it to and fro with the
# event loop's thread. Few sizes, so that each is prepared once.
_ROWS_AT_ONCE = (512, 128, 32, 8, 1)
_INSERT_REPLY = """
INSERT INTO replies (key, fingerprint, status, body, position, kept_at_us)
VALUES (?,?,?,?,?,?)
"""
_INSERT_GROUP = """
INSERT INTO append_groups (position, recorded_at_us)
VALUES (?, max(?, coalesce((SELECT max(recorded_at_us) FROM append_groups
    WHERE position = (SELECT max(position) FROM append_groups)), 0)))
"""
_MOVED_ON = "SELECT 1 FROM stored_events WHERE originator_id = ? AND originator_version > ? LIMIT 1"


def connect(path: Path) -> sqlite3.Connection:
    """Open the file for writing: write-ahead log, and every commit on disk before it returns."""
    connection = sqlite3.connect(
        path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
    )
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute(f"PRAGMA wal_autocheckpoint={_CHECKPOINT_PAGES}")
    return connection


def append(connection: sqlite3.Connection, batch: Batch) -> int:
    """Store a group and return the position before it. Raises StaleGroup."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        base = insert(connection, batch)
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")
    return base


def insert(connection: sqlite3.Connection, batch: Batch) -> int:
    """Do the same inside an open transaction."""
    base = confirm(connection, batch.reads)
    try:
        _insert_rows(connection, batch.rows)
        if batch.replies:
            _insert_replies(connection, batch, base)
    except sqlite3.IntegrityError as error:
        raise StaleGroup(str(error)) from error
    if batch.rows:
        connection.execute(_INSERT_GROUP, (base + len(batch.rows), batch.recorded_at_us))
    return base


def confirm(connection: sqlite3.Connection, reads: Sequence[tuple[UUID, int]]) -> int:
    """Return the newest position. Raises StaleGroup if one of these has moved on."""
    for aggregate_id, version in reads:
        if connection.execute(_MOVED_ON, (aggregate_id.hex, version)).fetchone():
            raise StaleGroup(f"{aggregate_id} has moved on from version {version}")
    return int(connection.execute("SELECT max(rowid) FROM stored_events").fetchone()[0] or 0)


def _insert_rows(connection: sqlite3.Connection, rows: Sequence[Row]) -> None:
    begin = 0
    for size in _ROWS_AT_ONCE:
        statement = f"{_INSERT_EVENTS}{','.join(['(?,?,?,?)'] * size)}"
        while len(rows) - begin >= size:
            values: list[Any] = []
            for row in rows[begin : begin + size]:
                values += (row[0].hex, row[1], row[2], row[3])
            connection.execute(statement, values)
            begin += size


def _insert_replies(connection: sqlite3.Connection, batch: Batch, base: int) -> None:
    connection.executemany(
        _INSERT_REPLY,
        [
            (
                kept.key,
                kept.fingerprint,
                kept.reply.status,
                kept.reply.body,
                base + kept.event_count,
                batch.recorded_at_us,
            )
            for kept in batch.replies
        ],
    )
