"""The ledger's events at the command line: the newest, those that match, those of one cause."""

import asyncio
import re
from collections import deque
from collections.abc import AsyncIterator, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from interfaces.cli.commands import command, group
from interfaces.cli.doors import Door, Look
from interfaces.cli.event_filters import Filters
from interfaces.cli.output import answer, answer_json, note, progress_bar
from interfaces.cli.problems import Usage
from interfaces.cli.recorded import event_document, event_line, who_text

if TYPE_CHECKING:
    from application.ledger.reader import LedgerLog
    from application.ledger.searching import Filter, Found
    from application.ledger.tracing import Caused, Trace

events = group("events", "Everything that ever happened, in the order of the ledger.")

_NEWEST = 20
_PAGE_EVENTS = 500
_GREP_POSITIONS = 10_000
_WAIT_SECONDS = 30.0

Limit = Annotated[
    int | None, typer.Option(min=1, max=2**31 - 1, help="At most as many.", metavar="N")
]


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
    limit: Limit = None,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Wait for more until Ctrl-C.")
    ] = False,
    *,
    filters: Filters,
) -> None:
    """Show events; with --json each is one line of JSON.

    **Example:** `capacity events tail --since 2026-03-02T09:30Z --topic suppliers.booked --follow`
    """
    if follow and filters.until is not None:
        raise Usage("--follow waits for what is to come, and --until says where to end; say one")
    if follow and door.as_of is not None:
        raise Usage("--follow waits for what comes, --as-of is about what was; leave one out")
    from_the_start = after is not None or filters.since is not None

    async def work(look: Look) -> None:
        wanted = await asyncio.to_thread(filters.resolve, look.log)
        if (past := await look.past()) is not None:
            wanted = wanted._replace(up_to=min(wanted.up_to, past))
        if after is not None:
            wanted = wanted._replace(after=max(after, wanted.after))
        left = limit
        if not from_the_start:
            wanted, shown = await _show_newest(door, look.log, wanted, limit or _NEWEST)
            left = limit - shown if limit is not None else None
            if not follow or left == 0:
                return
        async for found in _feed(look.log, wanted, follow=follow):
            _show(door, found)
            left = left - 1 if left is not None else None
            if left == 0:
                return

    door.look(work)


async def _show_newest(
    door: Door, log: "LedgerLog", wanted: "Filter", count: int
) -> "tuple[Filter, int]":
    """Show the newest events; return the filter for what follows, and how many there were."""
    from application.ledger.searching import newest_first

    head = await asyncio.to_thread(log.head)

    def newest() -> "deque[Found]":
        before = wanted._replace(up_to=min(wanted.up_to, head))
        return deque(islice(newest_first(log, before, limit=max(count, 100)), count))

    found = await asyncio.to_thread(newest)
    for each in reversed(found):
        _show(door, each)
    return wanted._replace(after=max(head, wanted.after)), len(found)


async def _feed(log: "LedgerLog", wanted: "Filter", *, follow: bool) -> "AsyncIterator[Found]":
    from application.ledger.searching import oldest_first

    try:
        while True:
            # Looked at before the page: what comes while it is read is found by the next one.
            head = await asyncio.to_thread(log.head)
            async for found in _unblocked(oldest_first(log, wanted)):
                yield found
                wanted = wanted._replace(after=found.position)
            if not follow:
                return
            wanted = wanted._replace(after=max(wanted.after, head))
            await asyncio.to_thread(log.wait, wanted.after, _WAIT_SECONDS)
    finally:
        log.wake()  # lets the thread that waits end at once


async def _unblocked(found: "Iterator[Found]") -> "AsyncIterator[Found]":
    """Yield what a search finds, read in another thread, so that Ctrl-C is heard meanwhile."""
    while page := await asyncio.to_thread(lambda: list(islice(found, _PAGE_EVENTS))):
        for each in page:
            yield each


@command(events, "grep")
def grep(
    door: Door,
    pattern: Annotated[
        str, typer.Argument(help="A regular expression, such as `R-1[0-9]`.", metavar="PATTERN")
    ],
    ignore_case: Annotated[
        bool, typer.Option("--ignore-case", "-i", help="Small letters are as good as capitals.")
    ] = False,
    limit: Limit = None,
    *,
    filters: Filters,
) -> None:
    """Show events whose words, fields, actor or reason match; it reads all that the filters leave.

    **Example:** `capacity events grep "phone call" --since 2026-03-02T00:00Z --actor ada`
    """
    matches = _pattern(pattern, ignore_case)

    async def work(look: Look) -> int:
        wanted = await asyncio.to_thread(filters.resolve, look.log)
        count = 0
        async for found in _scanned(look.log, wanted):
            if any(matches.search(text) for text in _searched(found)):
                _show(door, found)
                count += 1
                if count == limit:
                    break
        return count

    if not door.look(work):
        note("No event matches")


def _pattern(pattern: str, ignore_case: bool) -> "re.Pattern[str]":
    try:
        return re.compile(pattern, re.IGNORECASE if ignore_case else 0)
    except re.error as error:
        raise Usage(f"{pattern!r} is no regular expression: {error}") from None


async def _scanned(log: "LedgerLog", wanted: "Filter") -> "AsyncIterator[Found]":
    """Yield what a filter leaves, with a progress bar over the positions."""
    from application.ledger.searching import oldest_first

    end = min(wanted.up_to, await asyncio.to_thread(log.head))
    with progress_bar("Searching", max(1, end - wanted.after)) as bar:
        for after in range(wanted.after, end, _GREP_POSITIONS):
            up_to = min(after + _GREP_POSITIONS, end)
            part = wanted._replace(after=after, up_to=up_to)
            async for found in _unblocked(oldest_first(log, part)):
                yield found
            bar.update(0, completed=up_to - wanted.after)


def _searched(found: "Found") -> Iterator[str]:
    """Yield the texts of an event in which people look for something."""
    from domain.words import words
    from interfaces.cli.output import json_text

    provenance = found.event.provenance
    yield words(found.event)
    yield from (provenance.actor, provenance.on_behalf_of, provenance.reason, found.event.topic)
    yield json_text(event_document(found.event, found.position)["data"], in_one_line=True)


@command(events, "trace")
def trace(
    door: Door,
    correlation_id: Annotated[
        str, typer.Argument(help="As events and answers name it.", metavar="CORRELATION_ID")
    ],
) -> None:
    """Show what one cause led to: its commands as a tree, each with its events.

    **Example:** `capacity events trace 0195f3a0-7c1e-7b5e-8d5e-3a1f5b8c9d02`
    """
    try:
        wanted = UUID(correlation_id)
    except ValueError:
        raise Usage(f"Found {correlation_id!r}, an id such as {UUID(int=1)} is needed") from None

    async def work(look: Look) -> "Trace":
        from application.ledger.tracing import trace as find

        with progress_bar("Searching", max(1, await asyncio.to_thread(look.log.head))) as bar:
            return await asyncio.to_thread(
                find,
                look.log,
                wanted,
                progress=lambda done, total: bar.update(0, completed=done, total=max(1, total)),
            )

    found = door.look(work)
    if door.as_json:
        roots = [_caused_document(each) for each in found.roots]
        answer_json({"correlation_id": str(wanted), "complete": found.complete, "commands": roots})
        return
    for root in found.roots:
        answer(*_caused_lines(root, ""))
    if not found.complete:
        note("There is more than can be shown as a tree; only its beginning is")


def _caused_document(caused: "Caused") -> dict[str, Any]:
    return {
        "command_id": str(caused.command_id),
        "events": [event_document(each.event, each.position) for each in caused.events],
        "led_to": [_caused_document(each) for each in caused.led_to],
    }


def _caused_lines(caused: "Caused", indent: str) -> Iterator[str]:
    provenance = caused.provenance
    who = who_text(provenance.actor, provenance.on_behalf_of)
    why = f" ({provenance.reason})" if provenance.reason else ""
    yield f"{indent}Command {caused.command_id} by {who}{why}"
    for each in caused.events:
        yield f"{indent}  {event_line(each.event, each.position)}"
    for led_to in caused.led_to:
        yield from _caused_lines(led_to, indent + "    ")


def _show(door: Door, found: "Found") -> None:
    if door.as_json:
        answer_json(event_document(found.event, found.position), in_one_line=True)
    else:
        answer(event_line(found.event, found.position))
