"""How far each of some projections is: as last heard, else as the database says."""

import asyncio
from collections.abc import Callable, Sequence

from sqlalchemy import Engine
from sqlalchemy.exc import InterfaceError, OperationalError

from projections.database import read_positions, reading
from projections.projection import Projection
from projections.waiting import KnownPositions

POLL_SECONDS = 0.02
LOOK_SECONDS = 1.0  # where whoever moves them wakes us, and has perhaps forgotten to


class Positions(KnownPositions):
    """Positions that are looked up where nothing is known, and waited for until they are passed."""

    def __init__(
        self,
        engine: Engine,
        projections: Sequence[Projection],
        *,
        moved_here: Callable[[], bool],
    ) -> None:
        """`moved_here` tells whether it is this process that moves them, and so wakes us."""
        super().__init__()
        self.poll_seconds = POLL_SECONDS  # how often to look when others move them
        self._engine, self._projections, self._moved_here = engine, projections, moved_here
        self.names = tuple(each.name for each in projections)

    def now(self) -> dict[str, int]:
        """Return how far each projection is known to have come."""
        known = self.known
        return known if known is not None else self.read()

    def least(self) -> int:
        """Return how far the one furthest behind is known to have come."""
        return min(self.now().values())

    def read(self) -> dict[str, int]:
        """Look up how far each has come."""
        with reading(self._engine).connect() as connection:
            positions = read_positions(connection, self._projections)
        self.set(positions)
        return positions

    def told(self, position: int) -> None:
        """Take another process's word that all have come to a position."""
        known = self.known or {}
        self.set({name: max(position, known.get(name, 0)) for name in self.names})

    async def passed_in_time(
        self, position: int, names: Sequence[str], *, timeout_seconds: float
    ) -> bool:
        """Return True as soon as these (none named: all) have passed; False when time is up."""
        asked = tuple(names) or self.names
        if self.have_passed(asked, position):
            return True
        try:
            async with asyncio.timeout(timeout_seconds):
                while not self.have_passed(asked, position):
                    await self._woken_or_seen(asked, position)
        except TimeoutError:
            return self.have_passed(asked, position)
        return True

    async def _woken_or_seen(self, names: tuple[str, ...], position: int) -> None:
        # Who moves them may end between the question and the entry: then looking finds it out.
        try:
            async with asyncio.timeout(LOOK_SECONDS if self._moved_here() else self.poll_seconds):
                await self.passed(names, position)
        except TimeoutError:
            try:
                await asyncio.to_thread(self.read)
            except (OperationalError, InterfaceError):  # it may be back before our time is up
                await asyncio.sleep(self.poll_seconds)
