"""Events as the command line shows them: in one line for people, in one document for programs."""

from typing import TYPE_CHECKING, Any

from interfaces.cli.output import moment

if TYPE_CHECKING:
    from domain.aggregate import Event


def event_document(event: "Event", position: int) -> dict[str, Any]:
    """Return an event with its place in the ledger and its provenance, as HTTP answers it too."""
    from msgspec import to_builtins

    from interfaces.recorded import RecordedAnswer, fields_of_event

    found: dict[str, Any] = to_builtins(RecordedAnswer(**fields_of_event(event), position=position))
    return found


def event_line(event: "Event", position: int) -> str:
    """Return an event in one line: where, when, who, what and why."""
    from domain.words import words

    provenance = event.provenance
    why = f"  ({provenance.reason})" if provenance.reason else ""
    who = who_text(provenance.actor, provenance.on_behalf_of)
    at = moment(provenance.recorded_at)
    return f"{position:>7}  {at}  {who}  {event.topic}  {words(event)}{why}"


def who_text(actor: str, on_behalf_of: str) -> str:
    """Return who did something, and for whom if they said so."""
    return f"{actor} for {on_behalf_of}" if on_behalf_of else actor


def facts_text(data: dict[str, Any]) -> str:
    """Return the fields of an event that fit into a column, and say something to people."""
    told = []
    for field, value in data.items():
        if field in ("line", "scenario", "supplier", "booking_id") or isinstance(value, dict):
            continue
        shown = len(value) if isinstance(value, list | tuple) else value
        if shown not in ("", None):
            told.append(f"{field}={str(shown)[:60]}")
    return " ".join(told)
