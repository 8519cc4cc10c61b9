"""Explaining: a row of a read model, resolved to the events that made it.

Nothing is declared for it: the rules say which row an event touches, and so which events
touched a row. Rows whose key is an aggregate's id are explained by that aggregate's stream, and
rows that follow from others by the events of those, as they are now.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Connection, Table, select

from domain.aggregate import Event
from domain.stored import decode, stored_topics
from projections.database import projection_positions
from projections.log import LogRow, PastLog
from projections.projection import Key, MadeOf, Projection, Rule
from projections.row_places import NoSuchRow, Place, as_people_see, key_of, row_at

_PAGE_EVENTS = 200


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
    key = key_of(connection, place)
    columns = projection_positions.c
    shown_position = connection.scalar(
        select(columns.position).where(columns.name == place.projection.name)
    )
    position = shown_position or 0
    first = min(position + 1, before or position + 1)
    row = row_at(connection, place.table, key)
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
