"""What a caller has missed: the events since it looked, and whether they are about the same."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from msgspec.structs import replace

from application.ledger import Command, Outcome
from application.ledger.history import Subject, Told, oldest_page
from domain.aggregate import Aggregate
from domain.errors import DomainError
from domain.stored import stored_topic
from domain.versions import OtherVersion, changed_fields
from interfaces.http.errors import Missed
from interfaces.service import Service

MAX_MISSED = 100


async def missed_events(
    service: Service,
    error: OtherVersion,
    command: Command,
    use_case: Callable[[Command], Awaitable[Outcome[Any]]],
) -> tuple[Missed, ...]:
    """Return what happened since the version that was expected, oldest first.

    `use_case` is asked, as a dry run and without the expectation, what the command would change.
    """
    newest = await service.ledger.newest(error.aggregate_class, error.aggregate_id)
    if error.missed_after >= newest.version:  # it was never seen so: any number can be sent
        return ()
    subject = Subject(error.aggregate_class, error.aggregate_id)
    page = await asyncio.to_thread(
        oldest_page, service.log, subject, after=error.missed_after, limit=MAX_MISSED
    )
    wanted = await _wanted(newest, command, use_case)
    return tuple(_missed(told, wanted) for told in page.events)


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


def _missed(told: Told, wanted: frozenset[str] | None) -> Missed:
    event, changed = told.event, changed_fields(told.before, told.after)
    return Missed(
        position=told.position,
        topic=stored_topic(type(event)),
        version=event.originator_version,
        recorded_at=event.provenance.recorded_at,
        actor=event.provenance.actor,
        reason=event.provenance.reason,
        changed=tuple(sorted(changed)),
        touches_same_fields=None if wanted is None else not changed.isdisjoint(wanted),
    )
