"""The filters that commands about events share, and what they mean in the ledger."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from interfaces.cli.problems import Usage

if TYPE_CHECKING:
    from application.ledger.reader import LedgerLog
    from application.ledger.searching import Filter

Context = Annotated[str | None, typer.Option(help="Only those of one context, such as suppliers.")]
Topics = Annotated[
    list[str] | None, typer.Option(help="Only this topic; may be said more than once.")
]
Actor = Annotated[str, typer.Option(help="Only what this one did.", metavar="NAME")]
Aggregate = Annotated[
    str | None,
    typer.Option(help="Only one thing: its id, or with --context its natural name.", metavar="ID"),
]
Since = Annotated[
    str | None,
    typer.Option(help="From this position, or time with its zone, on.", metavar="WHEN"),
]
Until = Annotated[
    str | None,
    typer.Option(help="Up to this position, or time with its zone.", metavar="WHEN"),
]

_MOST = 2**63 - 1
_TICK = timedelta(microseconds=1)


@dataclass(frozen=True)
class Filters:
    """What the command line says."""

    context: Context = None
    topic: Topics = None
    actor: Actor = ""
    aggregate: Aggregate = None
    since: Since = None
    until: Until = None

    def resolve(self, log: "LedgerLog") -> "Filter":
        """Return what it means in a ledger. Raises Usage, Invalid and SubjectNotFound."""
        from application.ledger.searching import Filter

        return Filter(
            after=0 if self.since is None else _before(log, self.since),
            up_to=_MOST if self.until is None else _last(log, self.until),
            topics=_stored_topics(self.context, self.topic or []),
            actor=self.actor,
            aggregate_id=self._aggregate_id(log),
        )

    def _aggregate_id(self, log: "LedgerLog") -> UUID | None:
        if self.aggregate is None:
            return None
        try:
            return UUID(self.aggregate)
        except ValueError:
            if self.context is None:
                found = f"Found --aggregate {self.aggregate!r}"
                raise Usage(f"{found}, an id is needed, or --context with its name") from None
        from application.ledger.history import find_subject

        return find_subject(log, self.context, self.aggregate).aggregate_id


def _before(log: "LedgerLog", since: str) -> int:
    """Return the position after which everything is wanted."""
    moment = _moment("--since", since)
    return moment - 1 if isinstance(moment, int) else log.position_at(moment - _TICK)


def _last(log: "LedgerLog", until: str) -> int:
    moment = _moment("--until", until)
    return moment if isinstance(moment, int) else log.position_at(moment)


def _moment(option: str, text: str) -> int | datetime:
    """Return a position, or a time that says where on earth it is that time. Raises Usage."""
    if text.isascii() and text.isdecimal() and 1 <= int(text[:20]) <= _MOST:
        return int(text)
    needed = "a position from 1, or a time with its zone such as 2026-03-02T09:30Z, is needed"
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise Usage(f"Found {option} {text!r}, {needed}") from None
    if moment.tzinfo is None:
        raise Usage(f"Found {option} {text!r}, which has no zone; {needed}")
    try:
        moment - _TICK
    except OverflowError:
        raise Usage(f"Found {option} {text!r}, {needed}") from None
    return moment


def _stored_topics(context: str | None, asked: Sequence[str]) -> list[str] | None:
    """Return under which topics the events asked for may be stored; None for all."""
    from domain.catalogue import EVENTS_BY_TOPIC
    from domain.stored import stored_topics

    contexts = sorted({topic.partition(".")[0] for topic in EVENTS_BY_TOPIC})
    if context is not None and context not in contexts:
        raise Usage(f"No context is called {context!r}; there are: {', '.join(contexts)}")
    for topic in asked:
        if topic not in EVENTS_BY_TOPIC:
            known = ", ".join(sorted(EVENTS_BY_TOPIC))
            raise Usage(f"No topic is called {topic!r}; there are: {known}")
    if context is None and not asked:
        return None
    return [
        stored
        for topic, event_class in EVENTS_BY_TOPIC.items()
        if (not asked or topic in asked)
        and (context or topic).partition(".")[0] == topic.partition(".")[0]
        for stored in stored_topics(event_class)
    ]
