"""The history of one aggregate, whichever it is: what happened, and what each event changed.

A page needs the state before its first event. It is folded from the nearest snapshot before, so
no page replays an aggregate from its birth, unless its declared shape has changed since.
"""

import inspect
from collections.abc import Iterator, Sequence
from copy import copy
from typing import NamedTuple
from uuid import UUID

from application.ledger.reader import LedgerLog
from application.ledger.searching import stored_row
from application.ledger.store import StoredRow
from domain.aggregate import Aggregate, Event
from domain.catalogue import EVENTS_BY_TOPIC
from domain.differences import Change, differences
from domain.errors import Invalid, NotFound
from domain.names import name_fault, shown
from domain.stored import Chain, decode, decode_snapshot, fold_stored

_FOLDED_EVENTS = 1_000


class SubjectNotFound(NotFound):
    """No aggregate of the context was ever born under this name."""

    code = "subject-not-found"

    def __init__(self, context: str, asked: str) -> None:
        self.context, self.asked = context, asked
        names = "; ".join(
            f"{each.__name__}: {'/'.join(name.upper() for name in named)}"
            for each in aggregates_of(context)
            if (named := natural_name(each))
        )
        forms = f" as an id, or as {names}" if names else " as an id"
        super().__init__(f"Nothing in {context} is called {shown(asked)}; it can be named{forms}")


class Subject(NamedTuple):
    """Whose history is asked for."""

    aggregate_class: type[Aggregate]
    aggregate_id: UUID


class Told(NamedTuple):
    """One event with its place in the ledger, and the aggregate before and after it."""

    position: int
    event: Event
    before: Aggregate
    after: Aggregate

    @property
    def changes(self) -> tuple[Change, ...]:
        """What the event changed, field by field."""
        return differences(self.before, self.after)


class Page(NamedTuple):
    """Some events of a history; `follows` says from which version the next page goes on."""

    events: list[Told]
    follows: int | None


# Who is meant.


def find_subject(
    log: LedgerLog, context: str, asked: str, *, kind: str = "", up_to: int | None = None
) -> Subject:
    """Return the aggregate that is called so: by its id, or by its natural name.

    Raises Invalid for a context or kind that is not there, or when several kinds have the name,
    and SubjectNotFound also for what was not born yet at the position `up_to`.
    """
    candidates = _candidates(context, kind)
    if fault := name_fault(asked[:200]):
        raise Invalid(("/id", fault))
    named = _by_id(log, asked, candidates) or _by_name(log, asked, candidates)
    found = [each for each in named if newest_version(log, each.aggregate_id, up_to)]
    if not found:
        raise SubjectNotFound(context, asked)
    if len(found) > 1:
        kinds = ", ".join(each.aggregate_class.__name__ for each in found)
        raise Invalid(("/kind", f"{shown(asked)} names several: {kinds}; say which by its kind"))
    return found[0]


def aggregates_of(context: str) -> tuple[type[Aggregate], ...]:
    """Return the aggregates whose events may be stored, of one context."""
    classes = {
        event_class.aggregate_class: None
        for topic, event_class in EVENTS_BY_TOPIC.items()
        if topic.partition(".")[0] == context
    }
    return tuple(classes)


def _candidates(context: str, kind: str) -> tuple[type[Aggregate], ...]:
    found = aggregates_of(context)
    if not found:
        known = ", ".join(sorted({each.partition(".")[0] for each in EVENTS_BY_TOPIC}))
        raise Invalid(("/context", f"found {shown(context)}; known: {known}"))
    chosen = tuple(each for each in found if kind in ("", each.__name__))
    if not chosen:
        known = ", ".join(each.__name__ for each in found)
        raise Invalid(("/kind", f"found {shown(kind)}; known in {context}: {known}"))
    return chosen


def _by_id(log: LedgerLog, asked: str, candidates: Sequence[type[Aggregate]]) -> list[Subject]:
    try:
        aggregate_id = UUID(asked)
    except ValueError:
        return []
    topic = _topic_of_birth(log, aggregate_id)
    event_class = EVENTS_BY_TOPIC.get(topic.partition(".v")[0]) if topic else None
    if event_class is None or event_class.aggregate_class not in candidates:
        return []
    return [Subject(event_class.aggregate_class, aggregate_id)]


def _by_name(log: LedgerLog, asked: str, candidates: Sequence[type[Aggregate]]) -> list[Subject]:
    named = ((each, _identity_from(each, asked)) for each in candidates)
    return [
        Subject(each, aggregate_id)
        for each, aggregate_id in named
        if aggregate_id is not None and _topic_of_birth(log, aggregate_id)
    ]


def natural_name(aggregate_class: type[Aggregate]) -> tuple[str, ...]:
    """Return the names that its identity is made of; none if people have no name for it."""
    return tuple(_parameters(aggregate_class))


def _parameters(aggregate_class: type[Aggregate]) -> dict[str, type]:
    identity = getattr(aggregate_class, "identity", None)
    if identity is None:
        return {}
    parameters = inspect.signature(identity, eval_str=True).parameters.values()
    if any(each.annotation not in (str, int) for each in parameters):
        return {}
    return {each.name: each.annotation for each in parameters}


def _identity_from(aggregate_class: type[Aggregate], asked: str) -> UUID | None:
    """Return the id that a natural name stands for; its last part may hold slashes."""
    wanted = _parameters(aggregate_class)
    if not wanted:  # people have no name for it
        return None
    parts = asked.split("/", len(wanted) - 1)
    if len(parts) != len(wanted) or not all(parts):
        return None
    values: list[str | int] = []
    for text, kind in zip(parts, wanted.values(), strict=True):
        if kind is int and not (text.isascii() and text.isdecimal()):
            return None
        values.append(int(text) if kind is int else text)
    identity: UUID = aggregate_class.identity(*values)  # type: ignore[attr-defined] # looked up above
    return identity


def _topic_of_birth(log: LedgerLog, aggregate_id: UUID) -> str:
    sql = "SELECT topic FROM stored_events WHERE originator_version = 1 AND originator_id = ?"
    found = log.ask(sql, (log.stored_id(aggregate_id),))
    return str(found[0][0]) if found else ""


# What happened.


def oldest_page(
    log: LedgerLog, subject: Subject, *, after: int, limit: int, up_to: int | None = None
) -> Page:
    """Return the events beyond a version, oldest first, and not beyond the position `up_to`."""
    found = _stream(log, subject.aggregate_id, after, after + limit + 1)
    rows = [row for row in found if up_to is None or row.position <= up_to]
    told = list(_told(log, subject, rows[:limit]))
    return Page(told, told[-1].event.originator_version if len(rows) > limit else None)


def newest_page(
    log: LedgerLog,
    subject: Subject,
    *,
    before: int | None,
    limit: int,
    up_to: int | None = None,
) -> Page:
    """Return the events before a version (None: the newest at `up_to`), newest first."""
    end = newest_version(log, subject.aggregate_id, up_to) if before is None else before - 1
    rows = _stream(log, subject.aggregate_id, max(0, end - limit), end)
    told = list(_told(log, subject, rows))[::-1]
    first = told[-1].event.originator_version if told else 1
    return Page(told, first if first > 1 else None)


def newest_version(log: LedgerLog, aggregate_id: UUID, up_to: int | None = None) -> int:
    """Return how many events an aggregate has lived through, up to a position."""
    sql = (
        "SELECT max(originator_version) FROM stored_events "
        "WHERE originator_id = ? AND notification_id <= ?"
    )
    last = 2**63 - 1 if up_to is None else up_to
    return int(log.ask(sql, (log.stored_id(aggregate_id), last))[0][0] or 0)


def _told(log: LedgerLog, subject: Subject, rows: Sequence[StoredRow]) -> Iterator[Told]:
    if not rows:
        return
    state = _state_at(log, subject, rows[0].originator_version - 1)
    chain = Chain(subject.aggregate_id, last_hash=state.last_hash, linked=state.linked)
    for row in rows:
        event = decode(row.topic, row.state, row.originator_id, row.originator_version)
        chain.follow(event.originator_version, row.topic, row.state, event.previous_hash)
        before, state = state, copy(state).fold((event,))
        yield Told(row.position, event, before, state)


def _state_at(log: LedgerLog, subject: Subject, version: int) -> Aggregate:
    """Return an aggregate as it was at a version, folded from the nearest snapshot before."""
    aggregate = _snapshot_at(log, subject, version)
    if aggregate is None:
        aggregate = subject.aggregate_class(subject.aggregate_id)
    for after in range(aggregate.version, version, _FOLDED_EVENTS):
        up_to = min(after + _FOLDED_EVENTS, version)
        rows = _stream(log, subject.aggregate_id, after, up_to)
        fold_stored(aggregate, (row[1:4] for row in rows))
    return aggregate


def _snapshot_at(log: LedgerLog, subject: Subject, version: int) -> Aggregate | None:
    sql = (
        "SELECT originator_version, state FROM snapshots "
        "WHERE originator_id = ? AND originator_version <= ? "
        "ORDER BY originator_version DESC LIMIT 1"
    )
    found = log.ask(sql, (log.stored_id(subject.aggregate_id), version))
    if not found:
        return None
    at, state = found[0]
    return decode_snapshot(subject.aggregate_class, subject.aggregate_id, at, state)


def _stream(log: LedgerLog, aggregate_id: UUID, after: int, up_to: int) -> list[StoredRow]:
    """Return the events of one aggregate between two versions, oldest first."""
    sql = (
        "SELECT originator_id, originator_version, topic, state, notification_id "
        "FROM stored_events WHERE originator_id = ? AND originator_version > ? "
        "AND originator_version <= ? ORDER BY originator_version"
    )
    found = log.ask(sql, (log.stored_id(aggregate_id), after, up_to))
    return [stored_row(each) for each in found]
