"""The folder of pasts: checkpoints at regular positions, and what questions have asked for.

Everything here can be made again, by any process; whoever is first gives the file its name.
"""

import os
import re
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

import structlog

from projections.differences import write_differences
from projections.log import PastLog
from projections.past import (
    PastFailed,
    Progress,
    fingerprint_of,
    make_past,
    mark_at,
    open_past,
    read_mark,
    written_beside,
)
from projections.projection import Projection

# What a crash left under a temporary name is nobody's after this time.
_ABANDONED_SECONDS = 3_600.0
_NAME = re.compile(r"(checkpoint|past|differences)-([0-9a-f]{16})-(\d{19}|[0-9a-f]{64})\.db")

_log = structlog.get_logger(__name__)


class PastLimits(NamedTuple):
    """How many pasts are kept, and how large they may be together."""

    checkpoint_events: int = 50_000
    checkpoints: int = 40
    checkpoint_bytes: int = 2 * 2**30
    cache_bytes: int = 2**30


class PastStopped(RuntimeError):
    """The program ends, and nobody waits for this past any more."""


class _Found(NamedTuple):
    """One file of the folder."""

    path: Path
    kind: str
    fingerprint: str
    name: str  # its position, or what the differences are between
    size_bytes: int
    used_at: float

    @property
    def is_checkpoint(self) -> bool:
        return self.kind == "checkpoint"

    @property
    def position(self) -> int:
        return int(self.name)


class PastFiles:
    """Makes, finds and removes pasts. One maker at a time in a process; any number read."""

    def __init__(
        self,
        log: PastLog,
        projections: Sequence[Projection],
        folder: Path,
        *,
        limits: PastLimits | None = None,
    ) -> None:
        self.folder, self.limits = folder, limits or PastLimits()
        self._log, self._projections = log, tuple(projections)
        self._fingerprint = fingerprint_of(projections)
        self._making = threading.Lock()
        self._stopping = threading.Event()

    def at(self, position: int, *, progress: Progress = lambda done, total: None) -> Path:
        """Return the past at a position, made now if need be. Raises PastFailed, PastStopped."""
        with self._making:
            found = self._existing(position)
            if found is None:
                self._leave_checkpoints(position, progress)
                found = self._made("past", position, progress)
            self.used(found)
            return found

    def differences(
        self, begin: int, end: int, *, progress: Progress = lambda done, total: None
    ) -> Path:
        """Return what differs between two positions, as a file. Raises PastFailed, PastStopped."""
        marks = [mark_at(self._log, self._fingerprint, each) for each in (begin, end)]
        name = sha256(repr(marks).encode()).hexdigest()
        path = self.folder / f"differences-{self._fingerprint}-{name}.db"
        if not path.exists():
            self._compare(begin, end, path, progress)
        self.used(path)
        return path

    def _compare(self, begin: int, end: int, path: Path, progress: Progress) -> None:
        with ExitStack() as stack:
            opened = []
            for each in (begin, end):
                engine = open_past(self.at(each))
                stack.callback(engine.dispose)
                # Held open, it can be read to the end even if its name is removed meanwhile.
                opened.append(stack.enter_context(engine.connect()))
            with self._making, written_beside(path, end) as beside:
                write_differences(
                    self._log,
                    self._projections,
                    beside,
                    before=opened[0],
                    after=opened[1],
                    positions=(begin, end),
                    progress=self._unless_stopped(end, progress),
                )
            self._keep_limits(path)

    def write(self, position: int, path: Path, *, progress: Progress) -> None:
        """Write the past at a position to a file of its own. Raises PastFailed, PastStopped."""
        with self._making:
            self._leave_checkpoints(position, progress)
            self._make(path, position, progress)

    def keep_up(self, position: int) -> None:
        """Leave checkpoints at the regular positions up to here. Raises PastFailed, PastStopped."""
        step = self.limits.checkpoint_events
        last = position - position % step
        due = max(self.checkpoints(), default=0) + step
        while due <= last:
            with self._making:  # for one at a time, so that questions come between
                room = due == last or self._has_room()
                if room and self._existing(due) is None:
                    self._made("checkpoint", due, lambda done, total: None)
            due = due + step if room else last

    def checkpoints(self) -> list[int]:
        """Return the positions of all checkpoints, in order."""
        return sorted(each.position for each in self._ours() if each.is_checkpoint)

    def stop(self) -> None:
        """End whatever is being made."""
        self._stopping.set()

    def used(self, path: Path) -> None:
        """Remember that a past was asked for: what was not for longest is removed first."""
        with suppress(OSError):  # removed by another process, or not ours to touch
            os.utime(path)

    # Making.

    def _existing(self, position: int) -> Path | None:
        return next((each.path for each in self._bases(position, least=position)), None)

    def _leave_checkpoints(self, position: int, progress: Progress) -> None:
        """Make the checkpoints that a long way passes, so that no question goes it again."""
        step = self.limits.checkpoint_events
        base = next(iter(self._bases(position)), None)
        after = base.position if base else 0
        for each in range(after - after % step + step, position, step):
            if not self._has_room():
                return
            self._made("checkpoint", each, lambda done, _: progress(done, position))

    def _has_room(self) -> bool:
        found = [each for each in self._ours() if each.is_checkpoint]
        largest = max((each.size_bytes for each in found), default=0)
        return (
            len(found) < self.limits.checkpoints
            and sum(each.size_bytes for each in found) + largest <= self.limits.checkpoint_bytes
        )

    def _made(self, kind: str, position: int, progress: Progress) -> Path:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise PastFailed(position, self.folder, str(error)) from error
        path = self.folder / f"{kind}-{self._fingerprint}-{position:019d}.db"
        self._make(path, position, progress)
        self._keep_limits(path)
        return path

    def _make(self, path: Path, position: int, progress: Progress) -> None:
        while True:
            base = next(iter(self._bases(position)), None)
            try:
                return make_past(
                    self._log,
                    self._projections,
                    path,
                    position=position,
                    base=base.path if base else None,
                    base_position=base.position if base else 0,
                    progress=self._unless_stopped(position, progress),
                )
            except PastFailed:
                if base is None or base.path.exists():
                    raise
                # Another process has removed it meanwhile: begin from the one before.

    def _unless_stopped(self, position: int, progress: Progress) -> Progress:
        def told(done: int, total: int) -> None:
            if self._stopping.is_set():
                raise PastStopped(f"The past at position {position} is not needed any more")
            progress(done, total)

        return told

    # Finding.

    def _bases(self, position: int, *, least: int = 0) -> Iterator[_Found]:
        """Find pasts of this ledger up to a position, newest first; those of another go."""
        pasts = [each for each in self._ours() if each.kind != "differences"]
        found = [each for each in pasts if least <= each.position <= position]
        for each in sorted(found, key=lambda each: -each.position):
            if read_mark(each.path) == mark_at(self._log, self._fingerprint, each.position):
                yield each
            else:
                _log.warning("a past of another ledger is removed", path=str(each.path))
                _remove(each.path)

    def _ours(self) -> list[_Found]:
        return [each for each in self._files() if each.fingerprint == self._fingerprint]

    def _files(self) -> list[_Found]:
        found = []
        with suppress(OSError):  # no folder yet
            for entry in os.scandir(self.folder):
                named = _NAME.fullmatch(entry.name)
                with suppress(OSError):  # removed by another process meanwhile
                    about = entry.stat()
                    if named is not None:
                        kind, made_by, name = named.groups()
                        size, used_at = about.st_size, about.st_mtime
                        each = _Found(Path(entry.path), kind, made_by, name, size, used_at)
                        found.append(each)
                    elif (
                        entry.name.endswith(".tmp")
                        and time.time() - about.st_mtime > _ABANDONED_SECONDS
                    ):
                        _remove(Path(entry.path))
        return found

    # Limits.

    def _keep_limits(self, newest: Path) -> None:
        """Remove what is too much: of other versions first, then the least missed."""
        others = [each for each in self._files() if each.path != newest]
        for each in others:
            if each.fingerprint != self._fingerprint:
                _remove(each.path)
        self._keep_cache(newest)
        self._thin_out(newest)

    def _keep_cache(self, newest: Path) -> None:
        found = [each for each in self._ours() if not each.is_checkpoint]
        too_many_bytes = sum(each.size_bytes for each in found) - self.limits.cache_bytes
        for each in sorted(found, key=lambda each: each.used_at):
            if too_many_bytes <= 0:
                return
            if each.path != newest:
                _remove(each.path)
                too_many_bytes -= each.size_bytes

    def _thin_out(self, newest: Path) -> None:
        """Remove checkpoints where they lie closest, so that no way between two gets long."""
        found = sorted(
            (each for each in self._ours() if each.is_checkpoint), key=lambda each: each.position
        )
        while len(found) > 1 and (
            len(found) > self.limits.checkpoints
            or sum(each.size_bytes for each in found) > self.limits.checkpoint_bytes
        ):
            before = [0, *(each.position for each in found)]
            inner = [n for n in range(len(found) - 1) if found[n].path != newest] or [0]
            least_missed = min(inner, key=lambda n: before[n + 2] - before[n])
            _remove(found.pop(least_missed).path)


def _remove(path: Path) -> None:
    with suppress(OSError):  # another process was faster, or the folder is read-only
        path.unlink()
