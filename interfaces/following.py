"""Who keeps read models and capacity files at the head of the ledger: threads, or a process.

A server leaves it to a process of its own: projecting a booking takes half as long as taking it,
and two threads of one interpreter would take turns. The process reads a line of settings, then how
far the ledger has come, a line for each wake-up; it ends with its input, and so never outlives the
server. It says what it does in JSON lines.
"""

import asyncio
import json
import os
import select
import signal
import sys
import threading
from contextlib import suppress
from itertools import islice
from typing import Any, Protocol

import structlog

from interfaces.logs import log_to_stderr
from interfaces.reading_side import ReadingSide, open_reading_side
from interfaces.settings import Settings
from projections.capacity_files import CapacityFileWriter, Key
from projections.checkpoints import CheckpointKeeper
from projections.database import reading
from projections.projector import PAGE_EVENTS, Projector
from projections.supplier_capacity import all_scenarios, touched_scenarios

_log = structlog.get_logger(__name__)

REPORT_SECONDS = 1.0
STOP_SECONDS = 10.0
PAUSE_SECONDS = 0.1  # between large pages, unless somebody waits
WAKE_SECONDS = 0.005
NICENESS = 5  # where cores are few, who waits for an answer goes first
RESTART_SECONDS = 1.0
# Told of every page, one looks for oneself only in case a message was lost.
_POLL_SECONDS_WHEN_TOLD = 0.25
_MOST_WAITING_BYTES = 65_536
# A report is one line, and who reads it takes 64 KiB at most.
_MOST_FILES_SAID, _MOST_CHARACTERS_SAID = 10, 500
_HURRY = b"hurry"


class Follower(Protocol):
    """Keeps the reading side current from `start` to `stop`."""

    async def start(self) -> None:
        """Begin to follow."""

    async def stop(self) -> None:
        """Finish what is in hand, and end."""

    def wake(self, position: int) -> None:
        """Say how far the ledger has come."""

    def hurry(self) -> None:
        """Say that somebody waits for what is not shown yet."""

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

    def hurry(self) -> None:
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

    def hurry(self) -> None:
        """Cut the projector's pause short."""
        self._side.projector.hurry()

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
        return {f"{line}/{name}": why[:_MOST_CHARACTERS_SAID] for (line, name), why in found}

    @property
    def files_failing_count(self) -> int:
        """How many capacity files are not written now."""
        return len(self._writer.failing) + len(self._writer.held)

    @property
    def files_failures(self) -> int:
        """How many writes of capacity files have failed so far."""
        return self._writer.failures


class InProcess:
    """Follows in a process of its own, and starts it again when it ends unasked."""

    def __init__(self, settings: Settings, projector: Projector) -> None:
        self._settings, self._projector = settings, projector
        self._process: asyncio.subprocess.Process | None = None
        self._task: asyncio.Task[None] | None = None
        self._stopping = False
        self._woken_at, self._told_of = 0.0, 0
        self._wake_again: asyncio.TimerHandle | None = None
        self.problem, self.files_problem = "it is starting", ""
        self.files_failing: dict[str, str] = {}
        self.files_failing_count = self.files_failures = 0

    async def start(self) -> None:
        """Start the process; it reports for itself when it follows."""
        self._projector.poll_seconds = _POLL_SECONDS_WHEN_TOLD
        self._task = asyncio.create_task(self._keep_running(), name="follower")

    async def stop(self) -> None:
        """Let the process finish; after a while, end it."""
        self._stopping = True
        process = self._process
        if process is not None and process.returncode is None:
            assert process.stdin is not None
            process.stdin.close()
            try:
                await asyncio.wait_for(process.wait(), STOP_SECONDS)
            except TimeoutError:
                process.kill()
        if self._task is not None:
            await asyncio.wait([self._task])

    def wake(self, position: int) -> None:
        """Tell the process at once; if it was told a moment ago, once more when that is over."""
        self._told_of = position
        if self._wake_again is not None:
            return
        loop = asyncio.get_running_loop()
        if (elapsed := loop.time() - self._woken_at) >= WAKE_SECONDS:
            self._write_wake()
        else:
            self._wake_again = loop.call_later(WAKE_SECONDS - elapsed, self._write_wake)

    def hurry(self) -> None:
        """Tell the process that somebody waits, and at once what it has not been told yet."""
        if self._wake_again is not None:
            self._wake_again.cancel()
            self._write_wake()
        self._write(_HURRY + b"\n")

    def _write_wake(self) -> None:
        self._wake_again = None
        self._woken_at = asyncio.get_running_loop().time()
        self._write(b"%d\n" % self._told_of)

    def _write(self, line: bytes) -> None:
        if self._process is None or self._process.returncode is not None:
            return
        stdin = self._process.stdin
        assert stdin is not None
        # A process that has not taken the last many thousand has enough to do.
        if not stdin.is_closing() and stdin.transport.get_write_buffer_size() < _MOST_WAITING_BYTES:
            stdin.write(line)

    async def _keep_running(self) -> None:
        while not self._stopping:
            try:
                await self._run_once()
            except Exception as error:  # whatever it is, somebody must go on following
                self.problem = f"its process failed: {error}"
            if not self._stopping:
                _log.error("the follower ended and is started again", problem=self.problem)
                await asyncio.sleep(RESTART_SECONDS)

    async def _run_once(self) -> None:
        process = self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "interfaces.following"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        stdin, stdout = process.stdin, process.stdout
        assert stdin is not None
        assert stdout is not None
        stdin.write(self._settings.model_dump_json().encode() + b"\n")
        if self._stopping:  # asked to while it was being started
            stdin.close()
        try:
            while line := await stdout.readline():
                self._take(json.loads(line))
        except Exception:  # who cannot be understood is ended, and its output read to the end
            with suppress(ProcessLookupError):
                process.kill()
            await stdout.read()
            await process.wait()
            raise
        ended = await process.wait()
        self.problem = f"its process ended with {ended}"

    def _take(self, said: dict[str, Any]) -> None:
        if "position" in said:
            self._projector.told(said["position"])
        else:
            self.problem = said["problem"]
            self.files_problem = said["files_problem"]
            self.files_failing = said["files_failing"]
            self.files_failing_count = said["files_failing_count"]
            self.files_failures = said["files_failures"]


# The process itself.


def main() -> None:
    """Follow the ledger until the input ends."""
    # Ctrl-C and service managers reach the whole group; the server decides when we end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.nice(NICENESS)
    settings = Settings.model_validate_json(sys.stdin.buffer.readline())
    log_to_stderr()
    with open_reading_side(settings) as side:
        side.projector.live(page_events=PAGE_EVENTS, pause_seconds=PAUSE_SECONDS)
        side.projector.on_applied.append(lambda position, _: _say({"position": position}))
        threads = InThreads(side)
        asyncio.run(threads.start())
        try:
            _serve_input(threads)
        finally:
            threads.stop_now()


def _serve_input(threads: InThreads) -> None:
    said: dict[str, Any] = {}
    unread = b""
    while True:
        report = {
            "problem": threads.problem[:_MOST_CHARACTERS_SAID],
            "files_problem": threads.files_problem[:_MOST_CHARACTERS_SAID],
            "files_failing": threads.files_failing,
            "files_failing_count": threads.files_failing_count,
            "files_failures": threads.files_failures,
        }
        if report != said:
            _say(report)
            said = report
        readable, _, _ = select.select([0], [], [], REPORT_SECONDS)
        if readable:
            told = os.read(0, 65_536)
            if not told:
                return
            *lines, unread = (unread + told).split(b"\n")
            positions = [int(line) for line in lines if line != _HURRY]
            if positions:
                threads.wake(positions[-1])
            if len(positions) < len(lines):
                threads.hurry()


_speaking = threading.Lock()


def _say(message: dict[str, Any]) -> None:
    line = json.dumps(message).encode() + b"\n"
    # Two threads speak, line by line. If nobody listens the input has ended too.
    with _speaking, suppress(BrokenPipeError):
        while line:
            line = line[os.write(1, line) :]


if __name__ == "__main__":
    main()
