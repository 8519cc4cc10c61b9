"""History as both doors tell it: pages of one aggregate's events, in words, with their effects."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import NamedTuple
from uuid import UUID

from msgspec import UNSET, DecodeError, Struct, UnsetType, json

from application.ledger.history import (
    Page,
    Subject,
    Told,
    find_subject,
    newest_page,
    oldest_page,
)
from application.ledger.reader import LedgerLog
from domain.differences import Change
from domain.errors import Invalid
from domain.words import words
from interfaces.recorded import RecordedAnswer, fields_of_event

DEFAULT_LIMIT = 100
ORDERS = ("oldest", "newest")


class ToldAnswer(RecordedAnswer, frozen=True, kw_only=True):
    """One event: what happened, in words, and which fields of its aggregate it changed.

    `state` is there where an aggregate describes itself in numbers: what they are after the event.
    """

    words: str
    changes: tuple[Change, ...]
    state: dict[str, int] | UnsetType = UNSET


class AggregateHistoryAnswer(Struct, frozen=True):
    """One page of a history; `next` is the cursor of the next page, or null on the last."""

    context: str
    kind: str
    stream_id: UUID
    events: list[ToldAnswer]
    next: str | None


class Asked(NamedTuple):
    """Which page of whose history; `id` is an aggregate's id or its natural name."""

    context: str
    id: str
    kind: str = ""
    order: str = ORDERS[0]
    limit: int = DEFAULT_LIMIT
    cursor: str = ""
    up_to: int | None = None


class _Cursor(Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    stream_id: UUID
    order: str
    version: int


def tell(log: LedgerLog, asked: Asked) -> AggregateHistoryAnswer:
    """Return one page. Raises SubjectNotFound, and Invalid naming the field."""
    subject = find_subject(log, asked.context, asked.id, kind=asked.kind, up_to=asked.up_to)
    version = _from(asked, subject) if asked.cursor else None
    if asked.order == "newest":
        page = newest_page(log, subject, before=version, limit=asked.limit, up_to=asked.up_to)
    else:
        page = oldest_page(log, subject, after=version or 0, limit=asked.limit, up_to=asked.up_to)
    return AggregateHistoryAnswer(
        context=asked.context,
        kind=subject.aggregate_class.__name__,
        stream_id=subject.aggregate_id,
        events=[told_answer(each) for each in page.events],
        next=_next(page, asked, subject),
    )


def told_answer(told: Told) -> ToldAnswer:
    """Return one event of a history as it is sent."""
    described = getattr(told.after, "described", None)
    return ToldAnswer(
        **fields_of_event(told.event),
        position=told.position,
        words=words(told.event),
        changes=told.changes,
        state=described() if described else UNSET,
    )


def _next(page: Page, asked: Asked, subject: Subject) -> str | None:
    if page.follows is None:
        return None
    cursor = _Cursor(subject.aggregate_id, asked.order, page.follows)
    return urlsafe_b64encode(json.encode(cursor)).decode().rstrip("=")


def _from(asked: Asked, subject: Subject) -> int:
    """Return the version at which a cursor stands, if it belongs to this very question."""
    needed = "the `next` of the page before is needed"
    try:
        text = urlsafe_b64decode(asked.cursor + "=" * (-len(asked.cursor) % 4))
        cursor = json.decode(text, type=_Cursor)
    except (ValueError, DecodeError):
        raise Invalid(("/cursor", f"this is no cursor; {needed}")) from None
    if (cursor.stream_id, cursor.order) != (subject.aggregate_id, asked.order):
        raise Invalid(("/cursor", f"it belongs to another question; {needed}"))
    if not 0 < cursor.version < 2**63:
        raise Invalid(("/cursor", f"this is no cursor; {needed}"))
    return cursor.version
