"""How every command comes in and goes out: who, why, once, on trial or for good."""

from collections.abc import Awaitable, Callable
from hashlib import sha256
from typing import Any
from uuid import UUID

from starlette.responses import Response

from application.ledger import Command, Outcome, Replayed, Reply
from domain.aggregate import Event
from domain.errors import DomainError, Invalid
from domain.names import name_fault, shown
from interfaces.http.asked import Asked, flag
from interfaces.http.errors import PROBLEM_TYPE, RequestRefused, domain_problem
from interfaces.http.recorded import described
from interfaces.http.wire import JSON_TYPE, decode_object, encode

MAX_KEY_CHARACTERS = 200
COMMAND_QUERY = ("dry_run",)

UseCase = Callable[[Command], Awaitable[Outcome[Any]]]
# What a use case answered, and its status.
Rendered = Callable[[Any], tuple[int, Any]]
# Where the thing that was made is found, from the reply that says that it was made.
Location = Callable[[Reply], str]


async def answer_command(
    asked: Asked,
    use_case: UseCase,
    rendered: Rendered,
    *,
    query: dict[str, str],
    body: bytes = b"",
    reason: str = "",
    location: Location | None = None,
) -> Response:
    """Run a use case under the request's provenance, and answer what it decided.

    `query` holds what `asked.query` found with COMMAND_QUERY; `reason` is what the body or the
    query say, else the header counts.
    """
    dry_run = "dry_run" in query and flag("dry_run", query["dry_run"])
    command = _command(asked, rendered, body, reason, dry_run)
    try:
        outcome = await use_case(command)
    except Replayed as replayed:
        return _response(replayed.reply, replayed.position, location, replayed=True)
    assert outcome.reply is not None, "every command of this door renders its reply"
    if dry_run:
        return _trial(outcome.reply, outcome.position, outcome.events)
    return _response(outcome.reply, outcome.position, location)


def _command(asked: Asked, rendered: Rendered, body: bytes, reason: str, dry_run: bool) -> Command:
    headers = asked.header_texts()
    if b"if-match" in headers:
        detail = "If-Match is not honoured here; leave it out"
        raise RequestRefused(412, "precondition-not-supported", detail)
    actor = _name(headers, b"capacity-actor") or "anonymous"
    key = _key(asked, headers, actor)
    request_id = asked.request_id
    return Command(
        actor=actor,
        reason=reason or _name(headers, b"capacity-reason"),
        on_behalf_of=_name(headers, b"capacity-on-behalf-of"),
        command_id=request_id,
        correlation_id=_id(headers, b"capacity-correlation-id")
        or _id(headers, b"x-correlation-id"),
        causation_id=_id(headers, b"capacity-causation-id"),
        at=asked.service.clock(),
        dry_run=dry_run,
        render=lambda result: _reply(result, rendered, request_id),
        idempotency_key=key,
        fingerprint=_fingerprint(asked, body) if key else b"",
    )


def _reply(result: Any, rendered: Rendered, request_id: UUID) -> Reply:
    if isinstance(result, Invalid):
        raise result  # never decided, so never kept: the same key may come with what is right
    try:
        if isinstance(result, DomainError):
            raise result
        status, answer = rendered(result)
    except DomainError as error:
        problem = domain_problem(error, request_id)
        return Reply(problem.status, encode(problem))
    return Reply(status, encode(answer))


def _response(
    reply: Reply, position: int, location: Location | None, *, replayed: bool = False
) -> Response:
    headers = {"capacity-position": str(position)}
    if reply.status == 201 and location is not None:
        headers["location"] = location(reply)
    if replayed:
        headers["idempotency-replayed"] = "true"
    return Response(reply.body, reply.status, headers, _media_type(reply))


def _trial(reply: Reply, position: int, events: tuple[Event, ...]) -> Response:
    answer = decode_object(reply.body)
    answer["dry_run"] = True
    answer["events"] = [described(event) for event in events]
    headers = {"capacity-position": str(position)}
    return Response(encode(answer), reply.status, headers, _media_type(reply))


def _media_type(reply: Reply) -> str:
    return PROBLEM_TYPE if reply.status >= 400 else JSON_TYPE


# Headers.


def _name(headers: dict[bytes, str], header: bytes) -> str:
    text = headers.get(header, "")
    if text and (fault := name_fault(text)):
        raise Invalid((f"/{header.decode()}", fault))
    return text


def _id(headers: dict[bytes, str], header: bytes) -> UUID | None:
    text = headers.get(header)
    if not text:
        return None
    try:
        return UUID(text)
    except ValueError:
        raise Invalid((f"/{header.decode()}", f"found {shown(text)}, a UUID is needed")) from None


def _key(asked: Asked, headers: dict[bytes, str], actor: str) -> str:
    """Return the key as the ledger keeps it: the same text of another caller is another key."""
    text = headers.get(b"idempotency-key")
    if text is None:
        return ""
    if not (1 <= len(text) <= MAX_KEY_CHARACTERS and text.isprintable()):
        detail = f"found {shown(text)}, 1 to {MAX_KEY_CHARACTERS} printable characters are needed"
        raise Invalid(("/Idempotency-Key", detail))
    scoped = f"{actor}\n{asked.method} {asked.path}\n{text}"
    return sha256(scoped.encode()).hexdigest()


def _fingerprint(asked: Asked, body: bytes) -> bytes:
    head = f"{asked.method} {asked.path}\n".encode()
    query: bytes = asked.scope["query_string"]
    return sha256(head + query + b"\n" + body).digest()
