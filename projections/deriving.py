"""Rows that follow from other rows: what one event can change in many rows, or through a join.

A rule changes one row for one event. A derivation looks at the rows before and after a page and
says which further rows of the same projection follow from them; a rebuild makes these at its end.
"""

import copy
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, func, select

from projections.projection import Key, Projection, Row, Rows, RowsBefore, Share
from projections.rows import BulkRows

ROWS_AT_ONCE = 2_000


class Stored:
    """The rows that are stored of some projections, live or beside, by their live tables."""

    def __init__(self, connection: Connection, bulk: Mapping[Table, BulkRows]) -> None:
        self._connection, self._bulk = connection, bulk

    def rows(self, table: Table, keys: Sequence[Key]) -> dict[Key, Row | None]:
        """Return the rows that exist among these keys."""
        return self._bulk[table].load(self._connection, list(keys)) if keys else {}

    def rows_with(self, table: Table, column: str, values: Sequence[Any]) -> dict[Key, Row | None]:
        """Return the rows that have one of these values in a column."""
        bulk = self._bulk[table]
        return bulk.load_with(self._connection, column, list(values)) if values else {}

    def all_rows(
        self,
        table: Table,
        share: Share = Share(),  # noqa: B008 - it never changes
    ) -> Iterator[dict[Key, Row | None]]:
        """Return every row, or a share of them, some at a time."""
        bulk = self._bulk[table]
        options = {"yield_per": ROWS_AT_ONCE}
        wanted = bulk.table.select().where(*self._bounds(bulk.table, share))
        found = self._connection.execute(wanted, execution_options=options)
        for some in found.partitions():
            yield bulk.keyed(some)

    def _bounds(self, table: Table, share: Share) -> list[ColumnElement[bool]]:
        """Return the conditions that cut a table into shares of about as many rows."""
        many = 0
        if share.of > 1:
            many = self._connection.scalar(select(func.count()).select_from(table)) or 0
        if not many:
            return []
        key = next(iter(table.primary_key.columns))

        def first_of(number: int) -> Any:
            behind = many * number // share.of
            return self._connection.scalar(select(key).order_by(key).offset(behind).limit(1))

        bounds = [key >= first_of(share.number)] if share.number else []
        return bounds + ([key < first_of(share.number + 1)] if share.number + 1 < share.of else [])


def copied(projections: Sequence[Projection], rows: RowsBefore) -> RowsBefore:
    """Return the source rows of derivations as they are now; rules may change what they get."""
    return {
        table: {key: copy.copy(row) for key, row in rows.get(table, {}).items()}
        for each in projections
        if each.derivation is not None
        for table in each.derivation.sources
    }


def to_derive(before: RowsBefore, rows: Rows) -> bool:
    """Return whether any source row of a derivation was touched; `before` is of `copied`."""
    return any(rows[table] for table in before)


def derive(
    projections: Sequence[Projection], before: RowsBefore, rows: Rows, stored: Stored
) -> None:
    """Add to the rows of a page what follows from them."""
    for each in projections:
        if each.derivation is None:
            continue
        after = {table: rows[table] for table in each.derivation.sources}
        if any(after.values()):
            rows.update(each.derivation.follow(before, after, stored))
