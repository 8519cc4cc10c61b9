"""The ledger: the one door through which a decision becomes events that are there for good."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from time import perf_counter
from typing import Any, NamedTuple, TypeVar
from uuid import UUID

import structlog

from application.ledger.cache import AggregateCache
from application.ledger.command import (
    Command,
    LedgerUnavailable,
    Outcome,
    Replayed,
    Reply,
    StillRunning,
)
from application.ledger.committer import Committer
from application.ledger.loading import Loads
from application.ledger.recent_replies import RecentReplies
from application.ledger.second_try import answer_again
from application.ledger.store import (
    EventStore,
    FoundReply,
    Row,
    Snapshot,
    StoredRow,
    StoreLost,
    Stream,
)
from application.ledger.unit_of_work import (
    Decide,
    Member,
    Missing,
    RawMember,
    Reference,
    UnitOfWork,
)
from domain.aggregate import Aggregate, Event
from domain.errors import DomainError
from domain.stored import decode, decode_snapshot, encode_snapshot, fold_stored
from domain.versions import OtherVersion

logger = structlog.get_logger(__name__)

A = TypeVar("A", bound=Aggregate)
R = TypeVar("R")


class Limits(NamedTuple):
    """How much the ledger takes on; every one is a setting."""

    queue_commands: int = 10_000
    group_events: int = 2_000
    cached_aggregates: int = 50_000
    snapshot_every_events: int = 200
    outage_seconds: float = 10.0
    replies_kept_hours: int = 24


DEFAULT_LIMITS = Limits()
HOUSEKEEPING_SECONDS = 600.0


class Ledger:
    """One numbering over all contexts; decisions run on the newest state, durable or queued."""

    def __init__(
        self, store: EventStore, *, clock: Callable[[], datetime], limits: Limits = DEFAULT_LIMITS
    ) -> None:
        self.store = store
        self.limits = limits
        self._clock = clock
        self._last_recorded_at = datetime.fromtimestamp(0, UTC)
        self._cache = AggregateCache(max(1, limits.cached_aggregates // 2))
        self._running_keys: set[str] = set()
        self._recent = RecentReplies(timedelta(hours=limits.replies_kept_hours))
        self._housekeeping: asyncio.Task[None] | None = None
        self._snapshots: set[asyncio.Task[None]] = set()
        self.head = 0
        self.on_committed: list[Callable[[int], None]] = []
        # Told once a group how long its oldest command took from the queue to being durable.
        self.on_durable: list[Callable[[float], None]] = []
        self._committer = Committer(
            store,
            self._cache,
            self._now,
            self._load,
            queue_commands=limits.queue_commands,
            group_events=limits.group_events,
            outage_seconds=limits.outage_seconds,
            on_committed=self._committed,
        )

    async def open(self) -> None:
        """Connect to the store and begin to take commands."""
        await self.store.open()
        self.head, recorded_at_us = await self.store.head()
        self._last_recorded_at = datetime.fromtimestamp(recorded_at_us / 1e6, UTC)
        self._committer.start()
        self._housekeeping = asyncio.create_task(self._keep_house(), name="housekeeping")

    async def close(self) -> None:
        """Store what is queued, answer everybody, disconnect."""
        await self._committer.close()
        if self._housekeeping is not None:
            self._housekeeping.cancel()
            await asyncio.wait([self._housekeeping])
        if self._snapshots:
            await asyncio.wait(self._snapshots)
        await self.store.close()

    @property
    def failure(self) -> BaseException | None:
        """Why the ledger stopped storing; None while it works."""
        return self._committer.failure

    @property
    def waiting(self) -> int:
        """How many decisions wait to be stored."""
        return self._committer.waiting

    # Commands.

    async def execute(self, command: Command, decide: Callable[[UnitOfWork], R]) -> Outcome[R]:
        """Run one decision and return its outcome when it is durable.

        `decide` may run several times. Raises the DomainError that it raised (unless the command
        renders its own reply), Replayed, KeyReused, StillRunning and LedgerUnavailable.
        """
        return await self._execute(command, [decide], single=True)

    async def execute_all(
        self, command: Command, decisions: Sequence[Callable[[UnitOfWork], R]]
    ) -> Outcome[list[R | Exception]]:
        """Run several decisions, each for itself, in one transaction.

        The result holds, in order, what each returned or the DomainError that it raised.
        """
        return await self._execute(command, decisions, single=False)

    async def append_raw(self, rows: Sequence[Row]) -> list[int]:
        """Store rows as they are, all or none, and return their positions.

        Raises StaleGroup when a version is taken, and LedgerUnavailable.
        """
        self._committer.check_open(1)
        member = RawMember(rows, asyncio.get_running_loop().create_future())
        newest = (await self._decided_and_stored(member)).position
        return list(range(newest - len(rows) + 1, newest + 1))

    async def _execute(
        self, command: Command, decisions: Sequence[Decide], *, single: bool
    ) -> Outcome[Any]:
        self._committer.check_open(len(decisions))
        member = Member(command, decisions, single, asyncio.get_running_loop().create_future())
        key = command.idempotency_key
        if not key or command.dry_run:
            return await self._decided_and_stored(member)
        if key in self._running_keys:
            raise StillRunning
        if (found := self._recent.get(key, self._clock())) is not None:
            raise answer_again(found, command.fingerprint)
        self._running_keys.add(key)
        try:
            outcome = await self._decided_and_stored(member)
            if isinstance(outcome.result, OtherVersion):
                await self._answer_again(command)
            elif outcome.reply is not None:
                self._remember(command, outcome.reply, outcome.position)
            return outcome
        except Replayed as replayed:
            self._remember(command, replayed.reply, replayed.position)
            raise
        finally:
            self._running_keys.discard(key)

    def _remember(self, command: Command, reply: Reply, position: int) -> None:
        found = FoundReply(command.fingerprint, reply, position)
        self._recent.keep(command.idempotency_key, found, self._clock())

    async def _decided_and_stored(self, member: Member) -> Outcome[Any]:
        while self._committer.decides_at_once:
            try:
                member.decide(self._cache, self._now())
            except Missing as missing:
                await self._load_or_refuse(missing.references)
            except DomainError:
                raise
            except Exception:
                member.doubtful = True
                break
            else:
                break
        self._committer.check_open(len(member.decisions))  # while it loaded, much may have changed
        self._committer.enqueue(member)
        # A caller that is cancelled cancels this future alone: the committer stores the command
        # all the same, sees that nobody waits, and goes on.
        return await member.future

    async def _answer_again(self, command: Command) -> None:
        """Raise what answers a repeat. A version may be another because the first try changed it.

        Elsewhere the key is found taken when the reply is stored; this reply is not.
        """
        key = command.idempotency_key
        try:
            found = (await self.store.replies([key])).get(key)
        except StoreLost as lost:
            raise LedgerUnavailable(f"The ledger cannot be read: {lost}") from lost
        if found is not None:
            raise answer_again(found, command.fingerprint)

    # Reading streams.

    async def newest(self, aggregate_class: type[A], aggregate_id: UUID) -> A:
        """Return the newest known state of an aggregate, for looking at."""
        while (found := self._cache.newest(aggregate_id)) is None:
            await self._load_or_refuse([(aggregate_class, aggregate_id)])
        assert isinstance(found, aggregate_class)
        return found

    def release(self, aggregate_ids: Iterable[UUID]) -> None:
        """Keep these states no longer, where very many were written and few are wanted again."""
        self._cache.release(aggregate_ids)

    async def stored(self, aggregate_class: type[A], aggregate_id: UUID) -> A:
        """Return an aggregate as the store has it now, past everything this process knows."""
        streams = await self.store.load([aggregate_id])
        return await self._folded(aggregate_class, aggregate_id, streams[aggregate_id], self.store)

    async def forget_old_replies(self) -> int:
        """Remove the replies that are older than the setting says; return how many."""
        before = self._clock() - timedelta(hours=self.limits.replies_kept_hours)
        return await self.store.forget_replies(int(before.timestamp() * 1_000_000))

    # What the committer and the cache are given.

    async def _keep_house(self) -> None:
        """Remove replies that are too old, now and then."""
        while True:
            await asyncio.sleep(HOUSEKEEPING_SECONDS)
            try:
                await self.forget_old_replies()
            except StoreLost as lost:
                logger.warning("old_replies_not_removed", error=str(lost))

    def _now(self) -> datetime:
        """Return the clock's time, never before that of the last event this process knows."""
        self._last_recorded_at = max(self._clock(), self._last_recorded_at)
        return self._last_recorded_at

    async def _load_or_refuse(self, references: Sequence[Reference]) -> None:
        try:
            await self._load(references, self._cache, self.store)
        except StoreLost as lost:
            raise LedgerUnavailable(f"The ledger cannot be read: {lost}") from lost

    async def _load(
        self, references: Sequence[Reference], cache: AggregateCache, source: Loads
    ) -> None:
        classes = {aggregate_id: aggregate_class for aggregate_class, aggregate_id in references}
        streams = await source.load(list(classes))
        for aggregate_id, stream in streams.items():
            cache.loaded(await self._folded(classes[aggregate_id], aggregate_id, stream, source))
            if stream.events:
                version, topic, state = stream.events[-1]
                self._remember_time(decode(topic, state, aggregate_id, version))

    async def _folded(
        self, aggregate_class: type[A], aggregate_id: UUID, stream: Stream, source: Loads
    ) -> A:
        state = _fold(aggregate_class, aggregate_id, stream)
        if state is None:  # the snapshot has a shape of the past
            rows = await source.events(aggregate_id, after_version=0, limit=2**31 - 1)
            state = fold_stored(aggregate_class(aggregate_id), (row[1:4] for row in rows))
        return state

    def _remember_time(self, event: Event) -> None:
        self._last_recorded_at = max(self._last_recorded_at, event.provenance.recorded_at)

    def _committed(self, position: int, group: Sequence[Member]) -> None:
        self.head = max(self.head, position)
        for notify in self.on_committed:
            notify(position)
        if self.on_durable and group:
            seconds = perf_counter() - group[0].queued_at
            for observe in self.on_durable:
                observe(seconds)
        every = self.limits.snapshot_every_events
        due = [
            aggregate
            for member in group
            for key, aggregate in member.written.items()
            if aggregate.version // every > member.reads[key][1] // every
        ]
        if due:
            task = asyncio.create_task(self._save_snapshots(due))
            self._snapshots.add(task)
            task.add_done_callback(self._snapshots.discard)

    async def _save_snapshots(self, aggregates: Sequence[Aggregate]) -> None:
        try:
            await self.store.save_snapshots([_snapshot(each) for each in aggregates])
        except StoreLost as lost:  # a snapshot only saves time, the next one will do
            logger.warning("snapshots_not_saved", count=len(aggregates), error=str(lost))


def _event(row: StoredRow) -> Event:
    return decode(row.topic, row.state, row.originator_id, row.originator_version)


def _fold(aggregate_class: type[A], aggregate_id: UUID, stream: Stream) -> A | None:
    """Fold a stream; None if its snapshot has another shape than the class has today."""
    if stream.snapshot is None:
        aggregate: A | None = aggregate_class(aggregate_id)
    else:
        version, state = stream.snapshot.originator_version, stream.snapshot.state
        aggregate = decode_snapshot(aggregate_class, aggregate_id, version, state)
    return None if aggregate is None else fold_stored(aggregate, stream.events)


def _snapshot(aggregate: Aggregate) -> Snapshot:
    topic = f"snapshot.{type(aggregate).__name__}"
    return Snapshot(aggregate.id, aggregate.version, topic, encode_snapshot(aggregate))
