"""The thread that keeps capacity files up to date."""

import time
from collections.abc import Callable, Iterable
from threading import Condition, Thread

import structlog

from projections.capacity_files.files import CapacityFiles
from projections.capacity_files.records import Key, Outcome

_PAUSES_EACH_WRITE = 20  # so that writing takes a twentieth of the time, whatever the size
_SWEPT_AT_ONCE = 20  # what has just changed never waits for the whole sweep

_log = structlog.get_logger(__name__)


class CapacityFileWriter:
    """Writes the files of scenarios that changed, in a thread of its own.

    What is marked during a write becomes one next write. What failed or is held back is tried again
    at the next mark and every few seconds, and once more when it stops. `everything` says which
    files there are: all are looked at when it starts, and again and again, because a mark dies with
    its process, and another process may have moved the read models without writing our files.
    """

    def __init__(
        self,
        files: CapacityFiles,
        everything: Callable[[], Iterable[Key]] = tuple,
        *,
        retry_seconds: float = 5.0,
        pause_seconds: float = 0.1,
        sweep_seconds: float = 60.0,
    ) -> None:
        self._files, self._everything = files, everything
        self._retry_seconds, self._pause_seconds = retry_seconds, pause_seconds
        self._sweep_seconds = sweep_seconds
        self._sweep_at = time.monotonic()
        self._unswept: list[Key] = []
        self._condition = Condition()
        self._marked: set[Key] = set()
        self._failing: dict[Key, str] = {}
        self._held: dict[Key, Outcome] = {}
        self._failures = 0
        self._stopping = False
        self._thread = Thread(target=self._run, name="capacity-files", daemon=True)

    @property
    def failures(self) -> int:
        """How many writes have failed since the start."""
        return self._failures

    @property
    def failing(self) -> dict[Key, str]:
        """Which files cannot be written now, and why."""
        with self._condition:
            return dict(self._failing)

    @property
    def held(self) -> dict[Key, Outcome]:
        """Which files are left alone now, because they were edited, deleted, or never ours."""
        with self._condition:
            return dict(self._held)

    def mark(self, changed: Iterable[Key]) -> None:
        """Ask for these files to be written soon; returns at once."""
        with self._condition:
            self._marked.update(changed)
            self._condition.notify()

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def stop(self) -> None:
        """Write what is marked, then end."""
        with self._condition:
            self._stopping = True
            self._condition.notify()
        self._thread.join()

    def _pause(self, write_seconds: float) -> None:
        """Leave time between writes, the more the longer they take: changes become one write."""
        pause_seconds = max(self._pause_seconds, _PAUSES_EACH_WRITE * write_seconds)
        with self._condition:
            self._condition.wait_for(lambda: self._stopping, timeout=pause_seconds)

    def _run(self) -> None:
        last = False
        while not last:
            with self._condition:
                self._condition.wait_for(
                    lambda: self._marked or self._stopping,
                    timeout=self._patience_seconds(),
                )
                last = self._stopping
                asked = self._marked | set(self._failing) | set(self._held)
                self._marked = set()
            asked.update(self._swept())
            if not asked:
                continue
            begun = time.monotonic()
            failed, held = self._files.write_changed(asked)
            self._pause(time.monotonic() - begun)
            for (line, scenario), error in failed.items():
                _log.error("capacity_file_failed", line=line, scenario=scenario, error=str(error))
            with self._condition:
                self._failures += len(failed)
                self._failing = {key: str(error) for key, error in failed.items()}
                self._held = held
                last = last and not self._marked

    def _patience_seconds(self) -> float:
        """Say how long nothing need be done when nobody asks."""
        if self._unswept:
            return 0.0
        until_sweep_seconds = max(0.0, self._sweep_at - time.monotonic())
        trouble = self._failing or self._held
        return min(self._retry_seconds, until_sweep_seconds) if trouble else until_sweep_seconds

    def _swept(self) -> list[Key]:
        """Return the next few files of a sweep, and begin one when it is time."""
        if not self._unswept and time.monotonic() >= self._sweep_at:
            self._sweep_at = time.monotonic() + self._sweep_seconds
            try:
                self._unswept = list(self._everything())
            except Exception as error:  # what is marked must be written all the same
                self._sweep_at = time.monotonic() + self._retry_seconds
                _log.error("capacity_files_not_listed", error=str(error))
        some, self._unswept = self._unswept[:_SWEPT_AT_ONCE], self._unswept[_SWEPT_AT_ONCE:]
        return some
