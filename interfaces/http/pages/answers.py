"""How a page is answered: as HTML, which a browser gets anew only if it has changed."""

import asyncio
from collections.abc import Callable
from gzip import compress
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qsl

import msgspec
from sqlalchemy import Connection
from starlette.responses import Response

from domain.errors import Invalid
from interfaces.http.asked import Asked
from interfaces.http.questions import Document, answer_question
from interfaces.pages.assets import digest
from interfaces.pages.templates import Shell
from projections.role_capacity import role_capacity

HTML = "text/html; charset=utf-8"
# A page is its reader's alone, and is looked after each time.
_HEADERS = {"cache-control": "private, no-cache", "vary": "Cookie, Authorization, Accept-Encoding"}
_PACKED_BYTES = 10_000
_MAX_FIELDS = 1_100


def html(body: bytes, *, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Return a page as a response."""
    return Response(body, status, _HEADERS | (headers or {}), HTML)


def packed(asked: Asked, body: bytes) -> tuple[bytes, dict[str, str]]:
    """Return a page as this browser takes it, and the header that says so."""
    if len(body) < _PACKED_BYTES or "gzip" not in asked.headers.get("accept-encoding", ""):
        return body, {}
    # The fastest: a page of 1.6 MB becomes a tenth of it in the time that writing it takes anyway.
    return compress(body, 1, mtime=0), {"content-encoding": "gzip"}


def shell_of(asked: Asked) -> Shell:
    """Return what the page shows around its content."""
    caller = asked.caller
    return Shell(asked.scope["path"], caller.owner, signed_in=caller.key_id is not None)


def query_pairs(asked: Asked) -> list[tuple[str, str]]:
    """Return the query's fields in their order, as a form sends them."""
    raw: bytes = asked.scope["query_string"]
    try:
        return parse_qsl(
            raw.decode("ascii"),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=_MAX_FIELDS,
        )
    except UnicodeDecodeError:
        raise Invalid(("/query", "the query is not UTF-8, percent-encoded")) from None
    except ValueError:
        raise Invalid(("/query", f"more than {_MAX_FIELDS} fields in the query")) from None


def tag_of(asked: Asked, *made_of: Any) -> str:
    """Return what stands for a page that is made of these, seen by this caller.

    It is known before the page is written, so that one that has not changed is not written at all.
    """
    parts = (digest(), asked.caller.owner, asked.path, *made_of)
    return sha256(repr(parts).encode()).hexdigest()


async def answer_told(asked: Asked, answered: Response, write: Callable[[str], bytes]) -> Response:
    """Return the page of an answer of the API, written in a thread; 304 if it is as it was."""
    said = msgspec.json.decode(bytes(answered.body))
    said.pop("position", None)  # which moves with every event
    tag = f'"{tag_of(asked, said)}"'
    headers = {"etag": tag, "capacity-position": answered.headers["capacity-position"]}
    if asked.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    sent, coded = await asyncio.to_thread(lambda: packed(asked, write(tag)))
    return html(sent, headers=headers | coded)


async def answer_page(
    asked: Asked,
    look: Callable[[Connection], Document],
    *,
    query: dict[str, str],
    projection: str = role_capacity.name,
) -> Response:
    """Answer a question with the page that `look` writes, in a thread of the read pool."""
    response = await answer_question(asked, look, query=query, projection=projection)
    response.headers.update(_HEADERS)
    if response.status_code == 200:
        response.headers["content-type"] = HTML
    return response
