"""Applying pages of events under an epoch: whole if possible, else with care for each event."""

from collections.abc import Sequence

import structlog
from sqlalchemy import Engine

from projections.careful import CarefulPage, blames_the_events
from projections.completeness import applied
from projections.database import reading
from projections.deriving import Stored, copied, derive, to_derive
from projections.folding import EventFailed, Fold, Rulebook
from projections.log import LogRow
from projections.page_writes import Move, Rows, page_writes_of
from projections.parking import Blocked, left_out_ahead, park, parked_of
from projections.projection import Projection

_log = structlog.get_logger(__name__)


class Pages:
    """Writes pages, and knows what is parked: nobody else changes that under the same epoch."""

    def __init__(self, engine: Engine, projections: Sequence[Projection]) -> None:
        self.writes = page_writes_of(engine, projections)
        self._engine = engine
        self._names = [each.name for each in projections]
        self._epoch, self._blocked = 0, Blocked()

    def begin(self, epoch: int) -> None:
        """Name the epoch of what is written next, before anything is read that it rests on."""
        if self._epoch != epoch:
            with reading(self._engine).connect() as connection:
                self._blocked = Blocked(
                    parked_of(connection, self._names), left_out_ahead(connection, self._names)
                )
            self._epoch = epoch

    def apply(
        self, rulebook: Rulebook, page: list[LogRow], after: int, reached: int
    ) -> Rows | None:
        """Fold a page and write it, with the position; return the rows.

        None, and nothing is written, if the position or the epoch is another by now.
        """
        move = Move(rulebook.projections, after, reached, self._epoch, applied(page))
        if not self._blocked:
            try:
                return self._whole(rulebook, page, move)
            except EventFailed:
                pass  # applied again below, where the event is parked
            except Exception as error:
                if not blames_the_events(error):
                    raise
        return self._carefully(rulebook, page, move)

    def _whole(self, rulebook: Rulebook, page: list[LogRow], move: Move) -> Rows | None:
        steps = rulebook.steps(page)
        fold = Fold(rulebook.tables)
        fold.rows.update(self.writes.load(fold.wanted(steps)))
        before = copied(rulebook.projections, fold.rows)
        fold.run(steps)
        if to_derive(before, fold.rows):
            with reading(self._engine).connect() as connection:
                stored = Stored(connection, self.writes.bulk)
                derive(rulebook.projections, before, fold.rows, stored)
        return fold.rows if self.writes.write(move, fold.rows) else None

    def _carefully(self, rulebook: Rulebook, page: list[LogRow], move: Move) -> Rows | None:
        with self._engine.connect() as connection, connection.begin() as transaction:
            if not move.take(connection):
                transaction.rollback()
                return None
            careful = CarefulPage(connection, self.writes, rulebook, self._blocked)
            careful.run(page)
            park(connection, careful.parked)
        self._blocked = careful.blocked
        for each in careful.parked:
            _log.error("an event is parked", error=each.error, projection=each.projection)
        return careful.rows
