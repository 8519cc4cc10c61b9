"""Explaining: a row of a read model, resolved to the events that made it.

Nothing is declared for it: the rules say which row an event touches, and so which events
touched a row. Rows whose key is an aggregate's id are explained by that aggregate's stream, and
rows that follow from others by the events of those, as they are now.
"""

from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Column, Connection, Integer, LargeBinary, Table, select

from domain.aggregate import Event
from domain.errors import Invalid, NotFound
from domain.names import shown
from domain.stored import decode, stored_topics
from projections.database import projection_positions
from projections.log import LogRow, PastLog
from projections.projection import Key, MadeOf, Projection, Rule

_PAGE_EVENTS = 200


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


class Explained(NamedTuple):
    """An event that touched a row, and its place in the ledger."""

    position: int
    event: Event


class Explanation(NamedTuple):
    """A row as it is now (None: it is no more), and what made it, newest first."""

    place: Place
    key: dict[str, Any]
    row: dict[str, Any] | None
    events: list[Explained]
    more: bool
    position: int  # up to which it is explained


# What is asked.


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


# The answer.


def explain(
    connection: Connection,
    log: PastLog,
    place: Place,
    *,
    limit: int,
    before: int | None = None,
) -> Explanation:
    """Return a row and the events that made it, those before a position if one is named.

    It is the row that the connection shows, live or past, and no event beyond it counts.
    Raises NoSuchRow, and Invalid where columns are those of several rows.
    """
    key = place.key if place.key is not None else _key_by_columns(connection, place)
    columns = projection_positions.c
    shown_position = connection.scalar(
        select(columns.position).where(columns.name == place.projection.name)
    )
    position = shown_position or 0
    first = min(position + 1, before or position + 1)
    row = _row(connection, place.table, key)
    derivation = place.projection.derivation
    if derivation is not None and place.table in derivation.tables:
        if row is None:
            raise NoSuchRow(place.table, str(place), follows=True)
        made_of = derivation.made_of(connection, place.table, key)
        found = _newest_of_all(log, place.projection, made_of, first, limit + 1)
    else:
        found = _newest(log, place, key, first, limit + 1)
    if not found and row is None and before is None:
        raise NoSuchRow(place.table, str(place))
    names = [column.name for column in place.table.primary_key.columns]
    told = as_people_see(dict(zip(names, key, strict=True)))
    seen = None if row is None else as_people_see(row)
    return Explanation(place, told, seen, found[:limit], len(found) > limit, position)


def touching(projection: Projection, table: Table) -> dict[type[Event], list[Rule]]:
    """Return which events may touch a table's rows, and by which rules."""
    found: dict[type[Event], list[Rule]] = {}
    for event_class in projection.subscribes:
        if rules := [each for each in projection.rules(event_class) if each.table is table]:
            found[event_class] = rules
    return found


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


def _row(connection: Connection, table: Table, key: tuple[Any, ...]) -> dict[str, Any] | None:
    columns = table.primary_key.columns
    matches = [column == value for column, value in zip(columns, key, strict=True)]
    found = connection.execute(select(table).where(*matches)).first()
    return None if found is None else dict(found._mapping)


def _key_by_columns(connection: Connection, place: Place) -> tuple[Any, ...]:
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


# Finding the events.


def _newest(
    log: PastLog, place: Place, key: tuple[Any, ...], before: int, limit: int
) -> list[Explained]:
    rules = touching(place.projection, place.table)
    found: list[Explained] = []
    folded_key = key[0] if len(key) == 1 else key
    for source in _sources(log, rules, folded_key, before):
        found += _first(source, rules, folded_key, limit)
    # An event that two sources know is one event.
    by_position = {each.position: each for each in found}
    return [by_position[position] for position in sorted(by_position, reverse=True)][:limit]


def _newest_of_all(
    log: PastLog, projection: Projection, made_of: MadeOf, before: int, limit: int
) -> list[Explained]:
    """Return the newest events that touched any of some rows, in one pass over their topics."""
    rules: dict[type[Event], list[Rule]] = {}
    for table in made_of.rows:
        for event_class, several in touching(projection, table).items():
            rules.setdefault(event_class, []).extend(several)
    wanted = {table: set(keys) for table, keys in made_of.rows.items()}
    found: list[Explained] = []
    for position, originator_id, version, topic, state in _topics(log, list(rules), before):
        event = decode(topic, state, UUID(bytes=originator_id), version)
        touches = any(_key(rule)(event) in wanted[rule.table] for rule in rules[type(event)])
        if touches and made_of.concerns(event):
            found.append(Explained(position, event))
            if len(found) == limit:
                break
    return found


def _sources(
    log: PastLog, rules: dict[type[Event], list[Rule]], key: Key, before: int
) -> Iterator[Iterator[LogRow]]:
    """Yield where the events of a row may lie, each newest first."""
    kinds = [rule for several in rules.values() for rule in several]
    if isinstance(key, bytes) and any(rule.key is None for rule in kinds):
        yield _stream(log, key, before)
    if keyed := [
        event_class
        for event_class, several in rules.items()
        if any(rule.key is not None for rule in several)
    ]:
        yield _topics(log, keyed, before)


def _stream(log: PastLog, originator_id: bytes, before: int) -> Iterator[LogRow]:
    version = 2**63 - 1
    while True:
        page = log.stream_back(
            originator_id, before_version=version, up_to=before - 1, limit=_PAGE_EVENTS
        )
        yield from page
        if len(page) < _PAGE_EVENTS:
            return
        version = page[-1][2]


def _topics(log: PastLog, event_classes: Sequence[type[Event]], before: int) -> Iterator[LogRow]:
    topics = [topic for event_class in event_classes for topic in stored_topics(event_class)]
    while True:
        page = log.topics_back(topics, before=before, limit=_PAGE_EVENTS)
        yield from page
        if len(page) < _PAGE_EVENTS:
            return
        before = page[-1][0]


def _first(
    rows: Iterator[LogRow], rules: dict[type[Event], list[Rule]], key: Key, limit: int
) -> list[Explained]:
    found: list[Explained] = []
    for position, originator_id, version, topic, state in rows:
        event = decode(topic, state, UUID(bytes=originator_id), version)
        if any(_key(rule)(event) == key for rule in rules.get(type(event), ())):
            found.append(Explained(position, event))
            if len(found) == limit:
                break
    return found


def _key(rule: Rule) -> Callable[[Any], Key]:
    return rule.key or (lambda event: event.originator_id.bytes)
