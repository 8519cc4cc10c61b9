"""How an event is shown: what happened, to what, and who, when, why."""

from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import Struct

from domain.aggregate import Event
from domain.stored import stored_topic

_BOOKKEEPING = frozenset(Event.__struct_fields__)


class EventAnswer(Struct, frozen=True, kw_only=True):
    """One event. `data` holds its own fields; documents are left out, their digest is there."""

    topic: str
    context: str
    stream_id: UUID
    version: int
    recorded_at: datetime
    actor: str
    reason: str
    on_behalf_of: str
    command_id: UUID
    correlation_id: UUID
    causation_id: UUID | None
    data: dict[str, Any]


class RecordedAnswer(EventAnswer, frozen=True, kw_only=True):
    """One event with its place in the ledger."""

    position: int


class HistoryAnswer(RecordedAnswer, frozen=True, kw_only=True):
    """One event, and the state of its subject after it."""

    state: dict[str, int]


def described(event: Event) -> EventAnswer:
    """Return an event that has no place in the ledger yet."""
    return EventAnswer(**fields_of_event(event))


def fields_of_event(event: Event) -> dict[str, Any]:
    """Return the fields of EventAnswer."""
    topic, provenance = stored_topic(type(event)), event.provenance
    return {
        "topic": topic,
        "context": topic.partition(".")[0],
        "stream_id": event.originator_id,
        "version": event.originator_version,
        "recorded_at": provenance.recorded_at,
        "actor": provenance.actor,
        "reason": provenance.reason,
        "on_behalf_of": provenance.on_behalf_of,
        "command_id": provenance.command_id,
        "correlation_id": provenance.correlation_id,
        "causation_id": provenance.causation_id,
        "data": {
            name: value
            for name in event.__struct_fields__
            if name not in _BOOKKEEPING and not isinstance(value := getattr(event, name), bytes)
        },
    }
