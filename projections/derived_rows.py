"""The derived rows of a version that is being built, when all rows that they follow from are there.

Several processes may write them, each a share.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Engine, Table, delete

from projections.beside import Copy, bulk_beside, check_copies
from projections.database import reading
from projections.deriving import Stored
from projections.parts import writing_in_turns
from projections.projection import Projection, Row, Share
from projections.workers import Progress, Sources


class DerivedRows:
    """Writes the derived rows of one projection, for as long as the versions are ours."""

    def __init__(self, engine: Engine, mine: Sequence[Copy], projection: Projection) -> None:
        assert projection.derivation is not None
        self._engine, self._mine, self._derivation = engine, mine, projection.derivation
        with engine.connect() as connection:
            self._bulk = bulk_beside(connection, [projection], "next")

    def clear(self) -> None:
        """Forget what an earlier try has written."""
        with self._engine.begin() as connection:
            check_copies(connection, self._mine)
            for table in self._derivation.tables:
                connection.execute(delete(self._bulk[table].table))

    def build(self, share: Share, progress: Progress) -> Any:
        """Write one share; return what `join` wants of it. Raises Overtaken."""
        with (
            reading(self._engine).connect() as connection,
            writing_in_turns(self._engine, self._mine, self._bulk) as write,
        ):
            written = 0

            def write_and_tell(table: Table, rows: Sequence[Row]) -> None:
                nonlocal written
                write(table, rows)
                written += len(rows)
                progress(written)

            return self._derivation.build(Stored(connection, self._bulk), write_and_tell, share)

    def join(self, built: Sequence[Any]) -> None:
        """Write what all shares contribute to. Raises Overtaken."""
        with writing_in_turns(self._engine, self._mine, self._bulk) as write:
            self._derivation.join(built, write)


def derive_share(
    mine: Sequence[Copy], name: str, share: Share, sources: Sources, progress: Progress
) -> Any:
    """Write one share of a projection's derived rows; a task for a crew."""
    (projection,) = sources.chosen([name])
    return DerivedRows(sources.engine, mine, projection).build(share, progress)
