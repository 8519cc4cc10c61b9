"""One capacity file and its ledger, kept together: whoever holds the file's lock changes both.

Calls that wait for the lock are served together: each is a command of its own, the ledger stores
them in one group, and the file is written once. Nobody is answered before both are on disk.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

from application.ledger import Command
from domain.suppliers import Scenario
from interfaces.files.adoption import parse_imported, read_writable
from interfaces.files.errors import CapacityFileEdited, CapacityNotKept, CapacityTrackerError
from interfaces.files.failures import named
from interfaces.files.places import Place
from interfaces.identity import fresh_id
from interfaces.service import Service
from projections.capacity_files import CapacityFiles, locked, real_file

ACTOR = "capacity-tracker"
_TRIES = 5

Work = Callable[[Service, Place], Awaitable[Any]]
InThread = Callable[..., Awaitable[Any]]  # runs what waits for a disk, or for a lock


@dataclass(frozen=True, slots=True)
class Call:
    """What a caller wants done, and where it waits; `fresh` makes the file where there is none."""

    work: Work
    fresh: Callable[[], bytes] | None
    answered: "asyncio.Future[Any]"

    def fail(self, error: BaseException) -> None:
        """Answer with an error, if anybody still waits."""
        if not self.answered.done():
            self.answered.set_exception(error)

    def answer(self, result: Any) -> None:
        """Answer, if anybody still waits."""
        if isinstance(result, BaseException):
            self.fail(result)
        elif not self.answered.done():
            self.answered.set_result(result)


class _Found(NamedTuple):
    content: bytes | None
    known: tuple[str, ...]

    @property
    def digest(self) -> str:
        return "" if self.content is None else sha256(self.content).hexdigest()


class TrackedFile:
    """Serves the calls for one file, in the event loop of the keeper."""

    def __init__(
        self,
        place: Place,
        opened: Callable[[Place], Awaitable[Service]],
        wait_for_lock: InThread,
        in_thread: InThread,
    ) -> None:
        self._place, self._opened = place, opened
        self._wait_for_lock, self._in_thread = wait_for_lock, in_thread
        self._waiting: list[Call] = []
        self._task: asyncio.Task[None] | None = None

    @property
    def idle(self) -> bool:
        """Whether nobody is served now."""
        return self._task is None or self._task.done()

    async def served(self) -> None:
        """Return when nobody is served any more."""
        while self._task is not None and not self._task.done():
            await asyncio.wait([self._task])

    async def run(self, work: Work, fresh: Callable[[], bytes] | None) -> Any:
        """Have work done under the file's lock; it is done even if the caller goes away."""
        call = Call(work, fresh, asyncio.get_running_loop().create_future())
        self._waiting.append(call)
        if self.idle:
            self._task = asyncio.create_task(
                self._serve(), name=f"capacity file {self._place.path}"
            )
        return await call.answered

    async def _serve(self) -> None:
        while self._waiting:
            calls: list[Call] = []
            try:
                with ExitStack() as lock:
                    await self._wait_for_lock(lock.enter_context, locked(self._place.path))
                    calls = self._take()  # those too who came while we waited
                    await self._serve_locked(calls)
            except Exception as error:
                for call in calls or self._take():
                    call.fail(named(self._place.path, error))

    def _take(self) -> list[Call]:
        taken, self._waiting = self._waiting, []
        return taken

    async def _serve_locked(self, calls: Sequence[Call]) -> None:
        service = await self._opened(self._place)
        files = service.capacity_files
        if self._place.capacity_file.startswith("/"):
            files = files.at_root()
        for _ in range(_TRIES):
            adopted, calls = await self._adopt(service, files, calls)
            if not calls:
                return
            results = await asyncio.gather(
                *(call.work(service, self._place) for call in calls), return_exceptions=True
            )
            outcome = await self._in_thread(self._settle, service, files, adopted)
            if outcome in ("written", "unchanged"):
                for call, result in zip(calls, results, strict=True):
                    call.answer(named(self._place.path, result))
                return
            # Somebody changed the file in this moment. That is taken over as if it had come
            # first, and the calls count on top of it.
        raise CapacityNotKept(f"Capacity file {self._place.path}: others change it all the time")

    async def _adopt(
        self, service: Service, files: CapacityFiles, calls: Sequence[Call]
    ) -> tuple[str | None, Sequence[Call]]:
        """Make the ledger say what the file says.

        Return the digest that was taken over, None if the file is ours, and the calls to go on.
        """
        found: _Found = await self._in_thread(self._look, files)
        if found.content is not None:
            if found.digest in found.known:
                return None, calls
            self._check_allowed(found.known, "edited")
            await self._import(service, found.content, "adopted from the file", afresh=False)
            return found.digest, calls
        place = self._place
        known = await service.ledger.stored(Scenario, Scenario.identity(place.line, place.scenario))
        if known.exists and not found.known:
            return None, calls  # counted, and never written: the file follows
        self._check_allowed(found.known, "deleted")
        content, calls = await self._fresh(calls)
        if content is not None:
            await self._import(service, content, "begun from the offers", afresh=known.exists)
        return "", calls

    async def _fresh(self, calls: Sequence[Call]) -> tuple[bytes | None, Sequence[Call]]:
        """Return the bytes of a first file, and the calls that remain."""
        for index, call in enumerate(calls):
            if call.fresh is None:
                call.fail(CapacityTrackerError(f"Capacity file not found: {self._place.path}"))
                continue
            try:
                return await self._in_thread(call.fresh), [
                    each for each in calls[index:] if each.fresh is not None
                ]
            except CapacityTrackerError as error:
                call.fail(error)
        return None, ()

    async def _import(self, service: Service, content: bytes, why: str, *, afresh: bool) -> None:
        place = self._place
        imported = await self._in_thread(parse_imported, place.path, content)
        await service.suppliers.import_capacity_file(
            command_of(service, why),
            line=place.line,
            scenario=place.scenario,
            imported=imported,
            capacity_file=place.capacity_file,
            real_file=await self._in_thread(
                real_file,
                place.settings.data_dir,
                place.line,
                place.scenario,
                place.capacity_file,
            ),
            afresh=afresh,
        )

    def _check_allowed(self, known: tuple[str, ...], what: str) -> None:
        if known and self._place.settings.edited_files == "refuse":
            raise CapacityFileEdited(self._place.path, what)

    # In a thread: what waits for a disk.

    def _look(self, files: CapacityFiles) -> _Found:
        path = self._place.path
        known = files.known_digests(self._place.line, self._place.scenario)
        return _Found(read_writable(path) if _is_there(path) else None, known)

    def _settle(self, service: Service, files: CapacityFiles, adopted: str | None) -> str:
        service.projector.catch_up()
        return files.settle(self._place.line, self._place.scenario, adopted_sha256=adopted)


def command_of(service: Service, reason: str) -> Command:
    """Return a command of the drop-in functions."""
    return Command(actor=ACTOR, reason=reason, command_id=fresh_id(), at=service.clock())


def _is_there(path: Path) -> bool:
    return path.exists() or path.is_symlink()
