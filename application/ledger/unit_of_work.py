"""One command on its way: which aggregates its decisions asked for, and what they recorded."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from application.ledger.cache import AggregateCache
from application.ledger.command import Command, Outcome, Reply
from application.ledger.store import KeptReply, Row
from domain.aggregate import Aggregate, Event, Provenance
from domain.errors import DomainError
from domain.stored import encode, stored_topic

A = TypeVar("A", bound=Aggregate)
Reference = tuple[type[Aggregate], UUID]
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
        self._taken: dict[UUID, Aggregate] = {}
        self.written: dict[UUID, Aggregate] = {}
        self.reads: dict[UUID, int] = {}

    def get(self, aggregate_class: type[A], aggregate_id: UUID) -> A:
        """Return the newest state of one aggregate, not yet existing if it has no events."""
        taken = self._taken.get(aggregate_id)
        if taken is None:
            known = self.written.get(aggregate_id) or self._cache.newest(aggregate_id)
            if known is None:
                if not (self._assume and aggregate_class.assumed_new):
                    raise Missing([(aggregate_class, aggregate_id)])
                known = aggregate_class(aggregate_id)
            taken = self._taken[aggregate_id] = known.bound_to(self._provenance)
            if aggregate_id not in self.written:
                self.reads[aggregate_id] = known.version
        assert isinstance(taken, aggregate_class)
        return taken

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
            return error, []
        events: list[Event] = []
        for aggregate_id, aggregate in self._taken.items():
            if recorded := aggregate.collect_events():
                events += recorded
                self.written[aggregate_id] = aggregate
        return result, events


class Member:
    """One command in the queue: its decisions are stored together, or not at all."""

    __slots__ = (
        "command",
        "decided",
        "decisions",
        "events",
        "future",
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
        self.decided = False
        self.result: Any = None
        self.events: list[Event] = []
        self.rows: list[Row] = []
        self.reads: dict[UUID, int] = {}
        self.written: dict[UUID, Aggregate] = {}
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
        """Return the reply to keep, if the command has a key and was no dry run."""
        command = self.command
        if not command.idempotency_key or self.reply is None or command.dry_run:
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
