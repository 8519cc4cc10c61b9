"""Applying a page in which something fails: the events at fault are found and parked.

A rule that fails is noticed at its event, whose effects are taken back. What only the store refuses
is found by halves: each half is written by itself, under a savepoint, down to the one event.
"""

import copy
import traceback
from collections.abc import Sequence
from itertools import groupby
from typing import NamedTuple
from uuid import UUID

from msgspec import convert
from sqlalchemy import Connection
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, OperationalError

from domain.aggregate import Event
from domain.stored import decode
from projections.deriving import Stored, copied, derive
from projections.folding import EventFailed, Fold, Rulebook
from projections.log import LogRow
from projections.page_writes import PageWrites, Rows
from projections.parking import Blocked, ParkedEvent, RowKey
from projections.projection import RowsBefore, Rule

_MOST_ERROR_CHARACTERS, _MOST_TRACEBACK_CHARACTERS = 1_000, 10_000
_PROGRAM_LIMIT_EXCEEDED = "54"  # the class of such as a key too long for its index


class _Item(NamedTuple):
    """One event as one projection sees it; no event where it could not be read."""

    projection: str
    log_row: LogRow
    event: Event | None
    rules: tuple[Rule, ...]
    error: Exception | None


class _Tried(NamedTuple):
    rows: Rows
    before: RowsBefore
    parked: list[ParkedEvent]
    blocked: Blocked


class CarefulPage:
    """Applies what can be applied, inside a transaction under way; `parked` is what cannot."""

    def __init__(
        self, connection: Connection, writes: PageWrites, rulebook: Rulebook, blocked: Blocked
    ) -> None:
        self.parked: list[ParkedEvent] = []
        self.rows: Rows = {table: {} for table in rulebook.tables}
        self.blocked = blocked
        self._connection, self._writes, self._rulebook = connection, writes, rulebook

    def run(self, page: Sequence[LogRow]) -> None:
        """Apply a page. Raises what is no event's fault, such as a lost connection."""
        items = [item for log_row in page for item in self._items(log_row)]
        left_out = self.blocked.left_out
        self._run([each for each in items if (each.projection, each.log_row[0]) not in left_out])

    def _run(self, items: list[_Item]) -> None:
        try:
            with self._connection.begin_nested():
                tried = self._tried(items)
                stored = Stored(self._connection, self._writes.bulk)
                derive(self._rulebook.projections, tried.before, tried.rows, stored)
                self._writes.write_in(self._connection, tried.rows)
        except Exception as error:
            if not blames_the_events(error):
                raise
            if len(items) == 1:
                self._park_refused(items[0], error)
            else:
                self._run(items[: len(items) // 2])
                self._run(items[len(items) // 2 :])
            return
        self.parked += tried.parked
        self.blocked = tried.blocked
        for table, rows in tried.rows.items():
            self.rows[table].update(rows)

    def _tried(self, items: Sequence[_Item]) -> _Tried:
        fold = Fold(self._rulebook.tables)
        wanted = fold.wanted(
            (row[0], row[1], row[2], row[3], event, _sound(rules, event))
            for _, row, event, rules, _ in items
            if event is not None
        )
        fold.rows.update(self._writes.load_in(self._connection, wanted))
        before = copied(self._rulebook.projections, fold.rows)
        tried = _Tried(fold.rows, before, [], self.blocked.with_more(()))
        for item in items:
            found = _applied_or_parked(item, tried)
            if found is not None:
                tried.parked.append(found)
                tried.blocked.add(found)
        return tried

    def _park_refused(self, item: _Item, error: Exception) -> None:
        row_keys = _row_keys(item)
        parked = _parked(item, row_keys, error=error)
        self.parked.append(parked)
        self.blocked = self.blocked.with_more([parked])

    def _items(self, log_row: LogRow) -> list[_Item]:
        _, originator_id, version, topic, state = log_row
        try:
            rules = self._rulebook.rules(topic)
        except Exception as error:
            # Whether a projection wants what nobody knows, it cannot know either.
            names = [each.name for each in self._rulebook.projections]
            return [_Item(name, log_row, None, (), error) for name in names]
        by_projection = groupby(rules, key=lambda rule: rule.projection)
        wants = [(name, tuple(of_one)) for name, of_one in by_projection]
        try:
            event = decode(topic, state, convert(originator_id, UUID), version) if wants else None
        except Exception as error:
            return [_Item(name, log_row, None, of_one, error) for name, of_one in wants]
        return [_Item(name, log_row, event, of_one, None) for name, of_one in wants]


def blames_the_events(error: Exception) -> bool:
    """Return whether the values to be stored were refused, rather than the store being away."""
    if not isinstance(error, DBAPIError):
        return isinstance(error, OverflowError | UnicodeError | ValueError | TypeError)
    code = getattr(error.orig, "sqlstate", None)
    if isinstance(error, OperationalError):
        return code is not None and code.startswith(_PROGRAM_LIMIT_EXCEEDED)
    if isinstance(error, DataError | IntegrityError):
        return True
    # Without a code of the server it was the driver that could not send a value.
    return code is None and not error.connection_invalidated


def _applied_or_parked(item: _Item, tried: _Tried) -> ParkedEvent | None:
    """Change the rows by one event; return it, with the rows as before, if it must be parked."""
    row_keys: tuple[RowKey, ...] = ()
    try:
        row_keys = _row_keys(item)
        behind = tried.blocked.behind(item.projection, item.log_row[1], row_keys)
        if behind is not None:
            return _parked(item, row_keys, behind=behind)
        if item.error is not None:
            raise item.error
    except Exception as error:
        return _parked(item, row_keys, error=error)
    touched = [
        (tried.rows[rule.table], key, rule)
        for rule, (_, key) in zip(item.rules, row_keys, strict=True)
    ]
    before = [(rows, key, copy.copy(rows[key])) for rows, key, _ in touched if key in rows]
    try:
        for rows, key, rule in touched:
            rows[key] = rule.apply(rows.get(key), item.event, item.log_row[0])
    except Exception as error:
        for rows, key, _ in touched:
            rows.pop(key, None)
        for rows, key, row in before:
            rows[key] = row
        return _parked(item, row_keys, error=error)
    return None


def _row_keys(item: _Item) -> tuple[RowKey, ...]:
    if item.event is None:  # unread, it is known by its aggregate alone
        return ()
    return tuple(
        (str(rule.table.name), item.log_row[1] if rule.key is None else rule.key(item.event))
        for rule in item.rules
    )


def _sound(rules: tuple[Rule, ...], event: Event) -> tuple[Rule, ...]:
    """Return the rules that can say which row they mean."""

    def says(rule: Rule) -> bool:
        try:
            return rule.key is None or rule.key(event) is not None
        except Exception:  # told where the event is applied, and parked
            return False

    return tuple(filter(says, rules))


def _parked(
    item: _Item,
    row_keys: tuple[RowKey, ...],
    *,
    behind: int | None = None,
    error: Exception | None = None,
) -> ParkedEvent:
    if error is None:
        said, trace = f"It waits for the event at position {behind}", ""
    else:
        # Without the statement and its values, which the error of SQLAlchemy repeats.
        cause = error.orig if isinstance(error, DBAPIError) and error.orig else error
        assert isinstance(cause, Exception)
        position, _, _, topic, _ = item.log_row
        said = str(EventFailed(position, topic, item.projection, cause))
        trace = "".join(traceback.format_exception(cause))
    return ParkedEvent(
        item.projection,
        item.log_row,
        row_keys,
        behind,
        said[:_MOST_ERROR_CHARACTERS],
        trace[-_MOST_TRACEBACK_CHARACTERS:],
    )
