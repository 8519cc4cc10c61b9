"""Who keeps read models and capacity files at the head of the ledger, and what stands in the way.

Threads of this process do, or another process does, see `following_process`, or nobody.
"""

import asyncio
from itertools import islice
from typing import Protocol

from interfaces.reading_side import ReadingSide
from projections.capacity_files import CapacityFileWriter, Key
from projections.checkpoints import CheckpointKeeper
from projections.database import reading
from projections.supplier_capacity import all_scenarios, touched_scenarios

# A report is one line, and who reads it takes 64 KiB at most.
_MOST_FILES_SAID, MOST_CHARACTERS_SAID = 10, 500


class Follower(Protocol):
    """Keeps the reading side current from `start` to `stop`."""

    async def start(self) -> None:
        """Begin to follow."""

    async def stop(self) -> None:
        """Finish what is in hand, and end."""

    def wake(self, position: int) -> None:
        """Say how far the ledger has come."""

    def hurry(self, position: int) -> None:
        """Say that somebody waits until a position is shown."""

    @property
    def problem(self) -> str:
        """What stands in the way of following, or the empty text."""

    @property
    def files_problem(self) -> str:
        """How many capacity files are not written now, in words, or the empty text."""

    @property
    def files_failing(self) -> dict[str, str]:
        """Which capacity files are not written now, and why; the first few, by line/scenario."""

    @property
    def files_failing_count(self) -> int:
        """How many capacity files are not written now."""

    @property
    def files_failures(self) -> int:
        """How many writes of capacity files have failed so far."""


class Elsewhere:
    """Somebody else follows, or nobody does; this process only reads."""

    problem = files_problem = ""
    files_failing: dict[str, str] = {}  # noqa: RUF012 - never changed: nothing is written here
    files_failing_count = 0
    files_failures = 0

    async def start(self) -> None:
        """Do nothing."""

    async def stop(self) -> None:
        """Do nothing."""

    def wake(self, position: int) -> None:
        """Tell nobody."""

    def hurry(self, position: int) -> None:
        """Tell nobody."""


class InThreads:
    """Follows in two threads of this process."""

    def __init__(self, side: ReadingSide) -> None:
        self._side = side
        self._writer = CapacityFileWriter(side.files, self._open_scenarios)
        side.projector.on_applied.append(
            lambda position, touched: self._writer.mark(touched_scenarios(touched))
        )
        self._checkpoints = CheckpointKeeper(side.past_files)
        side.projector.on_applied.append(lambda position, _: self._checkpoints.reached(position))

    def _open_scenarios(self) -> list[Key]:
        with reading(self._side.engine).connect() as connection:
            return [(each.line, each.scenario) for each in all_scenarios(connection)]

    async def start(self) -> None:
        """Start both threads; every capacity file is looked at, whoever left it as it is."""
        self._writer.start()
        self._checkpoints.start()
        self._side.projector.start()

    async def stop(self) -> None:
        """End the projector, then write the files it has changed."""
        await asyncio.to_thread(self.stop_now)

    def stop_now(self) -> None:
        """Do the same, and wait for it."""
        self._checkpoints.stop()
        self._side.projector.stop()
        self._writer.stop()

    def wake(self, position: int) -> None:
        """Let the projector look, unless it has already seen what there is."""
        self._side.log.wake(position)

    def hurry(self, position: int) -> None:
        """Let the projector look, and take no breath until it has come so far."""
        self._side.projector.hurry(position)
        self._side.log.wake(position)

    @property
    def problem(self) -> str:
        """What the projector says is wrong, or that it has ended."""
        projector = self._side.projector
        return projector.failure or ("" if projector.alive else "it has ended")

    @property
    def files_problem(self) -> str:
        """How many capacity files are not written now, in words; of the held back also which."""
        said, held = [], self._writer.held
        if failing := self._writer.failing:
            said.append(f"{len(failing)} cannot be written")
        if held:
            named = (f"{why} {line}/{name}" for (line, name), why in sorted(held.items()))
            said.append(f"{len(held)} held: {', '.join(islice(named, _MOST_FILES_SAID))}")
        return "; ".join(said)

    @property
    def files_failing(self) -> dict[str, str]:
        """Which capacity files are not written now, and why; the first few, by line/scenario."""
        held = {key: f"held: {why}" for key, why in self._writer.held.items()}
        found = sorted((self._writer.failing | held).items())[:_MOST_FILES_SAID]
        return {f"{line}/{name}": why[:MOST_CHARACTERS_SAID] for (line, name), why in found}

    @property
    def files_failing_count(self) -> int:
        """How many capacity files are not written now."""
        return len(self._writer.failing) + len(self._writer.held)

    @property
    def files_failures(self) -> int:
        """How many writes of capacity files have failed so far."""
        return self._writer.failures
