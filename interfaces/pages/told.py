"""Events as pages tell them: who did what, when and why, and what it changed."""

import re
from collections.abc import Iterable, Sequence
from datetime import datetime

from msgspec import Struct

from domain.aggregate import Event
from domain.words import words
from interfaces.history import AggregateHistoryAnswer, ToldAnswer
from interfaces.pages.page_query import path_of

_CAPITAL = re.compile(r"(?<!^)([A-Z])")
_COUNTED = ("capacity", "used")  # what follows from these is said only where it is not 0


class Effect(Struct, frozen=True):
    """A count before an event and after it; before its first event there is none."""

    name: str
    before: str
    after: str


class ToldEvent(Struct, frozen=True):
    """An event as it is told; `address` is where the history of its subject is."""

    position: int
    when: str
    who: str
    what: str
    why: str
    effects: Sequence[Effect] = ()
    subject: str = ""
    address: str = ""


def told_events(found: AggregateHistoryAnswer) -> list[ToldEvent]:
    """Return what happened, in words."""
    return [_told(each) for each in found.events]


def told_counts(found: AggregateHistoryAnswer) -> list[ToldEvent]:
    """Return what happened, each with the counts of its subject that it changed."""
    return [_told(each, _effects(each)) for each in found.events]


def told_ledger(found: Iterable[tuple[int, Event]]) -> list[ToldEvent]:
    """Return events of any subject, with where to find the history of each."""
    return [_of_ledger(position, event) for position, event in found]


def moment_text(moment: datetime) -> str:
    """Return a moment in UTC, to the minute."""
    return f"{moment:%Y-%m-%d %H:%M}"


def kind_text(name: str) -> str:
    """Return the name of a class as words: `supplier capacity`."""
    return _CAPITAL.sub(r" \1", name).lower()


def _told(each: ToldAnswer, effects: Sequence[Effect] = ()) -> ToldEvent:
    return ToldEvent(
        each.position,
        moment_text(each.recorded_at),
        _who(each.actor, each.on_behalf_of),
        each.words,
        each.reason,
        effects,
    )


def _of_ledger(position: int, event: Event) -> ToldEvent:
    provenance = event.provenance
    context = event.topic.partition(".")[0]
    return ToldEvent(
        position,
        moment_text(provenance.recorded_at),
        _who(provenance.actor, provenance.on_behalf_of),
        words(event),
        provenance.reason,
        subject=f"{context}: {kind_text(event.aggregate_class.__name__)}",
        address=f"/ledger{path_of(context, str(event.originator_id))}",
    )


def _who(actor: str, on_behalf_of: str) -> str:
    return f"{actor} for {on_behalf_of}" if on_behalf_of else actor


def _effects(each: ToldAnswer) -> list[Effect]:
    """Return the counts that differ from those before; what follows from others, if it is not 0."""
    after = each.state if isinstance(each.state, dict) else {}
    before = {change.field.removesuffix("_slots"): change.before for change in each.changes}
    return [
        Effect(name, _number(before.get(name)), _number(count))
        for name, count in after.items()
        if name in before or (count and name not in _COUNTED)
    ]


def _number(count: object) -> str:
    return "" if count is None else str(count)
