"""The one task that stores commands: everything queued goes in one group, one call, one fsync.

Nobody is answered before the group is durable, whatever the answer. A group that was decided on
stale states, or whose fate is unknown, is decided again while the write lock is held, so that
the second try meets no third party; there a fault falls on its own member alone.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from itertools import count
from time import perf_counter
from typing import Protocol
from uuid import UUID

import structlog

from application.ledger.cache import AggregateCache
from application.ledger.command import KeyReused, LedgerUnavailable, Replayed
from application.ledger.store import (
    Batch,
    EventStore,
    FoundReply,
    KeptReply,
    Row,
    StaleGroup,
    StoredRow,
    StoreLost,
    Stream,
    Turn,
)
from application.ledger.unit_of_work import Member, Missing, Reads, Reference
from domain.errors import DomainError

logger = structlog.get_logger(__name__)

# Backing off from a database that went away; the last step repeats until the time is up.
_RECONNECT_STEPS_SECONDS = (0.05, 0.1, 0.2, 0.5, 1.0)
_NO_LIMIT = 2**62
_SPLIT_FROM = 16
_FATE_UNKNOWN = (
    "The database cannot be reached; whether this was stored is unknown. "
    "Sending the same request again is safe"
)


class Loads(Protocol):
    """Where streams can be read: the store, or a turn in which the write lock is held."""

    async def load(self, wanted: Sequence[UUID]) -> dict[UUID, Stream]:
        """Return the streams; an aggregate without events has an empty one."""

    async def events(
        self, originator_id: UUID, *, after_version: int, limit: int
    ) -> list[StoredRow]:
        """Return events of one stream, oldest first."""


Load = Callable[[Sequence[Reference], AggregateCache, Loads], Awaitable[None]]


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
        batch = self._batch(group)
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

    def _batch(self, group: Sequence[Member]) -> Batch:
        rows: list[Row] = []
        replies: list[KeptReply] = []
        reads: Reads = {}
        written_on: dict[int, int] = {}
        for member in group:
            rows += member.rows
            if kept := member.kept_reply(len(rows)):
                replies.append(kept)
            for key, seen in member.reads.items():
                known = reads.get(key)
                # Of two, the older: what was decided on it must stand as well.
                if known is None or seen[1] < known[1]:
                    reads[key] = seen
            for key in member.written:
                written_on.setdefault(key, member.reads[key][1])
        for key, version in written_on.items():
            if reads[key][1] == version:  # the insert finds out whether it has moved on
                del reads[key]
        recorded_at_us = int(self._now().timestamp() * 1_000_000)
        return Batch(rows, list(reads.values()), replies, recorded_at_us)

    def _settle(self, group: Sequence[Member], base: int) -> None:
        position = base
        positions = []
        for member in group:
            position += len(member.rows)
            positions.append(position)
            self._cache.settle(member.written)
        # In two halves: the first decides its next commands, and sends them, before the second is
        # woken; so this process decides while the store is at work. Small groups stay whole.
        half = len(group) // 2 if len(group) >= _SPLIT_FROM else len(group)
        _answer(group[:half], positions[:half])
        asyncio.get_running_loop().call_soon(_answer, group[half:], positions[half:])
        self._on_committed(position, group)

    # The second try: the write lock is held from load to append, so nothing can move between.

    async def _redo(self, group: list[Member], after: Exception | None) -> None:
        self._recovering = True
        self._cache.forget_queued()
        for member in self._queue:
            member.decided = False
        try:
            async with asyncio.timeout(self._outage_seconds):
                await self._redo_together(group, after)
        except TimeoutError:
            logger.error("store_unreachable", commands=len(group))
            for member in group:
                member.fail(LedgerUnavailable(_FATE_UNKNOWN))
        finally:
            self._recovering = False

    async def _redo_together(self, group: list[Member], after: Exception | None) -> None:
        try:
            await self._until_stored(group, after)
        except Exception as error:
            if len(group) == 1:
                self._report(group[0], error)
                return
            for member in group:
                if not member.future.done():
                    await self._redo_together([member], after)

    async def _until_stored(self, group: list[Member], after: Exception | None) -> None:
        for attempt in count():
            try:
                return await self._in_turn(group, fate_unknown=isinstance(after, StoreLost))
            except StoreLost as lost:
                after = lost
                logger.warning("store_lost", attempt=attempt, error=str(lost))
                await asyncio.sleep(
                    _RECONNECT_STEPS_SECONDS[min(attempt, len(_RECONNECT_STEPS_SECONDS) - 1)]
                )

    async def _in_turn(self, group: list[Member], *, fate_unknown: bool) -> None:
        """Decide and store a group under the lock, trusting no state that was read before it."""
        states = AggregateCache(_NO_LIMIT)
        async with self._store.turn() as turn:
            members = [
                member
                for member in group
                if not (fate_unknown and await self._stored_already(turn, member))
            ]
            members = await self._not_answered_before(turn, members)
            await self._load_for(turn, states, members)
            members = [each for each in members if await self._decide_in_turn(turn, states, each)]
            base = await turn.append(self._batch(members))
        self._cache.adopt(states)
        self._settle(members, base)

    async def _stored_already(self, turn: Turn, member: Member) -> bool:
        """Answer a member whose rows are found as they were sent: only the answer was lost."""
        positions = await turn.positions(member.rows)
        if not positions or None in positions:
            return False
        member.settle(max(each for each in positions if each is not None))
        return True

    async def _not_answered_before(self, turn: Turn, members: Sequence[Member]) -> list[Member]:
        """Answer the members whose key has a reply already; return the others."""
        keys = [each.command.idempotency_key for each in members if each.command.idempotency_key]
        found = await turn.replies(keys) if keys else {}
        others = []
        for member in members:
            if (reply := found.get(member.command.idempotency_key)) is None:
                others.append(member)
            else:
                member.fail(answer_again(reply, member.command.fingerprint))
        return others

    async def _load_for(
        self, turn: Turn, states: AggregateCache, members: Sequence[Member]
    ) -> None:
        """Load what the members will ask for, all of it at once and not one after the other."""
        while True:
            lacking: dict[int, Reference] = {}
            for member in members:
                try:
                    member.decide(states, self._now(), assume=False)
                except Missing as missing:
                    lacking |= {each[1].int: each for each in missing.references}
                except Exception as error:  # told when it is decided in its turn
                    logger.debug("decided_on_trial", error=repr(error))
            if not lacking:
                return
            await self._load(list(lacking.values()), states, turn)

    async def _decide_in_turn(self, turn: Turn, states: AggregateCache, member: Member) -> bool:
        """Decide a member; return whether it goes on to be stored."""
        member.decided = member.doubtful = False
        try:
            while not member.decided:
                try:
                    member.decide(states, self._now(), assume=False)
                except Missing as missing:
                    await self._load(missing.references, states, turn)
        except StoreLost:
            raise
        except DomainError as refused:
            member.fail(refused)
            return False
        except Exception as error:  # under the lock it is this member's own fault: it falls alone
            self._report(member, error)
            return False
        states.queue(member.written)
        return True

    def _report(self, member: Member, error: Exception) -> None:
        logger.error("command_failed", command_id=str(member.command.command_id), exc_info=error)
        member.fail(error)

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


def answer_again(found: FoundReply, fingerprint: bytes) -> Exception:
    """Return what answers a repeated key: the reply given before, or KeyReused."""
    if found.fingerprint != fingerprint:
        return KeyReused()
    return Replayed(found.reply, found.position)
