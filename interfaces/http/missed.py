"""What a caller has missed: the events since it looked, and whether they are about the same."""

from collections.abc import Awaitable, Callable
from typing import Any

from msgspec.structs import replace

from application.ledger import Command, Ledger, Outcome, Recorded
from domain.aggregate import Aggregate
from domain.errors import DomainError
from domain.stored import stored_topic
from domain.versions import OtherVersion, changed_fields
from interfaces.http.errors import Missed

MAX_MISSED = 100


async def missed_events(
    ledger: Ledger,
    error: OtherVersion,
    command: Command,
    use_case: Callable[[Command], Awaitable[Outcome[Any]]],
) -> tuple[Missed, ...]:
    """Return what happened since the version that was expected, oldest first.

    `use_case` is asked, as a dry run and without the expectation, what the command would change.
    """
    found: list[tuple[Recorded, frozenset[str]]] = []
    newest: Aggregate = error.aggregate_class(error.aggregate_id)
    async for recorded in ledger.history(error.aggregate_class, error.aggregate_id):
        if recorded.event.originator_version > error.missed_after and len(found) < MAX_MISSED:
            found.append((recorded, changed_fields(newest, recorded.aggregate)))
        newest = recorded.aggregate
    wanted = await _wanted(newest, command, use_case) if found else None
    return tuple(_missed(recorded, changed, wanted) for recorded, changed in found)


async def _wanted(
    newest: Aggregate,
    command: Command,
    use_case: Callable[[Command], Awaitable[Outcome[Any]]],
) -> frozenset[str] | None:
    """Return which fields the command would change now; None if it would be refused anyway."""
    trial = replace(command, dry_run=True, render=None, idempotency_key="", fingerprint=b"")
    try:
        outcome = await use_case(trial)
    except DomainError:
        return None
    after = newest.bound_to(command.provenance(command.at))
    after.fold(each for each in outcome.events if each.originator_id == newest.id)
    return changed_fields(newest, after)


def _missed(recorded: Recorded, changed: frozenset[str], wanted: frozenset[str] | None) -> Missed:
    event = recorded.event
    return Missed(
        position=recorded.position,
        topic=stored_topic(type(event)),
        version=event.originator_version,
        recorded_at=event.provenance.recorded_at,
        actor=event.provenance.actor,
        reason=event.provenance.reason,
        changed=tuple(sorted(changed)),
        touches_same_fields=None if wanted is None else not changed.isdisjoint(wanted),
    )
