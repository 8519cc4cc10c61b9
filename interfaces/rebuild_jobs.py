"""Rebuilds that a server was asked for: each runs in a process of its own, and is watched here."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from typing import Any, Literal
from uuid import UUID

import msgspec
from msgspec import Struct

from interfaces.identity import fresh_id
from interfaces.rebuilding import Ended, RebuildRequest, Told
from interfaces.settings import Settings
from projections.rebuilding import Rebuilt

KEPT_JOBS = 100
STOP_SECONDS = 20.0
_LINE_BYTES = 2**22  # examples of differences may be long
_CANCEL = b"c"

State = Literal["running", "done", "refused", "cancelled", "failed"]
_STATES: dict[str, State] = {
    "": "done",
    "cancelled": "cancelled",
    "rebuild-refused": "refused",
    "invalid": "refused",
}


class RebuildRunning(Exception):
    """This server is rebuilding already."""

    def __init__(self, rebuild_id: UUID) -> None:
        self.rebuild_id = rebuild_id
        super().__init__(f"The rebuild {rebuild_id} is under way; wait for it, or cancel it")


class JobStatus(Struct, frozen=True):
    """How far a rebuild is, and what became of it."""

    rebuild_id: UUID
    projections: tuple[str, ...]
    state: State
    stage: str
    done: int
    total: int
    per_second: float
    left_seconds: float | None
    problem: str
    result: Rebuilt | None


class RebuildJob:
    """One rebuild and the process that does it."""

    def __init__(self, request: RebuildRequest) -> None:
        self.rebuild_id = fresh_id()
        self.changes = 0
        self._request = request
        self._told = Told("reading", 0, 0)
        self._stage_begun_at, self._stage_begun_with = time.monotonic(), 0
        self._ended: Ended | None = None
        self._changed = asyncio.Condition()
        self._process: asyncio.subprocess.Process | None = None

    @property
    def is_running(self) -> bool:
        """Whether it goes on."""
        return self._ended is None

    @property
    def projections(self) -> tuple[str, ...]:
        """What it rebuilds."""
        return self._request.projections

    def status(self) -> JobStatus:
        """Return how it stands."""
        told, ended = self._told, self._ended
        seconds = max(time.monotonic() - self._stage_begun_at, 1e-9)
        per_second = (told.done - self._stage_begun_with) / seconds
        return JobStatus(
            rebuild_id=self.rebuild_id,
            projections=self.projections,
            state="running" if ended is None else _STATES.get(ended.code, "failed"),
            stage=told.stage,
            done=told.done,
            total=told.total,
            per_second=round(per_second, 1),
            left_seconds=round((told.total - told.done) / per_second, 1) if per_second else None,
            problem=ended.problem if ended else "",
            result=ended.rebuilt if ended else None,
        )

    async def run(self, settings: Settings) -> None:
        """Run the process to its end; whatever happens, it has ended then."""
        ended = Ended(problem="Its process could not be run", code="failed")
        try:
            ended = await self._run(settings)
        finally:
            async with self._changed:
                self._ended = ended
                self.changes += 1
                self._changed.notify_all()

    async def _run(self, settings: Settings) -> Ended:
        process = self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "interfaces.rebuilding"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=_LINE_BYTES,
        )
        assert process.stdin is not None
        assert process.stdout is not None
        request = msgspec.to_builtins(self._request)
        asked = {"settings": settings.model_dump(mode="json"), "request": request}
        process.stdin.write(msgspec.json.encode(asked) + b"\n")
        ended: Ended | None = None
        while line := await process.stdout.readline():
            said: dict[str, Any] = msgspec.json.decode(line)
            if "stage" in said:
                await self._take(msgspec.convert(said, Told))
            else:
                ended = msgspec.convert(said, Ended)
        code = await process.wait()
        return ended or Ended(problem=f"Its process ended with {code}", code="failed")

    async def _take(self, told: Told) -> None:
        async with self._changed:
            if told.stage != self._told.stage:
                self._stage_begun_at, self._stage_begun_with = time.monotonic(), told.done
            self._told = told
            self.changes += 1
            self._changed.notify_all()

    async def changed(self, seen: int, *, timeout_seconds: float) -> bool:
        """Return True as soon as there were more changes than `seen`, False when time is up."""
        try:
            async with asyncio.timeout(timeout_seconds), self._changed:
                await self._changed.wait_for(lambda: self.changes > seen)
        except TimeoutError:
            return False
        return True

    def cancel(self) -> None:
        """Ask the process to end and to drop what it has built; quiet when it has ended."""
        if self._process is not None and self.is_running:
            assert self._process.stdin is not None
            if not self._process.stdin.is_closing():
                self._process.stdin.write(_CANCEL)

    async def leave(self) -> None:
        """Let the process end at its next step; what it has built is kept."""
        process = self._process
        if process is None or process.returncode is not None:
            return
        assert process.stdin is not None
        process.stdin.close()
        try:
            await asyncio.wait_for(process.wait(), STOP_SECONDS)
        except TimeoutError:
            process.kill()


class RebuildJobs:
    """The rebuilds of one server: one at a time, and the last few that have ended."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._jobs: dict[UUID, RebuildJob] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, request: RebuildRequest) -> RebuildJob:
        """Begin a rebuild. Raises RebuildRunning."""
        for job in self._jobs.values():
            if job.is_running:
                raise RebuildRunning(job.rebuild_id)
        job = RebuildJob(request)
        self._jobs[job.rebuild_id] = job
        while len(self._jobs) > KEPT_JOBS:
            del self._jobs[next(iter(self._jobs))]
        task = asyncio.create_task(job.run(self._settings), name="rebuild")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return job

    def find(self, rebuild_id: UUID) -> RebuildJob | None:
        """Return a rebuild by its id, if this server has it."""
        return self._jobs.get(rebuild_id)

    async def close(self) -> None:
        """Leave what is under way to whoever goes on with it."""
        for job in list(self._jobs.values()):
            await job.leave()
        if self._tasks:
            await asyncio.wait(self._tasks)


async def watched(
    job: RebuildJob, *, seen: int, heartbeat_seconds: float
) -> AsyncIterator[tuple[int, JobStatus] | None]:
    """Yield each change with its number, None where nothing changed for a while, to the end."""
    while job.is_running or job.changes > seen:
        if await job.changed(seen, timeout_seconds=heartbeat_seconds):
            seen = job.changes
            yield seen, job.status()
        elif job.is_running:
            yield None
