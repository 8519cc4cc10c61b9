"""Folding the whole history: the rules of following in a tighter loop, for millions of events."""

import gc
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple
from uuid import UUID

from msgspec import convert
from sqlalchemy import Table

from domain.aggregate import Event, identify
from domain.stored import reader_of
from projections.folding import EventFailed, Fold, Rulebook
from projections.left_out import LeftOut
from projections.log import LogRow
from projections.projection import Key, Row

_RARELY = (100_000, 50, 100)


class _Target(NamedTuple):
    rows: dict[Key, Row | None]
    touched: set[Key]
    key: Callable[[Any], Key] | None
    apply: Callable[[Any, Any, int], Row | None]
    projection: str
    is_owned: bool


class _Reading(NamedTuple):
    read: Callable[[bytes], Event]
    targets: tuple[_Target, ...]
    is_owned: bool  # no row is touched by another aggregate


class History:
    """Folds log rows as `Rulebook.steps` and `Fold.run` do, without a list in between."""

    def __init__(
        self,
        rulebook: Rulebook,
        left_out: LeftOut,
        *,
        notes_touched: bool,
        keeps_aggregate: Callable[[bytes], bool] | None,
        keeps_key: Callable[[Key], bool] | None,
    ) -> None:
        self.rows = Fold(rulebook.tables).rows
        self.touched: dict[Table, set[Key]] = {table: set() for table in rulebook.tables}
        self._rulebook, self._left_out, self._notes_touched = rulebook, left_out, notes_touched
        self._names = {each.name for each in rulebook.projections}
        self._keeps_aggregate, self._keeps_key = keeps_aggregate, keeps_key
        self._readings: dict[str, _Reading] = {}

    def run(self, page: Sequence[LogRow]) -> None:
        """Apply a page. Raises EventFailed."""
        readings, notes = self._readings, self._notes_touched
        keeps, skipping = self._keeps_aggregate, self._left_out.by_position
        for position, originator_id, version, topic, state in self._not_skipped(page):
            projection = ""
            try:
                read, targets, all_owned = readings.get(topic) or self._learned(topic)
                if not targets or (keeps and all_owned and not keeps(originator_id)):
                    continue
                event = read(state)
                # Made by msgspec in a quarter of the time that UUID(bytes=...) takes.
                identify(event, convert(originator_id, UUID), version)
                if skipping:
                    targets = self._wanted(targets, position)
                for rows, touched, key_of, apply, projection, is_owned in targets:  # noqa: B007 - an error names it
                    key = originator_id if key_of is None else key_of(event)
                    if not (all_owned or self._is_mine(originator_id, key, is_owned)):
                        continue
                    rows[key] = apply(rows.get(key), event, position)
                    if notes:
                        touched.add(key)
            except Exception as error:
                raise EventFailed(position, topic, projection, error) from error

    def _is_mine(self, originator_id: bytes, key: Key, is_owned: bool) -> bool:
        if is_owned:
            return self._keeps_aggregate is None or self._keeps_aggregate(originator_id)
        return self._keeps_key is None or self._keeps_key(key)

    def forget_touched(self) -> None:
        """Begin to note anew which rows are touched."""
        for keys in self.touched.values():
            keys.clear()

    def _learned(self, topic: str) -> _Reading:
        rules = self._rulebook.rules(topic)
        targets = tuple(
            _Target(
                self.rows[each.table],
                self.touched[each.table],
                each.key,
                each.apply,
                each.projection,
                each.is_owned,
            )
            for each in rules
        )
        all_owned = all(rule.is_owned for rule in rules)
        found = self._readings[topic] = _Reading(reader_of(topic), targets, all_owned)
        return found

    # What people skip is rare, and then costs a little for each event.

    def _not_skipped(self, page: Sequence[LogRow]) -> Sequence[LogRow]:
        skipping = self._left_out.by_position
        if not skipping:
            return page
        return [row for row in page if not self._names <= skipping.get(row[0], frozenset())]

    def _wanted(self, targets: tuple[_Target, ...], position: int) -> tuple[_Target, ...]:
        skipped = self._left_out.by_position.get(position, frozenset())
        return tuple(each for each in targets if each.projection not in skipped)


@contextmanager
def rare_collections() -> Iterator[None]:
    """Look seldom for garbage in circles: rows hold none, and there are very many of them."""
    before = gc.get_threshold()
    gc.set_threshold(*_RARELY)
    try:
        yield
    finally:
        gc.set_threshold(*before)
