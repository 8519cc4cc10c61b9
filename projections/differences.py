"""Differences: which rows changed between two moments, and by which events.

The events between say which rows may have changed; those rows alone are compared, as they stand
in the pasts at both ends. The outcome is a file, so that it is read page by page.
"""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Literal, NamedTuple
from uuid import UUID

import msgspec
from sqlalchemy import Connection, Table

from domain.aggregate import Event
from domain.stored import decode
from projections.derived_differences import LINKS, ROWS_AT_ONCE, read_key, touch_derived
from projections.folding import Rulebook
from projections.log import PastLog
from projections.projection import Key, Projection, Row
from projections.row_places import as_people_see
from projections.rows import BulkRows, bulk_of

_WINDOW_POSITIONS = 5_000
# Of a row that changed more often only the newest events are named; how many there were is said.
EVENTS_NAMED = 20

Kind = Literal["added", "removed", "changed"]
Progress = Callable[[int, int], None]

_TABLES = """
CREATE TABLE touches (table_number INTEGER, row_key BLOB, position INTEGER);
CREATE TABLE changes (number INTEGER PRIMARY KEY, table_number INTEGER, row_key BLOB,
    projection TEXT, told BLOB);
"""


class Named(NamedTuple):
    """An event that touched a row, and its place in the ledger."""

    position: int
    event: Event


class Change(NamedTuple):
    """One row that is not what it was; of a changed one, the columns that are not.

    `names` are its other columns by which rows are looked up.
    """

    number: int
    projection: str
    table: str
    key: dict[str, Any]
    names: dict[str, Any]
    kind: Kind
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    events: list[Named]
    event_count: int


class _Told(msgspec.Struct, array_like=True):
    """What is kept of a change beside its number."""

    table: str
    key: dict[str, Any]
    names: dict[str, Any]
    kind: Kind
    before: dict[str, Any] | None
    after: dict[str, Any] | None


_write_told = msgspec.msgpack.Encoder().encode
_read_told = msgspec.msgpack.Decoder(_Told).decode
_write_key = msgspec.msgpack.Encoder().encode


# Making.


def write_differences(
    log: PastLog,
    projections: Sequence[Projection],
    path: Path,
    *,
    before: Connection,
    after: Connection,
    positions: tuple[int, int],
    progress: Progress,
) -> None:
    """Write the differences between two pasts into a new file."""
    with closing(sqlite3.connect(path, isolation_level=None)) as file:
        pragmas = "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;"
        file.executescript(f"{pragmas} {_TABLES} {LINKS}")
        file.execute("BEGIN")
        maker = _Maker(file, projections)
        maker.touch(log, positions, progress)
        file.execute("CREATE INDEX touches_row ON touches (table_number, row_key, position)")
        maker.compare(before, after)
        file.execute("COMMIT")


class _Maker:
    """Fills one file of differences."""

    def __init__(self, file: sqlite3.Connection, projections: Sequence[Projection]) -> None:
        self._file, self._rulebook = file, Rulebook(projections)
        self._tables = list(self._rulebook.tables)
        self._numbers = {table: number for number, table in enumerate(self._tables)}
        self._owner = {table: each.name for each in projections for table in each.rows}

    def touch(self, log: PastLog, positions: tuple[int, int], progress: Progress) -> None:
        """Note which events touch which rows."""
        begin, end = positions
        for start in range(begin, end, _WINDOW_POSITIONS):
            up_to = min(start + _WINDOW_POSITIONS, end)
            self._file.executemany(
                "INSERT INTO touches VALUES (?, ?, ?)",
                [
                    (
                        self._numbers[rule.table],
                        _write_key(originator_id if rule.key is None else rule.key(event)),
                        position,
                    )
                    for position, originator_id, _, _, event, rules in self._rulebook.steps(
                        log.page(start, up_to)
                    )
                    for rule in rules
                ],
            )
            progress(up_to, end)

    def compare(self, before: Connection, after: Connection) -> None:
        """Compare the touched rows, then those that follow from them; keep what differs."""
        derivations = [each.derivation for each in self._rulebook.projections if each.derivation]
        derived = [table for each in derivations for table in each.tables]
        self._compare([each for each in self._tables if each not in derived], before, after)
        rows, numbers = self._rulebook.tables, self._numbers
        for each in derivations:
            touch_derived(self._file, each, rows, numbers, before, after)
        self._compare(derived, before, after)

    def _compare(self, tables: Sequence[Table], before: Connection, after: Connection) -> None:
        for table in tables:
            row_class = self._rulebook.tables[table]
            bulk = bulk_of(table, row_class, before.dialect)
            for keys in self._touched(table):
                self._compare_some(table, bulk, keys, before, after)

    def _touched(self, table: Table) -> Iterator[list[tuple[bytes, Key]]]:
        found = self._file.execute(
            "SELECT DISTINCT row_key FROM touches WHERE table_number = ? ORDER BY row_key",
            (self._numbers[table],),
        )
        while some := found.fetchmany(ROWS_AT_ONCE):
            yield [(stored, read_key(stored)) for (stored,) in some]

    def _compare_some(
        self,
        table: Table,
        bulk: BulkRows,
        keys: list[tuple[bytes, Key]],
        before: Connection,
        after: Connection,
    ) -> None:
        asked = [key for _, key in keys]
        old, new = bulk.load(before, asked), bulk.load(after, asked)
        changed = []
        for stored, key in keys:
            told = _told(table, _fields(old.get(key)), _fields(new.get(key)))
            if told is not None:
                changed.append(
                    (self._numbers[table], stored, self._owner[table], _write_told(told))
                )
        self._file.executemany(
            "INSERT INTO changes (table_number, row_key, projection, told) VALUES (?, ?, ?, ?)",
            changed,
        )


def _told(
    table: Table, before: dict[str, Any] | None, after: dict[str, Any] | None
) -> _Told | None:
    """Return how a row differs, or None if it does not."""
    if before == after:
        return None
    whole = after or before or {}
    key = {column.name: whole[column.name] for column in table.primary_key.columns}
    indexed = {column.name for index in table.indexes for column in index.columns}
    names = {name: value for name, value in whole.items() if name in indexed}
    kind: Kind = "changed"
    if before is None or after is None:
        kind = "added" if before is None else "removed"
    else:
        other = [name for name in before if before[name] != after[name]]
        before, after = [{name: row[name] for name in other} for row in (before, after)]
    return _Told(
        str(table.name), as_people_see(key), as_people_see(names), kind, _seen(before), _seen(after)
    )


def _fields(row: Row | None) -> dict[str, Any] | None:
    return None if row is None else {name: getattr(row, name) for name in row.__struct_fields__}


def _seen(values: dict[str, Any] | None) -> dict[str, Any] | None:
    return None if values is None else as_people_see(values)


# Reading.


def read_differences(
    connection: Connection,
    log: PastLog,
    *,
    after_number: int,
    limit: int,
    projection: str | None = None,
) -> list[Change]:
    """Return differences beyond a number, in their order, with the events behind them."""
    found = connection.exec_driver_sql(
        "SELECT number, projection, told FROM changes"
        " WHERE number > ? AND (? IS NULL OR projection = ?) ORDER BY number LIMIT ?",
        (after_number, projection, projection, limit),
    ).all()
    numbers = tuple(row.number for row in found)
    touches, counts = _touches(connection, numbers), _counts(connection, numbers)
    events = _events(log, [position for several in touches.values() for position in several])
    changes = []
    for number, owner, told in found:
        named = [Named(position, events[position]) for position in touches[number]]
        row: Any = msgspec.structs.astuple(_read_told(told))
        changes.append(Change._make((number, owner, *row, named, counts[number])))
    return changes


def count_differences(connection: Connection, *, projection: str | None = None) -> int:
    """Return how many rows differ."""
    found = connection.exec_driver_sql(
        "SELECT count(*) FROM changes WHERE (? IS NULL OR projection = ?)",
        (projection, projection),
    )
    return int(found.scalar_one())


# Two rules may let one event touch one row twice.
_JOINED = (
    "FROM (SELECT DISTINCT number, position FROM changes"
    " JOIN touches USING (table_number, row_key) WHERE number IN ({marks}))"
)


def _touches(connection: Connection, numbers: tuple[int, ...]) -> dict[int, list[int]]:
    """Return the newest positions that touched each row, newest first."""
    joined = _JOINED.format(marks=", ".join("?" * len(numbers)))
    found = connection.exec_driver_sql(
        "SELECT number, position FROM (SELECT number, position, row_number()"  # noqa: S608 - our own
        f" OVER (PARTITION BY number ORDER BY position DESC) AS place {joined})"
        " WHERE place <= ? ORDER BY number, position DESC",
        (*numbers, EVENTS_NAMED),
    )
    touches: dict[int, list[int]] = {number: [] for number in numbers}
    for number, position in found:
        touches[number].append(position)
    return touches


def _counts(connection: Connection, numbers: tuple[int, ...]) -> dict[int, int]:
    joined = _JOINED.format(marks=", ".join("?" * len(numbers)))
    sql = f"SELECT number, count(*) {joined} GROUP BY number"
    return {number: many for number, many in connection.exec_driver_sql(sql, numbers)}  # noqa: C416 - rows are typed as pairs only here


def _events(log: PastLog, positions: list[int]) -> dict[int, Event]:
    return {
        position: decode(topic, state, UUID(bytes=originator_id), version)
        for position, originator_id, version, topic, state in log.events_at(sorted(set(positions)))
    }
