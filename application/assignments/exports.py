"""Exporting a planning document: the context's events are folded, page by page."""

import asyncio
from collections.abc import Sequence
from uuid import UUID

from application.assignments.names import PersonNames
from application.ledger import EventStore
from application.ledger.store import StoredRow
from domain.aggregate import Aggregate
from domain.assignments import Person
from domain.assignments.printing import Record, printed
from domain.catalogue import EVENTS_BY_TOPIC
from domain.stored import decode, stored_topics

_PAGE = 2_000


async def export_document(
    store: EventStore, names: PersonNames, *, up_to: int | None = None
) -> dict[str, list[Record]]:
    """Return everything that the ledger says, or said at a position, as a planning document.

    It reads the log and keeps the states: memory goes with what there is, not with what happened.
    """
    states: dict[UUID, Aggregate] = {}
    after, ended = 0, False
    while not ended:
        rows = await store.feed(after=after, limit=_PAGE, topics=_topics())
        due = [row for row in rows if up_to is None or row.position <= up_to]
        ended = len(due) < _PAGE
        await asyncio.to_thread(_fold, states, due)
        after = due[-1].position if due else after
    return await asyncio.to_thread(_printed, states, names)


def _topics() -> list[str]:
    classes = [each for topic, each in EVENTS_BY_TOPIC.items() if topic.startswith("assignments.")]
    return [stored for each in classes for stored in stored_topics(each)]


def _fold(states: dict[UUID, Aggregate], rows: Sequence[StoredRow]) -> None:
    for row in rows:
        event = decode(row.topic, row.state, row.originator_id, row.originator_version)
        states[row.originator_id] = event.mutate(states.get(row.originator_id))


def _printed(states: dict[UUID, Aggregate], names: PersonNames) -> dict[str, list[Record]]:
    ciphers = {
        each.person_id: each.name_cipher for each in states.values() if isinstance(each, Person)
    }
    opened = names.open(ciphers)
    # Each state goes as its record comes, so that they are not both held.
    return printed((states.popitem()[1] for _ in range(len(states))), opened)
