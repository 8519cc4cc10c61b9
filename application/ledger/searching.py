"""Looking for events: pages of the ledger, from either end, that fit a filter.

What stands in columns is compared by the database. Of what stands in the JSON the database looks
for the bytes alone, which takes no reading of JSON; what was found is then compared field by field.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from msgspec import json

from application.ledger.reader import LedgerLog
from application.ledger.store import StoredRow
from domain.aggregate import Event
from domain.stored import decode

PAGE_EVENTS = 500
_END = 2**63 - 1


class Filter(NamedTuple):
    """Which events are wanted; `after` is exclusive and `up_to` inclusive, and None means all."""

    after: int = 0
    up_to: int = _END
    topics: Sequence[str] | None = None
    actor: str = ""
    aggregate_id: UUID | None = None
    holding: bytes = b""  # these bytes stand somewhere in the stored event

    def fits(self, event: Event) -> bool:
        """Whether an event that the database found is really meant."""
        return not self.actor or event.provenance.actor == self.actor


class Found(NamedTuple):
    """One event with its place in the ledger."""

    position: int
    event: Event


def oldest_first(log: LedgerLog, wanted: Filter, *, limit: int = PAGE_EVENTS) -> Iterator[Found]:
    """Find events in the order of the ledger, page by page."""
    while True:
        rows = _page(log, wanted, limit, "ASC")
        yield from _fitting(rows, wanted)
        if len(rows) < limit:
            return
        wanted = wanted._replace(after=rows[-1].position)


def newest_first(log: LedgerLog, wanted: Filter, *, limit: int = PAGE_EVENTS) -> Iterator[Found]:
    """Find events in the opposite order, page by page."""
    while True:
        rows = _page(log, wanted, limit, "DESC")
        yield from _fitting(rows, wanted)
        if len(rows) < limit:
            return
        wanted = wanted._replace(up_to=rows[-1].position - 1)


def _fitting(rows: Sequence[StoredRow], wanted: Filter) -> Iterator[Found]:
    for row in rows:
        event = decode(row.topic, row.state, row.originator_id, row.originator_version)
        if wanted.fits(event):
            yield Found(row.position, event)


def _page(log: LedgerLog, wanted: Filter, limit: int, direction: str) -> list[StoredRow]:
    conditions, values = _conditions(log, wanted)
    sql = (
        "SELECT originator_id, originator_version, topic, state, notification_id "  # noqa: S608 - our own words, values are parameters
        f"FROM stored_events WHERE {' AND '.join(conditions)} "
        f"ORDER BY notification_id {direction} LIMIT ?"
    )
    return [stored_row(each) for each in log.ask(sql, (*values, limit))]


def _conditions(log: LedgerLog, wanted: Filter) -> tuple[list[str], list[Any]]:
    # The plus sign keeps PostgreSQL and SQLite from walking the whole ledger by position where the
    # aggregate's own index leads to a few events.
    position = "notification_id" if wanted.aggregate_id is None else "+notification_id"
    conditions = [f"{position} > ?", f"{position} <= ?"]
    values: list[Any] = [wanted.after, min(wanted.up_to, _END)]
    if wanted.topics is not None:
        marks = ", ".join("?" * len(wanted.topics))
        conditions.append(f"topic IN ({marks})" if marks else "1 = 0")
        values += wanted.topics
    if wanted.aggregate_id is not None:
        conditions.append("originator_id = ?")
        values.append(log.stored_id(wanted.aggregate_id))
    texts = [b'"actor":' + json.encode(wanted.actor)] if wanted.actor else []
    for text in (*texts, *([wanted.holding] if wanted.holding else [])):
        conditions.append(log.contains)
        values.append(text)
    return conditions, values


def stored_row(row: Sequence[Any]) -> StoredRow:
    """Return a row of (id, version, topic, state, position); SQLite has ids as text."""
    originator_id = row[0] if isinstance(row[0], UUID) else UUID(hex=row[0])
    return StoredRow(originator_id, row[1], row[2], row[3], row[4])
