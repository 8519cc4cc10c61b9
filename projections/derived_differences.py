"""Differences of rows that follow from others: those that changed source rows may have changed.

Which these are is told by the derivation; the events behind a source row are behind them too.
"""

import sqlite3
from collections.abc import Iterator, Mapping

import msgspec
from sqlalchemy import Connection, Table

from projections.deriving import Stored
from projections.projection import Derivation, Key, Row
from projections.rows import bulk_of

ROWS_AT_ONCE = 500

LINKS = """
CREATE TABLE links (table_number INTEGER, row_key BLOB, source_number INTEGER, source_key BLOB,
    UNIQUE (table_number, row_key, source_number, source_key));
"""
# Each event is noted for the derived row as it was for the source row.
_TOUCH = """
INSERT INTO touches SELECT links.table_number, links.row_key, touches.position FROM links
JOIN touches ON touches.table_number = source_number AND touches.row_key = source_key
"""
_write_key = msgspec.msgpack.Encoder().encode


def touch_derived(
    file: sqlite3.Connection,
    derivation: Derivation,
    rows: Mapping[Table, type[Row]],
    numbers: Mapping[Table, int],
    before: Connection,
    after: Connection,
) -> None:
    """Note which events touch derived rows, from the changes of their source rows."""
    sides = []
    for connection in (before, after):
        bulk = {table: bulk_of(table, rows[table], connection.dialect) for table in rows}
        sides.append(Stored(connection, bulk))
    for source in derivation.sources:
        for keys in _changed(file, numbers[source]):
            linked = derivation.following(source, keys, sides[0], sides[1])
            file.executemany(
                "INSERT OR IGNORE INTO links VALUES (?, ?, ?, ?)",
                (
                    (numbers[table], _write_key(key), numbers[source], _write_key(source_key))
                    for table, key, source_key in linked
                ),
            )
    file.execute(_TOUCH)


def _changed(file: sqlite3.Connection, number: int) -> Iterator[list[Key]]:
    found = file.execute("SELECT row_key FROM changes WHERE table_number = ?", (number,))
    while some := found.fetchmany(ROWS_AT_ONCE):
        yield [read_key(stored) for (stored,) in some]


def read_key(stored: bytes) -> Key:
    """Return a key as it was written into the file."""
    key = msgspec.msgpack.decode(stored)
    return tuple(key) if isinstance(key, list) else key
