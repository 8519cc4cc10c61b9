"""The one task that stores commands: everything queued goes in one group, one call, one fsync.

Nobody is answered before the group is durable, whatever the answer. A group that was decided on
stale states, or whose fate is unknown, gets a second try.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from datetime import datetime
from time import perf_counter

import structlog

from application.ledger.batches import batch_of
from application.ledger.cache import AggregateCache
from application.ledger.command import LedgerUnavailable
from application.ledger.loading import Load
from application.ledger.second_try import SecondTry
from application.ledger.store import Batch, EventStore, StaleGroup, StoreLost
from application.ledger.unit_of_work import Member, Missing
from domain.errors import DomainError

logger = structlog.get_logger(__name__)

_SPLIT_FROM_DECISIONS = 16


class QueueFull(LedgerUnavailable):
    """More commands wait than the ledger can soon store."""

    def __init__(self, waiting: int) -> None:
        super().__init__(f"{waiting} commands are waiting to be stored already; try again soon")


class CommitterDied(LedgerUnavailable):
    """The committer stopped for a reason nobody foresaw; the process must be restarted."""


class Committer:
    """Owns the queue between decisions and the store."""

    def __init__(
        self,
        store: EventStore,
        cache: AggregateCache,
        now: Callable[[], datetime],
        load: Load,
        *,
        queue_commands: int,
        group_events: int,
        outage_seconds: float,
        on_committed: Callable[[int, Sequence[Member]], None],
    ) -> None:
        self._store, self._cache, self._now, self._load = store, cache, now, load
        self._queue_commands, self._group_events = queue_commands, group_events
        self._outage_seconds = outage_seconds
        self._on_committed = on_committed
        self._second_try = SecondTry(
            store, load, now, outage_seconds=outage_seconds, stored=self._stored_at_last
        )
        self._queue: deque[Member] = deque()
        self._under_way: list[Member] = []
        self._queued_decisions = 0
        self._recovering = False
        self._wake = asyncio.Event()
        self._closing = False
        self._task: asyncio.Task[None] | None = None
        self.failure: BaseException | None = None

    # The callers' side.

    def start(self) -> None:
        """Begin storing."""
        self._task = asyncio.create_task(self._run(), name="committer")
        self._task.add_done_callback(self._stopped)

    async def close(self) -> None:
        """Store everything that is queued, then stop."""
        self._closing = True
        self._wake.set()
        if self._task is not None:
            await asyncio.wait([self._task])

    def check_open(self, decisions: int) -> None:
        """Raise unless this many more decisions can be queued."""
        if self.failure is not None:
            raise CommitterDied(f"The ledger has stopped storing: {self.failure!r}")
        if self._closing:
            raise LedgerUnavailable("The ledger is shutting down")
        if self._queued_decisions and self._queued_decisions + decisions > self._queue_commands:
            raise QueueFull(self._queued_decisions)

    @property
    def waiting(self) -> int:
        """How many decisions are in the queue."""
        return self._queued_decisions

    @property
    def decides_at_once(self) -> bool:
        """Whether a new command may be decided now; else the queue's order says it must wait."""
        return not self._recovering and (not self._queue or self._queue[-1].decided)

    def enqueue(self, member: Member) -> None:
        """Take a command, decided or not; from here on it is never withdrawn."""
        if member.decided:
            self._cache.queue(member.written)
        member.queued_at = perf_counter()
        self._queue.append(member)
        self._queued_decisions += len(member.decisions)
        self._wake.set()

    # The task's side.

    async def _run(self) -> None:
        while True:
            if not self._queue:
                if self._closing:
                    return
                self._wake.clear()
                await self._wake.wait()
                continue
            self._under_way = self._take()
            await self._commit(self._under_way)

    def _take(self) -> list[Member]:
        """Take members from the queue, up to the size of a group."""
        group: list[Member] = []
        events = 0
        while self._queue and (not group or events < self._group_events):
            member = self._queue.popleft()
            self._queued_decisions -= len(member.decisions)
            group.append(member)
            events += len(member.rows) or len(member.decisions)
        return group

    async def _commit(self, group: list[Member]) -> None:
        group = await self._decide_late(group)
        if any(member.doubtful for member in group):
            await self._redo(group, None)
            return
        batch = batch_of(group, self._now())
        try:
            async with asyncio.timeout(self._outage_seconds):
                base = await self._store_batch(batch)
        except TimeoutError:
            await self._redo(group, StoreLost(f"no answer in {self._outage_seconds:g} s"))
        except StaleGroup:
            await self._redo(group, None)
        except Exception as error:  # the store went away, or refused the data of one of them
            await self._redo(group, error)
        else:
            self._settle(group, base)

    async def _store_batch(self, batch: Batch) -> int:
        if batch.rows or batch.replies:
            return await self._store.append(batch)
        return await self._store.confirm(batch.reads)

    async def _decide_late(self, group: list[Member]) -> list[Member]:
        """Decide the members that had to wait for the queue's order; drop those that cannot be."""
        if all(member.decided or member.doubtful for member in group):
            return group
        decided = []
        self._recovering = True
        try:
            for member in group:
                try:
                    while not (member.decided or member.doubtful):
                        await self._decide_or_load(member)
                except StoreLost as lost:
                    member.fail(LedgerUnavailable(f"The ledger cannot be read: {lost}"))
                except DomainError as refused:  # by the door, which has nothing to render for it
                    member.fail(refused)
                else:
                    self._cache.queue(member.written)
                    decided.append(member)
        finally:
            self._recovering = False
        return decided

    async def _decide_or_load(self, member: Member) -> None:
        try:
            member.decide(self._cache, self._now())
        except Missing as missing:
            await self._load(missing.references, self._cache, self._store)
        except DomainError:
            raise
        except Exception:  # states that do not belong together? the second try will tell
            member.doubtful = True

    def _settle(self, group: Sequence[Member], base: int) -> None:
        position = base
        positions = []
        for member in group:
            position += len(member.rows)
            positions.append(position)
            self._cache.settle(member.written)
        # In two halves: the first decides its next commands, and sends them, before the second is
        # woken; so this process decides while the store is at work. Small groups stay whole.
        decisions = sum(len(member.decisions) for member in group)
        half = len(group) // 2 if decisions >= _SPLIT_FROM_DECISIONS else len(group)
        _answer(group[:half], positions[:half])
        asyncio.get_running_loop().call_soon(_answer, group[half:], positions[half:])
        self._on_committed(position, group)

    def _stored_at_last(self, group: Sequence[Member], states: AggregateCache, base: int) -> None:
        self._cache.adopt(states)
        self._settle(group, base)

    async def _redo(self, group: list[Member], after: Exception | None) -> None:
        """Give a group its second try; what is queued is decided anew behind it."""
        self._recovering = True
        self._cache.forget_queued()
        for member in self._queue:
            member.decided = False
        try:
            await self._second_try.run(group, after)
        finally:
            self._recovering = False

    def _stopped(self, task: "asyncio.Task[None]") -> None:
        if task.cancelled():
            self.failure = asyncio.CancelledError("the committer was cancelled")
        elif task.exception() is not None:
            self.failure = task.exception()
        if self.failure is not None:
            logger.error("committer_died", error=repr(self.failure))
            for member in (*self._under_way, *self._queue):
                member.fail(CommitterDied(f"The ledger stopped: {self.failure!r}"))
            self._queue.clear()


def _answer(group: Sequence[Member], positions: Sequence[int]) -> None:
    for member, position in zip(group, positions, strict=True):
        member.settle(position)
