"""The composition root: here the parts are put together, once, for every door."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from secrets import token_bytes
from typing import Concatenate, Literal, ParamSpec, TypeVar

from sqlalchemy import Connection, Engine

from application.access import Access
from application.assignments import KEY_BYTES, PersonKeys, PersonNames, Planning
from application.ledger import Ledger, LedgerUnavailable
from application.ledger.migrations import migrate
from application.ledger.reader import LedgerLog
from application.operations import Operations
from application.suppliers import Suppliers
from interfaces.access_log import AccessLog
from interfaces.as_of import Moment
from interfaces.following import Elsewhere, Follower, InThreads
from interfaces.following_process import InProcess
from interfaces.key_ring import KeyRing
from interfaces.ledger_alone import Clock as Clock
from interfaces.ledger_alone import position_in
from interfaces.ledger_alone import store_of as store_of
from interfaces.ledger_alone import utc_now as utc_now
from interfaces.pasts import Pasts
from interfaces.reading_side import ReadingSide, open_reading_side
from interfaces.reads import Pools, Reads
from interfaces.settings import Settings
from projections.capacity_files import CapacityFiles
from projections.database import open_read_models
from projections.projector import Projector

P = ParamSpec("P")
R = TypeVar("R")

Follow = Literal["threads", "process"]

_EXPORT_THREADS, _EXPORTS_WAITING = 1, 20  # each makes a file, and takes a core meanwhile


class NotYetVisible(LedgerUnavailable):
    """The read models have not reached a position in the time that was allowed."""

    def __init__(self, after: int, position: int) -> None:
        self.after, self.position = after, position
        super().__init__(f"The read models are at position {position}, not yet at {after}")


class ReadModelsAhead(LedgerUnavailable):
    """The read models have seen what the ledger no longer holds."""

    def __init__(self, position: int, head: int) -> None:
        self.position, self.head = position, head
        super().__init__(
            f"The read models are at position {position}, the ledger ends at {head}: it was "
            "restored from an older backup; stop the server, then `capacity recover` mends them"
        )


@dataclass(frozen=True, slots=True)
class Service:
    """Everything a door needs: commands go to a context's use cases, questions through `read`."""

    settings: Settings
    clock: Clock
    ledger: Ledger
    suppliers: Suppliers
    planning: Planning
    person_names: PersonNames
    access: Access
    keys: KeyRing
    access_log: AccessLog
    operations: Operations
    projector: Projector
    capacity_files: CapacityFiles
    follower: Follower
    pools: Pools
    log: LedgerLog
    projection_engine: Engine
    pasts: Pasts

    async def read(
        self,
        query: Callable[Concatenate[Connection, P], R],
        *arguments: P.args,
        **keywords: P.kwargs,
    ) -> R:
        """Answer a question in one read transaction, in a thread of the read pool."""
        return await self.pools.questions.run(
            lambda connection: query(connection, *arguments, **keywords)
        )

    async def read_past(self, position: int, question: Callable[[Connection], R]) -> R:
        """Answer a question from the read models as they stood at a position."""
        return await self.pasts.read(position, question)

    async def report(self, question: Callable[[Connection], R]) -> R:
        """Answer a question that takes long, where it keeps no quick one waiting."""
        return await self.pools.reports.run(question)

    async def report_past(self, position: int, question: Callable[[Connection], R]) -> R:
        """Answer a question that takes long from the read models as they stood at a position."""
        return await self.pasts.read(position, question, reads=self.pools.reports)

    async def export(self, question: Callable[[Connection], R]) -> R:
        """Write a report as a file, in a thread that keeps nobody else from an answer."""
        return await self.pools.exports.run(question)

    async def export_past(self, position: int, question: Callable[[Connection], R]) -> R:
        """Write a report as a file, of the read models as they stood at a position."""
        return await self.pasts.read(position, question, reads=self.pools.exports)

    async def position_of(self, field: str, moment: Moment) -> int:
        """Return the position that a moment means: of a time the last before what came after it.

        Raises Invalid for what lies beyond the ledger or in the future.
        """
        head = self.ledger.head
        if isinstance(moment, int) and moment > head:
            head, _ = await self.ledger.store.head()  # another process may have written meanwhile
        return await position_in(self.log, field, moment, head=head, now=self.clock())

    async def wait_for(self, position: int, *, timeout_seconds: float) -> None:
        """Return when reads show a position. Raises NotYetVisible when time is up."""
        if self.projector.has_passed(position):
            return
        allowed = min(timeout_seconds, self.settings.wait_seconds)
        # What nobody has written yet must not keep the follower from resting.
        self.follower.hurry(min(position, self.ledger.head))
        if not await self.projector.passed(position, timeout_seconds=allowed):
            raise NotYetVisible(position, min(self.projector.positions().values(), default=0))

    async def check_not_ahead(self, position: int) -> None:
        """Raise ReadModelsAhead if the ledger does not hold a position that the reads show.

        It looks only where there is reason to: reads may be in front of what this process wrote,
        because others write too.
        """
        if position > self.ledger.head or self.follower.problem:
            head = await asyncio.to_thread(self.log.head)
            if position > head:
                raise ReadModelsAhead(position, head)

    async def catch_up(self) -> None:
        """Bring read models and capacity files to the ledger's head; for doors without a server."""
        await asyncio.to_thread(self.projector.catch_up)


@asynccontextmanager
async def open_service(
    settings: Settings,
    *,
    clock: Clock = utc_now,
    projector: Follow | None = None,
    ahead_allowed: bool = False,
) -> AsyncIterator[Service]:
    """Open everything for one process, and close it in order.

    With a `projector` the read models and capacity files follow the ledger by themselves, in
    threads or in a process of their own; without, they stand still until `catch_up`. Raises
    SchemaMissing before the first `capacity migrate`, and ReadModelsAhead after the ledger was
    restored: the next events would hide it, and it would never be noticed again.
    """
    ledger = Ledger(store_of(settings), clock=clock, limits=settings.limits)
    await ledger.open()
    try:
        with open_reading_side(settings) as side:
            if not ahead_allowed:
                await asyncio.to_thread(refuse_ahead, side.projector, side.log)
            follower = _follower(settings, side, projector)
            ledger.on_committed.append(follower.wake)
            pools = _pools(settings)
            pasts = _pasts(settings, side, pools.questions)
            service = _service(settings, clock, ledger, side, follower, pools, pasts)
            await follower.start()
            try:
                yield service
            finally:
                await follower.stop()
                await service.access_log.close()
                await asyncio.to_thread(pasts.close)
                await asyncio.to_thread(pools.close)
    finally:
        await ledger.close()


def refuse_ahead(projector: Projector, log: LedgerLog) -> None:
    """Raise ReadModelsAhead if the ledger was put back behind what the read models have seen."""
    furthest = max(projector.positions().values(), default=0)
    head = log.head()  # read last, as it only grows
    if furthest > head:
        raise ReadModelsAhead(furthest, head)


def migrate_ledger(settings: Settings) -> str:
    """Create or update the ledger's tables; return the revision reached."""
    if not settings.database_url:
        settings.ledger_file.absolute().parent.mkdir(parents=True, exist_ok=True)
    return migrate(settings.ledger_url)


async def check_ledger(settings: Settings) -> None:
    """Open the ledger and close it. Raises SchemaMissing, and whatever makes it unavailable."""
    ledger = Ledger(store_of(settings), clock=utc_now, limits=settings.limits)
    await ledger.open()
    await ledger.close()


def person_names(settings: Settings) -> PersonNames:
    """Return what seals and opens the names of people."""
    keys = PersonKeys(settings.ledger_url, fresh_key=partial(token_bytes, KEY_BYTES))
    return PersonNames(keys)


def _follower(settings: Settings, side: ReadingSide, projector: Follow | None) -> Follower:
    if projector == "process":
        return InProcess(settings, side.projector)
    return InThreads(side) if projector == "threads" else Elsewhere()


def _pools(settings: Settings) -> Pools:
    def pool(threads: int, waiting: int) -> Reads:
        engine = open_read_models(settings.views_url, read_only=True)
        return Reads(engine, threads=threads, waiting=waiting)

    return Pools(
        questions=pool(settings.read_threads, settings.reads_waiting),
        reports=pool(settings.report_threads, settings.reads_waiting),
        exports=pool(_EXPORT_THREADS, _EXPORTS_WAITING),
        keys=pool(1, 1),  # a pool full of questions must not keep anybody out
    )


def _pasts(settings: Settings, side: ReadingSide, reads: Reads) -> Pasts:
    return Pasts(
        side.past_files,
        reads,
        wait_seconds=settings.past_wait_seconds,
        waiting=settings.pasts_waiting,
    )


def _service(
    settings: Settings,
    clock: Clock,
    ledger: Ledger,
    side: ReadingSide,
    follower: Follower,
    pools: Pools,
    pasts: Pasts,
) -> Service:
    names = person_names(settings)
    return Service(
        settings=settings,
        clock=clock,
        ledger=ledger,
        suppliers=Suppliers(ledger),
        planning=Planning(ledger, names, week_limit_hours=settings.week_limit_hours),
        person_names=names,
        access=Access(ledger),
        keys=KeyRing(pools.keys, fresh_seconds=settings.keys_fresh_seconds, clock=clock),
        access_log=AccessLog(side.engine, refusals_kept=settings.refusals_kept, clock=clock),
        operations=Operations(ledger),
        projector=side.projector,
        capacity_files=side.files,
        follower=follower,
        pools=pools,
        log=side.log,
        projection_engine=side.engine,
        pasts=pasts,
    )
