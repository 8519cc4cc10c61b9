"""One command on its way: which aggregates its decisions asked for, and what they recorded."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar
from uuid import UUID

from application.ledger.cache import AggregateCache
from application.ledger.command import Command, Outcome, Reply
from application.ledger.store import KeptReply, Row
from domain.aggregate import Aggregate, Event, Provenance
from domain.errors import DomainError
from domain.stored import encode, stored_topic
from domain.versions import OtherVersion

A = TypeVar("A", bound=Aggregate)
Reference = tuple[type[Aggregate], UUID]
# Both by the integer of the aggregate's id, as in the cache: the version that was seen first, and
# the state that was recorded last.
Reads = dict[int, tuple[UUID, int]]
States = dict[int, Aggregate]
Decide = Callable[["UnitOfWork"], Any]


class Missing(Exception):
    """A decision asked for aggregates that are not in memory; load them, and decide anew."""

    def __init__(self, references: list[Reference]) -> None:
        self.references = references


class UnitOfWork:
    """Hands aggregates to the decisions of one command, and keeps what they record.

    A decision may be run more than once, on newer states, before one of its runs counts;
    it must have no effect but on the aggregates it is handed.
    """

    def __init__(self, cache: AggregateCache, provenance: Provenance, assume: bool) -> None:
        self._cache = cache
        self._provenance = provenance
        self._assume = assume
        self._taken: dict[int, Aggregate] = {}  # by the decision that runs now
        self._untouched: dict[int, Aggregate] = {}  # by those before it, which recorded nothing
        self.written: States = {}
        self.reads: Reads = {}

    def get(self, aggregate_class: type[A], aggregate_id: UUID) -> A:
        """Return the newest state of one aggregate, not yet existing if it has no events."""
        key = aggregate_id.int
        taken = self._taken.get(key)
        if taken is None:
            taken = self._untouched.get(key) or self._take(key, aggregate_class, aggregate_id)
            self._taken[key] = taken
        assert isinstance(taken, aggregate_class)
        return taken

    def _take(self, key: int, aggregate_class: type[A], aggregate_id: UUID) -> Aggregate:
        known = self.written.get(key)
        if known is None:
            known = self._cache.newest(aggregate_id)
            if known is None:
                if not (self._assume and aggregate_class.assumed_new):
                    raise Missing([(aggregate_class, aggregate_id)])
                known = aggregate_class(aggregate_id)
            self.reads[key] = (aggregate_id, known.version)
        return known.bound_to(self._provenance)

    def get_all(self, aggregate_class: type[A], aggregate_ids: Iterable[UUID]) -> list[A]:
        """Return several aggregates of one class, loading all that are missing at once."""
        found, missing = [], []
        for aggregate_id in aggregate_ids:
            try:
                found.append(self.get(aggregate_class, aggregate_id))
            except Missing as lacking:
                missing += lacking.references
        if missing:
            raise Missing(missing)
        return found

    def run(self, decide: Decide) -> tuple[Any, list[Event]]:
        """Run one decision; return its result, or the DomainError it raised, and its events.

        A decision that raises leaves no trace. Raises Missing.
        """
        self._taken = {}
        try:
            result = decide(self)
        except DomainError as error:
            for key in self._taken:
                self._untouched.pop(key, None)
            return error, []
        events: list[Event] = []
        for key, aggregate in self._taken.items():
            if recorded := aggregate.collect_events():
                events += recorded
                self.written[key] = aggregate
                self._untouched.pop(key, None)
            else:
                self._untouched[key] = aggregate
        return result, events


class Member:
    """One command in the queue: its decisions are stored together, or not at all."""

    __slots__ = (
        "command",
        "decided",
        "decisions",
        "doubtful",
        "events",
        "future",
        "queued_at",
        "reads",
        "reply",
        "result",
        "rows",
        "single",
        "written",
    )

    def __init__(
        self,
        command: Command,
        decisions: Sequence[Decide],
        single: bool,
        future: "asyncio.Future[Outcome[Any]]",
    ) -> None:
        self.command = command
        self.decisions = decisions
        self.single = single
        self.future = future
        self.queued_at = 0.0  # by the monotonic clock, for the metric of latency
        self.decided = False
        # Deciding failed as nobody foresaw. The states may have been read at different moments,
        # so it is decided again under the write lock before the error is believed.
        self.doubtful = False
        self.result: Any = None
        self.events: list[Event] = []
        self.rows: list[Row] = []
        self.reads: Reads = {}
        self.written: States = {}
        self.reply: Reply | None = None

    def decide(self, cache: AggregateCache, recorded_at: datetime, *, assume: bool = True) -> None:
        """Run the decisions on the newest states known. Raises Missing for all that lack."""
        work = UnitOfWork(cache, self.command.provenance(recorded_at), assume)
        results: list[Any] = []
        self.events = []
        missing: list[Reference] = []
        for decide in self.decisions:
            try:
                result, events = work.run(decide)
            except Missing as lacking:
                missing += lacking.references
            else:
                results.append(result)
                self.events += events
        if missing:
            raise Missing(missing)
        self.result = results[0] if self.single else results
        self.reads, self.written = work.reads, work.written
        self.rows = [
            Row(
                event.originator_id,
                event.originator_version,
                stored_topic(type(event)),
                encode(event),
            )
            for event in self.events
        ]
        render = self.command.render
        self.reply = render(self.result) if render else None
        if self.command.dry_run:
            self.rows, self.written = [], {}
        self.decided = True

    def kept_reply(self, event_count: int) -> KeptReply | None:
        """Return the reply to keep, if the command has a key and was no dry run.

        That the caller must look again is not kept: having looked, it asks under the same key.
        """
        command = self.command
        if not command.idempotency_key or self.reply is None or command.dry_run:
            return None
        if isinstance(self.result, OtherVersion):
            return None
        return KeptReply(command.idempotency_key, command.fingerprint, self.reply, event_count)

    def settle(self, position: int) -> None:
        """Answer the caller, if it is still there: the command is durable either way."""
        if self.future.done():
            return
        if self.single and self.reply is None and isinstance(self.result, DomainError):
            self.future.set_exception(self.result)
        else:
            outcome = Outcome(self.result, position, tuple(self.events), self.reply)
            self.future.set_result(outcome)

    def fail(self, error: BaseException) -> None:
        """Answer the caller with an error, if it is still there."""
        if not self.future.done():
            self.future.set_exception(error)


class RawMember(Member):
    """Rows that were made elsewhere, on their way to be stored exactly as they are."""

    __slots__ = ("_given",)

    def __init__(self, rows: Sequence[Row], future: "asyncio.Future[Outcome[Any]]") -> None:
        super().__init__(_NOBODYS, (_nothing,), True, future)
        self._given = rows

    def decide(self, cache: AggregateCache, recorded_at: datetime, *, assume: bool = True) -> None:
        """Take the rows; there is nothing to decide."""
        self.rows = list(self._given)
        self.decided = True


# No event carries it: raw rows were stamped where they were made.
_NOBODYS = Command(actor="", reason="", command_id=UUID(int=0), at=datetime.fromtimestamp(0, UTC))


def _nothing(work: UnitOfWork) -> None:
    return None
