"""The derived rows of a version that is being built, when all rows that they follow from are there.

Several processes may write them, each a share.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Engine, Table, delete, func, select

from projections.beside import Copy, bulk_beside, check_copies
from projections.database import reading
from projections.deriving import Stored
from projections.parts import writing_in_turns
from projections.projection import Key, Projection, Row, Share
from projections.rows import BulkRows
from projections.workers import Progress, Sources


class DerivedRows:
    """Writes the derived rows of one projection, for as long as the versions are ours."""

    def __init__(self, engine: Engine, mine: Sequence[Copy], projection: Projection) -> None:
        assert projection.derivation is not None
        self._engine, self._mine, self._derivation = engine, mine, projection.derivation
        with engine.connect() as connection:
            self._bulk = bulk_beside(connection, [projection], "next")

    def begin(self) -> int:
        """Forget what an earlier try has written; return how many rows are shared out."""
        with self._engine.begin() as connection:
            check_copies(connection, self._mine)
            for table in self._derivation.tables:
                connection.execute(delete(self._bulk[table].table))
            shared_out = self._bulk[self._derivation.shared_out].table
            return connection.scalar(select(func.count()).select_from(shared_out)) or 0

    def build(self, share: Share, progress: Progress) -> Any:
        """Write one share; return what `join` wants of it. Raises Overtaken.

        `progress` gets how many of the rows that are shared out have been looked at.
        """
        with (
            reading(self._engine).connect() as connection,
            writing_in_turns(self._engine, self._mine, self._bulk) as write,
        ):
            stored = _Told(connection, self._bulk, self._derivation.shared_out, progress)
            return self._derivation.build(stored, write, share)

    def join(self, built: Sequence[Any]) -> None:
        """Write what all shares contribute to. Raises Overtaken."""
        with writing_in_turns(self._engine, self._mine, self._bulk) as write:
            self._derivation.join(built, write)


class _Told(Stored):
    """Stored rows that tell how many of one table have been read."""

    def __init__(
        self,
        connection: Connection,
        bulk: Mapping[Table, BulkRows],
        counted: Table,
        progress: Progress,
    ) -> None:
        super().__init__(connection, bulk)
        self._counted, self._progress = counted, progress

    def all_rows(
        self,
        table: Table,
        share: Share = Share(),  # noqa: B008 - it never changes
    ) -> Iterator[dict[Key, Row | None]]:
        """Return every row, or a share of them, some at a time."""
        read = 0
        for some in super().all_rows(table, share):
            yield some
            if table is self._counted:
                read += len(some)
                self._progress(read)


def derive_share(
    mine: Sequence[Copy], name: str, share: Share, sources: Sources, progress: Progress
) -> Any:
    """Write one share of a projection's derived rows; a task for a crew."""
    (projection,) = sources.chosen([name])
    return DerivedRows(sources.engine, mine, projection).build(share, progress)
