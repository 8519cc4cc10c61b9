"""How every command comes in and goes out: who, why, once, on trial or for good."""

from collections.abc import Awaitable, Callable
from functools import partial
from hashlib import sha256
from typing import Any
from uuid import UUID

from msgspec import structs
from starlette.responses import Response

from application.ledger import Command, Outcome, Replayed, Reply
from domain.aggregate import Event
from domain.errors import DomainError, Invalid
from domain.names import name_fault, shown
from domain.versions import OtherVersion, Seen
from interfaces.http.asked import Asked, flag
from interfaces.http.confinement import may_be_told
from interfaces.http.errors import PROBLEM_TYPE, RequestRefused, domain_problem
from interfaces.http.missed import missed_events
from interfaces.http.versions import expected_version
from interfaces.http.wire import JSON_TYPE, decode_object, encode
from interfaces.recorded import described

MAX_KEY_CHARACTERS = 200
COMMAND_QUERY = ("dry_run",)

# Takes a Command, and `expected` where it is conditional.
UseCase = Callable[..., Awaitable[Outcome[Any]]]
# What a use case answered, and its status.
Rendered = Callable[[Any], tuple[int, Any]]
# Where the thing that was made is found, from the reply that says that it was made.
Location = Callable[[Reply], str]
# The ETag, without its quotes, of what a use case left behind.
Tag = Callable[[Any], str]


async def answer_command(
    asked: Asked,
    use_case: UseCase,
    rendered: Rendered,
    *,
    query: dict[str, str],
    body: bytes = b"",
    reason: str = "",
    location: Location | None = None,
    tag: Tag | None = None,
    conditional: bool = False,
) -> Response:
    """Run a use case under the request's provenance, and answer what it decided.

    `query` holds what `asked.query` found with COMMAND_QUERY; `reason` is what the body or the
    query say, else the header counts. A use case that is `conditional` honours If-Match.
    """
    dry_run = "dry_run" in query and flag("dry_run", query["dry_run"])
    headers = asked.header_texts()
    asked_for = use_case
    if (if_match := headers.get(b"if-match")) is not None:
        asked_for = partial(use_case, expected=_expected(if_match, conditional))
    command = _command(asked, headers, rendered, body, reason, dry_run)
    try:
        outcome = await asked_for(command)
    except Replayed as replayed:
        return _response(replayed.reply, replayed.position, location, replayed=True)
    reply, result = outcome.reply, outcome.result
    assert reply is not None, "every command of this door renders its reply"
    if isinstance(result, OtherVersion):
        reply = await _with_missed(asked, result, command, use_case)
    if dry_run:
        return _trial(reply, outcome.position, outcome.events)
    etag = tag(result) if tag is not None and reply.status < 400 else ""
    return _response(reply, outcome.position, location, etag=etag)


def _expected(if_match: str, conditional: bool) -> Seen:
    if not conditional:
        detail = "If-Match is not honoured here; leave it out"
        raise RequestRefused(412, "precondition-not-supported", detail)
    return expected_version(if_match)


async def _with_missed(
    asked: Asked, error: OtherVersion, command: Command, use_case: UseCase
) -> Reply:
    """Return the problem with what the caller has not seen: read now, for it is not decided on."""
    problem = domain_problem(error, asked.request_id)
    if may_be_told(asked.caller, error.aggregate_class):
        missed = await missed_events(asked.service, error, command, use_case)
        problem = structs.replace(problem, missed=missed)
    return Reply(problem.status, encode(problem))


def _command(
    asked: Asked,
    headers: dict[bytes, str],
    rendered: Rendered,
    body: bytes,
    reason: str,
    dry_run: bool,
) -> Command:
    actor, on_behalf_of = _who(asked, headers)
    key = _key(asked, headers, f"{actor}\n{on_behalf_of}" if on_behalf_of else actor)
    request_id = asked.request_id
    return Command(
        actor=actor,
        reason=reason or _name(headers, b"capacity-reason"),
        on_behalf_of=on_behalf_of,
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
    reply: Reply,
    position: int,
    location: Location | None,
    *,
    etag: str = "",
    replayed: bool = False,
) -> Response:
    headers = {"capacity-position": str(position)}
    if etag:  # not on a repeat, whose version may be a past one by now
        headers["etag"] = f'"{etag}"'
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


def _who(asked: Asked, headers: dict[bytes, str]) -> tuple[str, str]:
    """Return who acts, and for whom: a key's owner, or whom somebody on this machine names."""
    caller = asked.caller
    if caller.key_id is not None:
        return caller.owner, caller.on_behalf_of
    actor = _name(headers, b"capacity-actor") or caller.owner
    return actor, _name(headers, b"capacity-on-behalf-of")


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


def _key(asked: Asked, headers: dict[bytes, str], caller: str) -> str:
    """Return the key as the ledger keeps it: the same text of another caller is another key."""
    text = headers.get(b"idempotency-key")
    if text is None:
        return ""
    if not (1 <= len(text) <= MAX_KEY_CHARACTERS and text.isprintable()):
        detail = f"found {shown(text)}, 1 to {MAX_KEY_CHARACTERS} printable characters are needed"
        raise Invalid(("/Idempotency-Key", detail))
    scoped = f"{caller}\n{asked.method} {asked.path}\n{text}"
    return sha256(scoped.encode()).hexdigest()


def _fingerprint(asked: Asked, body: bytes) -> bytes:
    head = f"{asked.method} {asked.path}\n".encode()
    query: bytes = asked.scope["query_string"]
    return sha256(head + query + b"\n" + body).digest()
