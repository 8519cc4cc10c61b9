"""Places: which row of a read model somebody means, and that row as people see it."""

from collections.abc import Sequence
from hashlib import sha256
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Column, Connection, Integer, LargeBinary, Table, select

from domain.errors import Invalid, NotFound
from domain.names import shown
from projections.projection import Projection


class NoSuchProjection(NotFound):
    """No projection has this name."""

    code = "projection-not-found"
    field = "projection"

    def __init__(self, name: str, known: Sequence[str]) -> None:
        self.name = name
        super().__init__(f"No projection is called {shown(name)}; there are: {', '.join(known)}")


class NoSuchTable(NotFound):
    """The projection has no table of this name."""

    code = "table-not-found"
    field = "key"

    def __init__(self, projection: Projection, name: str) -> None:
        self.name = name
        known = ", ".join(table.name for table in projection.rows)
        message = f"{projection.name} has no table {shown(name)}; there are: {known}"
        super().__init__(message)


class NoSuchRow(NotFound):
    """No event has ever made a row with this key; one that follows from others is not there now."""

    code = "row-not-found"
    field = "key"

    def __init__(self, table: Table, wanted: str, *, follows: bool = False) -> None:
        ever = "" if follows else ", and never had one"
        super().__init__(f"{table.name} has no row with {wanted}{ever}")


class Place(NamedTuple):
    """A row that is asked about: by its whole key, or by columns that only it may have."""

    projection: Projection
    table: Table
    key: tuple[Any, ...] | None
    columns: dict[str, Any]

    def __str__(self) -> str:
        if self.key is not None:
            names = [column.name for column in self.table.primary_key.columns]
            return _told(dict(zip(names, self.key, strict=True)))
        return _told(self.columns)


def find_projection(projections: Sequence[Projection], name: str) -> Projection:
    """Return the projection of this name. Raises NoSuchProjection."""
    for each in projections:
        if each.name == name:
            return each
    raise NoSuchProjection(name, [each.name for each in projections])


def read_place(projection: Projection, segments: Sequence[str]) -> Place:
    """Return which row some texts mean: the table, then its key, value by value.

    Instead of the key there may be columns, as `name=value`. A projection with one table needs
    not name it. Raises NoSuchTable, and Invalid naming what is needed.
    """
    tables = {table.name: table for table in projection.rows}
    if segments and segments[0] in tables:
        table, values = tables[segments[0]], segments[1:]
    elif len(tables) == 1:
        table, values = next(iter(tables.values())), segments
    else:
        raise NoSuchTable(projection, segments[0] if segments else "")
    named = [value.partition("=") for value in values]
    if values and all(equals and name in table.columns for name, equals, _ in named):
        columns = {name: _value(table.columns[name], text) for name, _, text in named}
        return Place(projection, table, None, columns)
    keys = list(table.primary_key.columns)
    if len(values) != len(keys):
        names = ", ".join(column.name for column in keys)
        detail = (
            f"found {len(values)} values after {table.name}, its key is needed ({names}), or "
            "columns as name=value"
        )
        raise Invalid(("/key", detail))
    key = tuple(_value(column, text) for column, text in zip(keys, values, strict=True))
    return Place(projection, table, key, {})


def _value(column: Column[Any], text: str) -> Any:
    if isinstance(column.type, Integer):
        digits = text.removeprefix("-")
        plain = digits.isascii() and digits.isdecimal() and len(text) <= 20
        if plain and -(2**63) <= int(text) < 2**63:
            return int(text)
        raise Invalid(("/key", f"found {shown(text)}, a whole number is needed for {column.name}"))
    if isinstance(column.type, LargeBinary):
        try:
            return UUID(text).bytes
        except ValueError:
            detail = f"found {shown(text)}, a UUID is needed for {column.name}"
            raise Invalid(("/key", detail)) from None
    return text


def as_people_see(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row as JSON can hold it: ids as they are written, other bytes by their digest."""
    # A column's name is text of SQLAlchemy's own kind, which no encoder knows.
    return {str(name): _visible(value) for name, value in row.items()}


def _visible(value: Any) -> Any:
    if not isinstance(value, bytes):
        return value
    if len(value) == 16:
        return str(UUID(bytes=value))
    return f"{len(value)} bytes, sha256 {sha256(value).hexdigest()}"


def _told(values: dict[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in as_people_see(values).items())


def row_at(connection: Connection, table: Table, key: tuple[Any, ...]) -> dict[str, Any] | None:
    """Return the row with a key, by the names of its columns."""
    columns = table.primary_key.columns
    matches = [column == value for column, value in zip(columns, key, strict=True)]
    found = connection.execute(select(table).where(*matches)).first()
    return None if found is None else dict(found._mapping)


def key_of(connection: Connection, place: Place) -> tuple[Any, ...]:
    """Return the whole key of a place. Raises NoSuchRow, and Invalid where columns name several."""
    if place.key is not None:
        return place.key
    table = place.table
    matches = [table.columns[name] == value for name, value in place.columns.items()]
    # Two are enough to know that it is not one.
    keys = select(*table.primary_key.columns).where(*matches).limit(2)
    found = connection.execute(keys).all()
    if not found:
        raise NoSuchRow(table, str(place))
    if len(found) > 1:
        others = ", ".join(each.name for each in table.columns if each.name not in place.columns)
        detail = f"several rows of {table.name} have {place}; say more of: {others}"
        raise Invalid(("/key", detail))
    return tuple(found[0])
