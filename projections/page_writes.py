"""Storing a page: the rows it changed and the position it led to, all together or not at all.

Rows are loaded before, outside of the transaction that writes: whoever else changes them moves the
position or the epoch, and then nothing of the page is taken.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, Engine, Table

from projections.completeness import DIGESTS, Applied
from projections.database import move_positions, reading
from projections.projection import Key, Projection, Row
from projections.rows import BulkRows, PostgresRows, bulk_of

Rows = dict[Table, dict[Key, Row | None]]


class Move(NamedTuple):
    """A step of some projections along the log, which only the holder of the epoch may take."""

    projections: Sequence[Projection]
    expected: int
    position: int
    epoch: int
    applied: Applied

    def take(self, connection: Connection) -> bool:
        """Move the positions in a transaction; if False, nothing in it may be kept."""
        return move_positions(
            connection,
            self.projections,
            expected=self.expected,
            position=self.position,
            epoch=self.epoch,
            applied=self.applied,
        )


def page_writes_of(engine: Engine, projections: Sequence[Projection]) -> "PageWrites":
    """Return what stores pages in the manner of the store."""
    in_postgres = engine.dialect.name == "postgresql"
    return (PostgresPageWrites if in_postgres else SqlitePageWrites)(engine, projections)


class PageWrites(ABC):
    """Loads rows before a page is folded, and stores them afterwards."""

    def __init__(self, engine: Engine, projections: Sequence[Projection]) -> None:
        self.engine = engine
        self.bulk: dict[Table, BulkRows] = {
            table: bulk_of(table, row_class, engine.dialect)
            for projection in projections
            for table, row_class in projection.rows.items()
        }

    def load(self, wanted: Mapping[Table, Sequence[Key]]) -> Rows:
        """Return the rows that exist among these."""
        if not wanted:
            return {}
        with reading(self.engine).connect() as connection:
            return self.load_in(connection, wanted)

    def load_in(self, connection: Connection, wanted: Mapping[Table, Sequence[Key]]) -> Rows:
        """Do the same in a transaction under way."""
        return {table: self.bulk[table].load(connection, keys) for table, keys in wanted.items()}

    def write_in(self, connection: Connection, rows: Rows) -> None:
        """Store rows in a transaction under way."""
        for table, changed in rows.items():
            self.bulk[table].write(connection, changed)

    @abstractmethod
    def write(self, move: Move, rows: Rows) -> bool:
        """Store rows and position at once; False, and nothing is kept, if the move is refused."""


class SqlitePageWrites(PageWrites):
    """A transaction of several statements, which in SQLite cost no round trip."""

    def write(self, move: Move, rows: Rows) -> bool:
        """Store rows and position at once; False, and nothing is kept, if the move is refused."""
        with self.engine.connect() as connection, connection.begin() as transaction:
            if not move.take(connection):
                transaction.rollback()
                return False
            self.write_in(connection, rows)
            return True


class PostgresPageWrites(PageWrites):
    """One statement, and so one round trip, for all tables and the position."""

    def __init__(self, engine: Engine, projections: Sequence[Projection]) -> None:
        super().__init__(engine.execution_options(isolation_level="AUTOCOMMIT"), projections)

    def write(self, move: Move, rows: Rows) -> bool:
        """Store rows and position at once; False, and nothing is kept, if the move is refused."""
        parts, values = [_MOVE], _move_values(move)
        for table, changed in rows.items():
            bulk = self.bulk[table]
            assert isinstance(bulk, PostgresRows)
            for sql, arrays in bulk.statements(changed, provided="moved"):
                parts.append(f"part_{len(parts)} AS ({sql})")
                values += arrays
        sql = f"WITH {', '.join(parts)} SELECT count(*) FROM moved"  # noqa: S608 - our own parts
        with self.engine.connect() as connection:
            moved = connection.exec_driver_sql(sql, tuple(values)).scalar_one()
        return bool(moved == len(move.projections))


# Only if all stand where expected may any be moved; whoever moves them now is waited for.
_MOVE = f"""held AS (
    SELECT name FROM projection_positions
    WHERE (name, version) IN (SELECT * FROM unnest(%s::text[], %s::integer[]))
    AND position = %s AND epoch = %s FOR UPDATE
), moved AS (
    UPDATE projection_positions SET position = %s,
        updated_at_us = (extract(epoch FROM clock_timestamp()) * 1000000)::bigint,
        applied_events = applied_events + %s, applied_digest = (applied_digest + %s) %% {DIGESTS}
    WHERE name IN (SELECT name FROM held) AND (SELECT count(*) FROM held) = %s
    RETURNING name
)"""  # noqa: S608 - a number of our own


def _move_values(move: Move) -> list[Any]:
    return [
        [each.name for each in move.projections],
        [each.version for each in move.projections],
        move.expected,
        move.epoch,
        move.position,
        move.applied.events,
        move.applied.digest,
        len(move.projections),
    ]
