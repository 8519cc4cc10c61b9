"""Rows that follow from other rows: what one event can change in many rows, or through a join.

A rule changes one row for one event. A derivation looks at the rows before and after a page and
says which further rows of the same projection follow from them; a rebuild makes these at its end.
"""

import copy
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Table

from projections.projection import Key, Projection, Row, Rows, RowsBefore
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

    def all_rows(self, table: Table) -> Iterator[dict[Key, Row | None]]:
        """Return every row, some at a time."""
        bulk = self._bulk[table]
        options = {"yield_per": ROWS_AT_ONCE}
        found = self._connection.execute(bulk.table.select(), execution_options=options)
        for some in found.partitions():
            yield bulk.keyed(some)


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
