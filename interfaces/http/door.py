"""Through here every request goes, once in and once out: its id, its limits, its last resort."""

import asyncio
from time import perf_counter
from urllib.parse import unquote_to_bytes
from uuid import UUID

import structlog
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from domain.errors import Invalid
from interfaces.http.admission import Admission
from interfaces.http.asked import ENCODED_SLASH, REQUEST_ID
from interfaces.http.errors import (
    RETRY_AFTER_SECONDS,
    Answer,
    NotLetIn,
    RequestRefused,
    answer_for,
    unforeseen,
)
from interfaces.http.metrics import Metrics
from interfaces.http.pages.problems import problem_response
from interfaces.http.security_headers import add_security_headers
from interfaces.http.time_limits import TimeLimits
from interfaces.identity import fresh_id

logger = structlog.get_logger(__name__)

MAX_PATH_BYTES = 8_192


class Door:
    """Pure ASGI: one wrapper does what several middlewares would do at several times the cost."""

    def __init__(
        self, app: ASGIApp, *, body_bytes: int, request_seconds: float, metrics: Metrics
    ) -> None:
        self._app, self._body_bytes, self._metrics = app, body_bytes, metrics
        self._times = TimeLimits(request_seconds)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, whatever happens."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = scope[REQUEST_ID] = fresh_id()
        began = perf_counter()
        status = 0

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                self._times.end(task)  # a long answer, or a stream, is not a late one
                status = message["status"]
                message["headers"].append((b"x-request-id", str(request_id).encode()))
                add_security_headers(message["headers"])
            await send(message)

        # There from the start to the end of the application; before, nobody is served anyway.
        admission: Admission | None = getattr(scope["app"].state, "admission", None)
        task = self._times.begin(began)
        try:
            _read_path(scope)
            if admission is not None and not admission.lets_all_in:
                await admission.admit(scope)
            await self._app(scope, self._limited(scope, receive), answer)
        except ClientDisconnect:
            logger.info("client_left", request_id=str(request_id))
        except Exception as error:
            if status:
                raise  # half an answer is out: all that is left is to cut the connection
            if isinstance(error, NotLetIn) and admission is not None:
                admission.note(error, scope, request_id)
            await respond(_answer(error, request_id), scope, receive, answer)
        except asyncio.CancelledError:
            if status or not self._times.was_late(task):
                raise
            await respond(_answer(self._late(), request_id), scope, receive, answer)
        finally:
            self._times.end(task)
            self._metrics.observe(scope, status, perf_counter() - began)

    def _late(self) -> RequestRefused:
        # Whoever waits for a command is cancelled, and never the command: it may be stored yet.
        detail = (
            f"No answer within {self._times.seconds:g} seconds. A command may be stored all the "
            "same: send it again with the same Idempotency-Key to hear what became of it"
        )
        after = {"retry-after": str(RETRY_AFTER_SECONDS)}
        return RequestRefused(503, "request-timed-out", detail, headers=after, retryable=True)

    def _limited(self, scope: Scope, receive: Receive) -> Receive:
        """Return a `receive` that ends with 413 as soon as the body is too large, also chunked."""
        most = self._body_bytes
        refused = RequestRefused(
            413,
            "body-too-large",
            f"The body has more than {most} bytes, which is the limit",
            headers={"connection": "close"},
        )
        for name, value in scope["headers"]:
            if name == b"content-length" and value.isdigit() and int(value[:20]) > most:
                raise refused
        received = 0

        async def limited() -> Message:
            nonlocal received
            message = await receive()
            if message["type"] == "http.request":
                received += len(message.get("body", b""))
                if received > most:
                    raise refused
            return message

        return limited


async def respond(answer: Answer, scope: Scope, receive: Receive, send: Send) -> None:
    """Send a problem."""
    await problem_response(answer, scope)(scope, receive, send)


def _answer(error: Exception, request_id: UUID) -> Answer:
    found = answer_for(error, request_id)
    if found is None:
        logger.error("request_failed", request_id=str(request_id), exc_info=error)
        return unforeseen(request_id)
    if found.problem.status >= 500:
        logger.warning("request_not_served", request_id=str(request_id), error=str(error))
    return found


def _read_path(scope: Scope) -> None:
    """Decode the path segment by segment, so that an encoded slash stays inside its name."""
    raw: bytes = scope.get("raw_path") or scope["path"].encode()
    scope["raw_path"] = raw
    if len(raw) > MAX_PATH_BYTES:
        detail = f"The path has more than {MAX_PATH_BYTES} bytes, which is the limit"
        raise RequestRefused(414, "path-too-long", detail)
    if b"%" not in raw:
        return
    decoded = unquote_to_bytes(raw)
    if b"\0" in decoded:
        raise Invalid(("/path", "found the character U+0000, which no name may hold"))
    try:
        if b"%2F" in raw or b"%2f" in raw:
            segments = [unquote_to_bytes(each).decode() for each in raw.split(b"/")]
            scope["path"] = "/".join(each.replace("/", ENCODED_SLASH) for each in segments)
        else:
            scope["path"] = decoded.decode()
    except UnicodeDecodeError:
        raise Invalid(("/path", "the path is not UTF-8, percent-encoded")) from None
