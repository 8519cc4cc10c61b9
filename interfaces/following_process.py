"""Following in a process of its own: who starts it and listens to it, and the process itself.

A server leaves it to a process of its own: projecting a booking takes half as long as taking it,
and two threads of one interpreter would take turns. The process reads a line of settings, then
lines of how far the ledger has come, and of positions that somebody waits for; it ends with its
input, and so never outlives the server. It says what it does in JSON lines.
"""

import asyncio
import json
import os
import select
import signal
import sys
import threading
from contextlib import suppress
from typing import Any

import structlog

from interfaces.following import MOST_CHARACTERS_SAID, InThreads
from interfaces.logs import log_to_stderr
from interfaces.reading_side import open_reading_side
from interfaces.settings import Settings
from interfaces.settled import settled
from projections.projector import PAGE_EVENTS, Projector

_log = structlog.get_logger(__name__)

REPORT_SECONDS = 1.0
STOP_SECONDS = 10.0
PAUSE_SECONDS = 0.1  # between pages under load, unless somebody waits
WAKE_SECONDS = 0.005
NICENESS = 5  # where cores are few, who waits for an answer goes first
RESTART_SECONDS = 1.0
# Told of every page, one looks for oneself only in case a message was lost.
_POLL_SECONDS_WHEN_TOLD = 0.25
_MOST_WAITING_BYTES = 65_536
_HURRY = b"hurry "  # before a position that somebody waits for; a position alone is a wake-up


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
        self._projector.look_every(_POLL_SECONDS_WHEN_TOLD)
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

    def hurry(self, position: int) -> None:
        """Tell the process at once that somebody waits for a position."""
        self._write(b"%s%d\n" % (_HURRY, position))

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
            *(sys.executable, "-m", "interfaces.following_process"),
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
        with settled():  # which takes a moment, and so comes before anybody is told anything
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
            "problem": threads.problem[:MOST_CHARACTERS_SAID],
            "files_problem": threads.files_problem[:MOST_CHARACTERS_SAID],
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
            if wanted := [int(line[len(_HURRY) :]) for line in lines if line.startswith(_HURRY)]:
                threads.hurry(max(wanted))
            if positions := [int(line) for line in lines if not line.startswith(_HURRY)]:
                threads.wake(positions[-1])


_speaking = threading.Lock()


def _say(message: dict[str, Any]) -> None:
    line = json.dumps(message).encode() + b"\n"
    # Two threads speak, line by line. If nobody listens the input has ended too.
    with _speaking, suppress(BrokenPipeError):
        while line:
            line = line[os.write(1, line) :]


if __name__ == "__main__":
    main()
