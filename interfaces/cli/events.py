"""The ledger's feed: every event, in the one order of the ledger."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from interfaces.cli.commands import command, group
from interfaces.cli.doors import Door, Session
from interfaces.cli.output import answer, answer_json, moment
from interfaces.cli.problems import Usage
from interfaces.cli.reports import event_document, facts_text

if TYPE_CHECKING:
    from application.ledger.store import StoredRow
    from domain.aggregate import Event

events = group("events", "Everything that ever happened, in the order of the ledger.")

_NEWEST = 20
_PAGE_EVENTS = 500
_WAIT_SECONDS = 30.0


@command(events, "tail", dated=True)
def tail(
    door: Door,
    after: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=2**63 - 1,
            help="All beyond this position; else the newest 20.",
            metavar="N",
        ),
    ] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, max=2**31 - 1, help="At most as many.", metavar="N")
    ] = None,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Wait for more until Ctrl-C.")
    ] = False,
    context: Annotated[
        str | None, typer.Option(help="Only those of one context, such as suppliers.")
    ] = None,
    topic: Annotated[
        list[str] | None, typer.Option(help="Only this topic; may be said more than once.")
    ] = None,
) -> None:
    """Show events; with --json each is one line of JSON.

    **Example:** `capacity events tail --after 100 --topic suppliers.slot_booked --follow`
    """
    topics = _stored_topics(context, topic or [])
    if follow and door.as_of is not None:
        raise Usage("--follow waits for what comes, --as-of is about what was; leave one out")

    async def work(session: Session) -> None:
        if door.as_of is not None:
            await session.go_back(door.as_of)
        start = after
        if start is None:
            start = await _before_newest(session, topics, limit or _NEWEST)
        left = limit if limit is not None or follow or after is not None else _NEWEST
        async for row in _feed(session, start, topics, follow=follow):
            if session.past is not None and row.position > session.past:
                return
            _show(door, row)
            left = left - 1 if left is not None else None
            if left == 0:
                return

    door.run(work)


def _stored_topics(context: str | None, asked: Sequence[str]) -> list[str] | None:
    """Return under which topics the events asked for may be stored; None for all."""
    from domain.catalogue import EVENTS_BY_TOPIC

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
        for stored in (topic, *(f"{topic}.v{n}" for n in range(2, event_class.class_version + 1)))
    ]


async def _before_newest(session: Session, topics: list[str] | None, count: int) -> int:
    """Return the position beyond which the newest events lie; positions may have gaps."""
    store, head = session.service.ledger.store, session.service.ledger.head
    if session.past is not None:
        head = session.past
    window = count
    while window < head:
        found = await store.feed(after=head - window, limit=2**31 - 1, topics=topics)
        found = [row for row in found if row.position <= head]
        if len(found) >= count:
            return found[-count].position - 1
        window *= 4
    found = await store.feed(after=0, limit=2**31 - 1, topics=topics)
    found = [row for row in found if row.position <= head]
    return found[-count].position - 1 if len(found) >= count else 0


async def _feed(
    session: Session, after: int, topics: list[str] | None, *, follow: bool
) -> "AsyncIterator[StoredRow]":
    store, log = session.service.ledger.store, session.service.log
    # Where to wait from: with a filter the newest event shown may be far behind the head.
    head = after
    try:
        while True:
            found = await store.feed(after=after, limit=_PAGE_EVENTS, topics=topics)
            for row in found:
                yield row
                after = row.position
            if len(found) < _PAGE_EVENTS:
                if not follow:
                    return
                await asyncio.to_thread(log.wait, max(head, after), _WAIT_SECONDS)
                head = await asyncio.to_thread(log.head)
    finally:
        log.wake()  # lets the thread that waits end at once


def _show(door: Door, row: "StoredRow") -> None:
    from domain.stored import decode

    event = decode(row.topic, row.state, row.originator_id, row.originator_version)
    if door.as_json:
        answer_json(event_document(event, row.position), in_one_line=True)
    else:
        answer(_line(event, row.position))


def _line(event: "Event", position: int) -> str:
    at = moment(event.provenance.recorded_at)
    why = f"  ({event.provenance.reason})" if event.provenance.reason else ""
    facts = facts_text(event, without=())
    return f"{position:>7}  {at}  {event.provenance.actor}  {event.topic}  {facts}{why}"
