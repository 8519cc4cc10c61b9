"""What a client is told when something stands in the way: RFC 9457 problem documents.

Domain errors know no status codes; the one table from their classes to a status stands here.
"""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from msgspec import UNSET, Meta, Struct, UnsetType
from msgspec.structs import replace
from sqlalchemy.exc import InterfaceError, OperationalError

from application.ledger import KeyReused, LedgerUnavailable, Reply, StillRunning
from application.ledger.store import StoreLost
from domain.catalogue import UnknownTopic
from domain.errors import Conflict, DomainError, Invalid, NotFound, Refused
from domain.stored import BrokenChain
from domain.versions import OtherVersion
from interfaces.http.wire import encode
from interfaces.pasts import PastNotReady, PastUnavailable, TooManyPasts
from interfaces.reads import TooManyReads
from interfaces.service import NotYetVisible, ReadModelsAhead

PROBLEM_TYPE = "application/problem+json"
MAX_FAULTS = 100

# The first class that fits counts. The code of a domain error is its own.
STATUS_BY_ERROR: tuple[tuple[type[DomainError], int], ...] = (
    (OtherVersion, 412),
    (NotFound, 404),
    (Conflict, 409),
    (Refused, 422),
)
RETRYABLE: tuple[type[DomainError], ...] = (StillRunning,)
# Not the sender's fault, and gone after a while: 503.
UNAVAILABLE: tuple[tuple[type[Exception], str], ...] = (
    (NotYetVisible, "not-yet-visible"),
    (TooManyReads, "too-many-reads"),
    (ReadModelsAhead, "ahead-of-ledger"),
    (PastNotReady, "past-not-ready"),
    (TooManyPasts, "too-many-pasts"),
    (PastUnavailable, "past-unavailable"),
    (LedgerUnavailable, "ledger-unavailable"),
    (StoreLost, "ledger-unavailable"),
    (UnknownTopic, "unknown-topic"),
    (OperationalError, "read-models-unavailable"),
    (InterfaceError, "read-models-unavailable"),
)
RETRY_AFTER_SECONDS = 1


class Fault(Struct, frozen=True):
    """One thing that is wrong, and where: a JSON pointer into the body, or a field's name."""

    pointer: str
    detail: str


class Missed(Struct, frozen=True):
    """An event that happened since the caller looked, and what of its subject it changed.

    `touches_same_fields` tells whether the command would change some of that too; null where the
    command would be refused now, whatever was seen.
    """

    position: int
    topic: str
    version: int
    recorded_at: datetime
    actor: str
    reason: str
    changed: tuple[str, ...]
    touches_same_fields: bool | None


class Problem(Struct, frozen=True):
    """Why a request was not granted; `type` ends in a code that stays the same for ever.

    `original_code` is the original's own name for it, where its clients know one.
    `missed` is there when If-Match names another version: what happened since, oldest first.
    """

    type: str
    title: str
    status: Annotated[int, Meta(ge=400, le=599)]
    detail: str
    instance: str
    retryable: bool
    errors: tuple[Fault, ...] = ()
    missed: tuple[Missed, ...] | UnsetType = UNSET
    dry_run: bool | UnsetType = UNSET
    original_code: str | UnsetType = UNSET


class RequestRefused(Exception):
    """A request that no use case will ever see, for a reason that HTTP has a status for."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        headers: dict[str, str] | None = None,
        retryable: bool = False,
    ) -> None:
        self.status, self.code, self.detail = status, code, detail
        self.headers, self.retryable = headers or {}, retryable
        super().__init__(detail)


class NotLetIn(RequestRefused):
    """A request of somebody who may not ask for it; it is counted, and kept for a while."""

    key_id = ""


class Answer(Struct, frozen=True):
    """A problem on its way out, with the headers that belong to it."""

    problem: Problem
    headers: dict[str, str]

    @property
    def reply(self) -> Reply:
        """The problem as it is sent, and kept with an idempotency key."""
        return Reply(self.problem.status, encode(self.problem))


def domain_problem(error: DomainError, request_id: UUID) -> Problem:
    """Return the problem document of a domain error."""
    status = next(status for kind, status in STATUS_BY_ERROR if isinstance(error, kind))
    if isinstance(error, Invalid):
        faults = tuple(Fault(_plain(at), _plain(detail)) for at, detail in error.faults)
    elif error.field:
        faults = (Fault(f"/{error.field}", _plain(str(error))),)
    else:
        faults = ()
    found = problem(
        status,
        error.code,
        str(error),
        request_id,
        retryable=isinstance(error, RETRYABLE),
        faults=faults[:MAX_FAULTS],
    )
    original_code = getattr(error, "original_code", "")
    return replace(found, original_code=original_code) if original_code else found


def problem(
    status: int,
    code: str,
    detail: str,
    request_id: UUID,
    *,
    retryable: bool = False,
    faults: tuple[Fault, ...] = (),
) -> Problem:
    """Return a problem document."""
    return Problem(
        type=f"/problems/{code}",
        title=code.replace("-", " ").capitalize(),
        status=status,
        detail=_plain(detail),
        instance=f"urn:uuid:{request_id}",
        retryable=retryable,
        errors=faults,
    )


def answer_for(error: Exception, request_id: UUID) -> Answer | None:
    """Return the answer to an error, or None for one that nobody foresaw."""
    if isinstance(error, DomainError):
        headers = {"retry-after": str(RETRY_AFTER_SECONDS)} if isinstance(error, RETRYABLE) else {}
        return Answer(domain_problem(error, request_id), headers)
    if isinstance(error, RequestRefused):
        found = problem(
            error.status, error.code, error.detail, request_id, retryable=error.retryable
        )
        return Answer(found, error.headers)
    if isinstance(error, BrokenChain):
        return Answer(problem(500, "broken-chain", str(error), request_id), {})
    for kind, code in UNAVAILABLE:
        if isinstance(error, kind):
            seconds = getattr(error, "retry_after_seconds", RETRY_AFTER_SECONDS)
            # What a driver says of its connection is for the log, not for the client.
            detail = (
                str(error)
                if isinstance(error, LedgerUnavailable | UnknownTopic)
                else "The database cannot be reached now; try again soon"
            )
            found = problem(503, code, detail, request_id, retryable=True)
            return Answer(found, {"retry-after": str(seconds)})
    return None


def unforeseen(request_id: UUID) -> Answer:
    """Return the answer to an error that nobody foresaw; it tells nothing of the inside."""
    detail = "Something failed on our side; the log has it under the id of this request"
    return Answer(problem(500, "internal-error", detail, request_id), {})


def _plain(text: str) -> str:
    """Return text that can be sent: a lone surrogate is shown by its escape."""
    return text.encode("utf-8", "backslashreplace").decode()


__all__ = [
    "PROBLEM_TYPE",
    "Answer",
    "Fault",
    "KeyReused",
    "Missed",
    "NotLetIn",
    "Problem",
    "RequestRefused",
    "answer_for",
    "domain_problem",
    "problem",
    "unforeseen",
]
