"""Reading and writing many rows at once: one statement for each table, on both stores."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any, cast

from msgspec.structs import astuple
from sqlalchemy import Connection, Dialect, Table

from projections.projection import Key, Row

if TYPE_CHECKING:  # whoever reads SQLite does not wait for the driver of the other store
    from psycopg import Connection as PostgresConnection

SQLITE_KEYS_AT_ONCE = 1_000  # of 32 766 values that one statement may hold
SQLITE_ROWS_AT_ONCE = 200  # in one statement: a quarter less time than one by one
_JSON = "JSONB"


def bulk_of(table: Table, row_class: type[Row], dialect: Dialect) -> "BulkRows":
    """Return what reads and writes rows of a table in bulk, in the manner of the store."""
    in_postgres = dialect.name == "postgresql"
    return (PostgresRows if in_postgres else SqliteRows)(table, row_class)


def upsert_into(connection: Connection, table: Table) -> Any:
    """Return an INSERT that can say what happens on a conflict, in the manner of the store."""
    if connection.dialect.name == "postgresql":
        from sqlalchemy.dialects import postgresql

        return postgresql.insert(table)
    from sqlalchemy.dialects import sqlite

    return sqlite.insert(table)


class BulkRows(ABC):
    """Rows of one table by the hundred; keys as in `projections.projection`."""

    def __init__(self, table: Table, row_class: type[Row]) -> None:
        self.table, self._row_class = table, row_class
        self._columns = [column.name for column in table.columns]
        self._keys = [column.name for column in table.primary_key.columns]
        self._key_places = [self._columns.index(name) for name in self._keys]

    @abstractmethod
    def load(self, connection: Connection, keys: Sequence[Key]) -> dict[Key, Row | None]:
        """Return the rows that exist among these keys."""

    @abstractmethod
    def load_with(
        self, connection: Connection, column: str, values: Sequence[Any]
    ) -> dict[Key, Row | None]:
        """Return the rows that have one of these values in a column."""

    def write(self, connection: Connection, rows: dict[Key, Row | None]) -> None:
        """Store rows as they are now, and delete those that are no more."""
        if kept := [astuple(row) for row in rows.values() if row is not None]:
            self._upsert(connection, kept)
        if gone := [self._key_values(key) for key, row in rows.items() if row is None]:
            self._delete(connection, gone)

    @abstractmethod
    def append(self, connection: Connection, rows: Sequence[Row]) -> None:
        """Store rows that are not there yet; those said twice to SQLite are stored once."""

    def keyed(self, found: Iterable[Any]) -> dict[Key, Row | None]:
        """Return rows, which come as values in the order of the columns, by their keys."""
        rows = [self._row_class(*values) for values in found]
        return {self._key(astuple(row)): row for row in rows}

    def _key(self, values: Sequence[Any]) -> Key:
        if len(self._key_places) == 1:
            return values[self._key_places[0]]
        return tuple(values[place] for place in self._key_places)

    def _key_values(self, key: Key) -> tuple[Any, ...]:
        return key if len(self._keys) > 1 else (key,)

    @abstractmethod
    def _upsert(self, connection: Connection, rows: list[tuple[Any, ...]]) -> None: ...

    @abstractmethod
    def _delete(self, connection: Connection, keys: list[tuple[Any, ...]]) -> None: ...

    def _on_conflict(self) -> str:
        others = [name for name in self._columns if name not in self._keys]
        assigned = ", ".join(f"{name} = excluded.{name}" for name in others)
        return f"ON CONFLICT ({', '.join(self._keys)}) DO UPDATE SET {assigned}"


class SqliteRows(BulkRows):
    """Many rows by `executemany`, which SQLite runs without any round trip."""

    def load(self, connection: Connection, keys: Sequence[Key]) -> dict[Key, Row | None]:
        rows: dict[Key, Row | None] = {}
        for start in range(0, len(keys), SQLITE_KEYS_AT_ONCE):
            some = [self._key_values(key) for key in keys[start : start + SQLITE_KEYS_AT_ONCE]]
            marks = ", ".join([_row_of_marks(self._keys)] * len(some))
            sql = (
                f"SELECT {', '.join(self._columns)} FROM {self.table.name}"  # noqa: S608 - our names
                f" WHERE ({', '.join(self._keys)}) IN (VALUES {marks})"
            )
            parameters = tuple(value for key in some for value in key)
            rows |= self.keyed(connection.exec_driver_sql(sql, parameters))
        return rows

    def load_with(
        self, connection: Connection, column: str, values: Sequence[Any]
    ) -> dict[Key, Row | None]:
        """Return the rows that have one of these values in a column."""
        rows: dict[Key, Row | None] = {}
        for start in range(0, len(values), SQLITE_KEYS_AT_ONCE):
            some = tuple(values[start : start + SQLITE_KEYS_AT_ONCE])
            sql = (
                f"SELECT {', '.join(self._columns)} FROM {self.table.name}"  # noqa: S608 - our names
                f" WHERE {column} IN {_row_of_marks(some)}"
            )
            rows |= self.keyed(connection.exec_driver_sql(sql, some))
        return rows

    def _upsert(self, connection: Connection, rows: list[tuple[Any, ...]]) -> None:
        connection.exec_driver_sql(f"{self._insert()} {self._on_conflict()}", rows)

    def _delete(self, connection: Connection, keys: list[tuple[Any, ...]]) -> None:
        matches = " AND ".join(f"{name} = ?" for name in self._keys)
        sql = f"DELETE FROM {self.table.name} WHERE {matches}"  # noqa: S608 - our own names
        connection.exec_driver_sql(sql, keys)

    def append(self, connection: Connection, rows: Sequence[Row]) -> None:
        # What a killed rebuild has stored of a part is stored again: the same rows.
        for start in range(0, len(rows), SQLITE_ROWS_AT_ONCE):
            some = rows[start : start + SQLITE_ROWS_AT_ONCE]
            sql = self._insert(len(some)).replace("INSERT", "INSERT OR REPLACE", 1)
            connection.exec_driver_sql(sql, tuple(chain.from_iterable(map(astuple, some))))

    def _insert(self, many: int = 1) -> str:
        columns = ", ".join(self._columns)
        marks = ", ".join([_row_of_marks(self._columns)] * many)
        return f"INSERT INTO {self.table.name} ({columns}) VALUES {marks}"  # noqa: S608 - our names


class PostgresRows(BulkRows):
    """Many rows as one array for each column: one statement and one plan serve any number."""

    def __init__(self, table: Table, row_class: type[Row]) -> None:
        from sqlalchemy.dialects import postgresql

        super().__init__(table, row_class)
        dialect: Dialect = postgresql.dialect()  # type: ignore[no-untyped-call] # it takes none
        self._types = [
            str(column.type.compile(dialect)).partition(" COLLATE")[0] for column in table.columns
        ]
        # JSON is read as the text that the server makes of it; rows hold plain values.
        self._read = [
            f"{name}::text AS {name}" if each == _JSON else name
            for name, each in zip(self._columns, self._types, strict=True)
        ]

    def load(self, connection: Connection, keys: Sequence[Key]) -> dict[Key, Row | None]:
        sql = (
            f"SELECT {', '.join(self._read)} FROM {self.table.name}"  # noqa: S608 - our own names
            f" JOIN {self._key_arrays()} USING ({', '.join(self._keys)})"
        )
        arrays = _turned([self._key_values(key) for key in keys])
        return self.keyed(connection.exec_driver_sql(sql, arrays))

    def load_with(
        self, connection: Connection, column: str, values: Sequence[Any]
    ) -> dict[Key, Row | None]:
        """Return the rows that have one of these values in a column."""
        kind = self._types[self._columns.index(column)]
        sql = (
            f"SELECT {', '.join(self._read)} FROM {self.table.name}"  # noqa: S608 - our own names
            f" WHERE {column} = ANY({_array(kind)})"
        )
        return self.keyed(connection.exec_driver_sql(sql, (list(values),)))

    def statements(
        self, rows: Mapping[Key, Row | None], *, provided: str
    ) -> Iterator[tuple[str, tuple[list[Any], ...]]]:
        """Return what `write` would run, to be run only if a table expression has any row."""
        condition = f"EXISTS (SELECT FROM {provided})"
        if kept := [astuple(row) for row in rows.values() if row is not None]:
            yield self._upsert_sql(condition), _turned(kept)
        if gone := [self._key_values(key) for key, row in rows.items() if row is None]:
            yield f"{self._delete_sql()} AND {condition}", _turned(gone)

    def _upsert(self, connection: Connection, rows: list[tuple[Any, ...]]) -> None:
        connection.exec_driver_sql(self._upsert_sql("true"), _turned(rows))

    def _upsert_sql(self, condition: str) -> str:
        arrays = ", ".join(map(_array, self._types))
        return (
            f"INSERT INTO {self.table.name} ({', '.join(self._columns)})"  # noqa: S608 - our names
            f" SELECT * FROM unnest({arrays}) WHERE {condition} {self._on_conflict()}"
        )

    def _delete(self, connection: Connection, keys: list[tuple[Any, ...]]) -> None:
        connection.exec_driver_sql(self._delete_sql(), _turned(keys))

    def _delete_sql(self) -> str:
        matches = " AND ".join(f"{self.table.name}.{name} = keys.{name}" for name in self._keys)
        return (
            f"DELETE FROM {self.table.name}"  # noqa: S608 - our own names
            f" USING {self._key_arrays()} WHERE {matches}"
        )

    def append(self, connection: Connection, rows: Sequence[Row]) -> None:
        driver = cast("PostgresConnection[Any]", connection.connection.driver_connection)
        columns = ", ".join(self._columns)
        sql = f"COPY {self.table.name} ({columns}) FROM STDIN (FORMAT BINARY)"
        with driver.cursor() as cursor, cursor.copy(sql.encode()) as copy:
            copy.set_types([each.lower() for each in self._types])
            for values in map(astuple, rows):
                copy.write_row(self._with_json(values) if _JSON in self._types else values)

    def _with_json(self, values: Sequence[Any]) -> list[Any]:
        from psycopg.types.json import Jsonb

        # Told that it is JSON already, or the driver would make a string of it.
        return [
            Jsonb(value, dumps=str) if each == _JSON else value
            for value, each in zip(values, self._types, strict=True)
        ]

    def _key_arrays(self) -> str:
        arrays = ", ".join(_array(self._types[place]) for place in self._key_places)
        return f"unnest({arrays}) AS keys ({', '.join(self._keys)})"


def _array(kind: str) -> str:
    """Return the mark of one array, sent in binary form: as text it takes eight times as long."""
    return f"%b::{kind}[]"


def _row_of_marks(names: Sequence[str]) -> str:
    return f"({', '.join('?' * len(names))})"


def _turned(rows: list[tuple[Any, ...]]) -> tuple[list[Any], ...]:
    return tuple(list(column) for column in zip(*rows, strict=True))
