"""How a route is declared: its handler gets the request as it is, its document is written beside.

FastAPI's own reading of parameters, bodies and answers costs more than a booking does; here
handlers read and write through msgspec, and the same structs make the OpenAPI document.
"""

from collections.abc import Awaitable, Callable, Iterable
from typing import Any, cast

import msgspec
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from interfaces.http.admission import ADMISSION, ScopeName
from interfaces.http.asked import MAX_POSITION, Asked
from interfaces.http.errors import PROBLEM_TYPE, Problem
from interfaces.http.parameters import (
    Schema,
    header,
    path_parameters,
    query_moment,
    query_number,
    query_parameter,
    text_header,
)
from interfaces.http.rate_limits import RateClass
from interfaces.http.route_access import KEY_SCHEMES, access_of, declared_access
from interfaces.http.server_sent_events import MEDIA_TYPE as STREAM_TYPE
from interfaces.http.wire import JSON_TYPE

SCHEMA_PREFIX = "#/components/schemas/"
_TRIAL = "Decide and store nothing; the answer has `dry_run: true` and the `events` it would write"
# Every struct that the document names; filled as routes are declared.
_ANSWERS: dict[str, type] = {}


class Route(APIRoute):
    """A route whose handler takes one Asked, and returns a Response."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        super().__init__(path, endpoint, **options)
        handler = cast(Callable[[Asked], Awaitable[Response]], endpoint)

        needed, rate_class = access_of(self.openapi_extra or {}, self.methods or ())

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            if (admission := scope.get(ADMISSION)) is not None:
                await admission.check_route(scope, needed, rate_class)
            response = await handler(Asked(scope, receive))
            await response(scope, receive, send)

        self.app = app


def schema_of(answer: type | Schema) -> Schema:
    """Return a reference to a struct's schema; anything else is a schema already."""
    if isinstance(answer, dict):
        return answer
    _ANSWERS[answer.__name__] = answer
    return {"$ref": f"{SCHEMA_PREFIX}{answer.__name__}"}


def document(app: FastAPI) -> Schema:
    """Return the OpenAPI document of an application, with the schemas of our own structs."""
    found = get_openapi(
        title=app.title, version=app.version, summary=app.summary, routes=app.routes
    )
    components = found.setdefault("components", {})
    components.setdefault("schemas", {}).update(_components())
    components["securitySchemes"] = KEY_SCHEMES
    return found


def _components() -> Schema:
    types = [_ANSWERS[name] for name in sorted(_ANSWERS)]
    _, schemas = msgspec.json.schema_components(types, ref_template=SCHEMA_PREFIX + "{name}")
    return {name: schemas[name] for name in sorted(schemas)}


def question(
    path: str,
    answers: type | Schema,
    *,
    query: Iterable[Schema] = (),
    tag: bool = False,
    versioned: bool = False,
    projected: bool = True,
    scope: ScopeName = "read",
    dated: bool = True,
) -> Schema:
    """Return what to say of a route that only looks: at read models, unless not `projected`.

    It answers as of an earlier moment unless it is not `dated`. With a `tag` it answers 304; the
    ETag is a version for If-Match where it is `versioned`. A caller with a key needs the `scope`.
    """
    parameters = [*path_parameters(path), *query]
    if dated:
        parameters.append(query_moment("as_of", _AS_OF))
    if projected:
        parameters += [
            query_number("after", 0, MAX_POSITION, "Wait until reads show this position"),
            header("Prefer", "`wait=N`: how many seconds to wait for it, or for the newest"),
        ]
    headers = _POSITION | _BEHIND if projected else _POSITION
    ok: Schema = {"content": {JSON_TYPE: {"schema": schema_of(answers)}}, "headers": headers}
    responses: Schema = {"200": ok, **_problems(401, 403, 404, 422, 429, 503)}
    if tag:
        parameters.append(header("If-None-Match", "Answer 304 if this is still the ETag"))
        responses["304"] = {"description": "Not Modified"}
    if tag or versioned:
        meaning = _VERSION if versioned else "The digest of the document"
        ok["headers"] = headers | {"ETag": text_header(meaning)}
    return _declared(parameters, responses, scope, "read")


def command(
    path: str,
    answers: dict[int, type],
    *,
    body: type | Schema | None = None,
    body_required: bool = True,
    query: Iterable[Schema] = (),
    versioned: bool = False,
    conditional: bool = False,
    scope: ScopeName = "write",
    batch: bool = False,
) -> Schema:
    """Return what to say of a route that may change something.

    It answers an ETag if it is `versioned`, and honours If-Match if it is `conditional`. A caller
    with a key needs the `scope`; one of many decisions is a `batch`, with a rate limit of its own.
    """
    parameters = [
        *path_parameters(path),
        *query,
        query_parameter("dry_run", {"type": "boolean"}, _TRIAL),
        header("Idempotency-Key", "Say the same again, and get the same answer", max_length=200),
        header("Capacity-Actor", "Who asks, else `local`; with a key its owner", max_length=200),
        header("Capacity-Reason", "Why, for the history", max_length=200),
        header("Capacity-On-Behalf-Of", "For whom", max_length=200),
        header("Capacity-Correlation-Id", "What this belongs to", form="uuid"),
        header("Capacity-Causation-Id", "What led to this", form="uuid"),
    ]
    if conditional:
        parameters.append(header("If-Match", _IF_MATCH))
    headers = _POSITION | {
        "Idempotency-Replayed": text_header("`true` when this was answered before")
    }
    if versioned or conditional:
        headers["ETag"] = text_header(f"{_VERSION}; not on a repeat")
    responses = _problems(401, 403, 404, 409, 412, 413, 415, 422, 429, 503)
    for status, answer in answers.items():
        created = {"Location": text_header("Where it is found")} if status == 201 else {}
        responses[str(status)] = {
            "content": {JSON_TYPE: {"schema": schema_of(answer)}},
            "headers": headers | created,
        }
    declared = _declared(parameters, responses, scope, "batch" if batch else "write")
    if body is not None:
        declared["openapi_extra"]["requestBody"] = {
            "required": body_required,
            "content": {JSON_TYPE: {"schema": schema_of(body)}},
        }
    return declared


def job(
    path: str,
    answers: dict[int, type | Schema],
    *,
    problems: tuple[int, ...],
    scope: ScopeName = "read",
    body: type | None = None,
    media_type: str = JSON_TYPE,
) -> Schema:
    """Return what to say of a route for work that goes on after the answer."""
    responses = _problems(401, 403, 429, 503, *problems)
    for status, answer in answers.items():
        responses[str(status)] = {"content": {media_type: {"schema": schema_of(answer)}}}
        if status == 202:
            responses[str(status)]["headers"] = {"Location": text_header("Where it is found")}
    declared = _declared(
        path_parameters(path), responses, scope, "read" if scope == "read" else "write"
    )
    if body is not None:
        content = {JSON_TYPE: {"schema": schema_of(body)}}
        declared["openapi_extra"]["requestBody"] = {"required": False, "content": content}
    return declared


def stream(*, query: Iterable[Schema] = ()) -> Schema:
    """Return what to say of a route whose answer, server-sent events, goes on until it is ended."""
    events: Schema = {"content": {STREAM_TYPE: {"schema": {"type": "string"}}}}
    responses = {"200": events, **_problems(401, 403, 410, 422, 429, 503)}
    return _declared(list(query), responses, "read", "read")


def operational(
    responses: dict[int, Schema], *, path: str = "", scope: ScopeName | None = None
) -> Schema:
    """Return what to say of a route for those who run the server; without `scope` all may ask."""
    said = {str(status): answer for status, answer in responses.items()}
    if path:
        said |= _problems(404, 422)
    if scope is not None:
        said |= _problems(401, 403, 429, 503)
    return _declared(path_parameters(path), said, scope, "read")


_POSITION = {
    "Capacity-Position": {
        "description": "The ledger's position from which on reads show this",
        "schema": {"type": "integer"},
    }
}
_BEHIND = {
    "Capacity-Behind": {
        "description": "Only if an event could not be applied: the position of the first. Rows "
        "that depend on it are as they were before",
        "schema": {"type": "integer"},
    }
}
_AS_OF = (
    "Answer as it would have been at an earlier moment: a position, or a time with its zone, "
    "which means the last position before the first event recorded after it"
)
_VERSION = "The version, for If-Match"
_IF_MATCH = (
    'The ETag that was seen, such as `"7"`, or `*` if it only must exist; 412 with the events '
    "missed since if it is another now"
)
_MEANINGS = {
    401: "A key is needed, or this one counts no more",
    403: "The key does not allow it",
    404: "What was named does not exist",
    409: "It contradicts what is already true",
    410: "What was seen last is too far back, or lies beyond the end; begin anew",
    412: "A precondition does not hold",
    413: "The body is too large",
    415: "The body is not JSON",
    422: "It can never be granted as it stands",
    429: "Too many requests; try again after Retry-After",
    503: "Not now; try again after Retry-After",
}


def _problems(*statuses: int) -> Schema:
    content = {PROBLEM_TYPE: {"schema": schema_of(Problem)}}
    return {
        str(status): {"description": _MEANINGS[status], "content": content} for status in statuses
    }


def _declared(
    parameters: list[Schema],
    responses: Schema,
    scope: ScopeName | None = "read",
    rate_class: RateClass = "read",
) -> Schema:
    for status, response in responses.items():
        response.setdefault("description", "Created" if status == "201" else "Answered")
    first = min(int(status) for status in responses)
    return {
        "status_code": first,
        "response_class": Response,
        "response_description": responses[str(first)]["description"],
        "responses": {int(status): response for status, response in sorted(responses.items())},
        "openapi_extra": ({"parameters": parameters} if parameters else {})
        | declared_access(scope, rate_class),
    }
