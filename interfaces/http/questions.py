"""How every question is answered: one read transaction in the read pool, at a known position."""

from collections.abc import Callable
from hashlib import sha256
from typing import NamedTuple

from sqlalchemy import Connection
from starlette.responses import Response

from domain.errors import Invalid
from domain.names import shown
from interfaces.as_of import read_moment
from interfaces.http.asked import MAX_POSITION, Asked, whole_number
from interfaces.http.wire import JSON_TYPE, encode
from projections import supplier_capacity
from projections.database import standing

READ_QUERY = ("after", "as_of")
MAX_WAIT_SECONDS = 60


class Document(NamedTuple):
    """Bytes that go out as they are. `tag`, if there is one, is the same as long as they are."""

    body: bytes
    tag: str
    headers: dict[str, str]


async def answer_question(
    asked: Asked,
    question: Callable[[Connection], object],
    *,
    query: dict[str, str],
    projection: str = supplier_capacity.supplier_capacity.name,
    takes_long: bool = False,
) -> Response:
    """Answer with what `question` returns: a struct, or a Document that is sent as it is.

    The `projection` is the one whose position the answer shows. What takes long shares threads
    with its like alone.

    Waits before for the position that the request names, or answers `as_of` an earlier moment.
    Raises NotYetVisible, PastNotReady.
    """
    headers = asked.header_texts()
    past = await go_to(asked, query)

    def answered(connection: Connection) -> tuple[Document, dict[str, str]]:
        headers = stands(connection, projection)
        answer = question(connection)
        if isinstance(answer, Document):
            return answer, headers
        return Document(encode(answer), "", {}), headers

    service = asked.service
    if past is None:
        document, stood = await (service.report if takes_long else service.read)(answered)
        await service.check_not_ahead(int(stood["capacity-position"]))
    else:
        read_past = service.report_past if takes_long else service.read_past
        document, stood = await read_past(past, answered)
    sent = {**stood, **document.headers}
    if document.tag:
        sent["etag"] = f'"{document.tag}"'
        if _is_known(headers.get(b"if-none-match", ""), document.tag):
            return Response(status_code=304, headers=sent)
    return Response(document.body, headers=sent, media_type=JSON_TYPE)


async def go_to(asked: Asked, query: dict[str, str]) -> int | None:
    """Return the position that the query asks about; None for now, once reads show what it names.

    Raises Invalid, NotYetVisible.
    """
    if "as_of" in query and "after" in query:
        detail = "says nothing beside as_of, which never has to be waited for; leave one out"
        raise Invalid(("/after", detail))
    past = await asked_position(asked, query)
    if past is None:
        await _wait(asked, query)
    return past


async def asked_position(asked: Asked, query: dict[str, str], field: str = "as_of") -> int | None:
    """Return the position that the query asks about; None if it asks about now. Raises Invalid."""
    if field not in query:
        return None
    return await asked.service.position_of(field, read_moment(field, query[field]))


def stands(connection: Connection, projection: str) -> dict[str, str]:
    """Say which position an answer shows, and from which on something is missing in it."""
    position, parked_from = standing(connection, projection)
    said = {"capacity-position": str(position)}
    return said if parked_from is None else said | {"capacity-behind": str(parked_from)}


def as_document(body: bytes, **headers: str) -> Document:
    """Return bytes with their digest; headers are named with underscores."""
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return Document(body, sha256(body).hexdigest(), named)


async def _wait(asked: Asked, query: dict[str, str]) -> None:
    seconds = _preferred_wait(asked.header_texts().get(b"prefer", ""))
    after = query.get("after")
    if after is not None:
        position = whole_number("after", after, least=0, most=MAX_POSITION)
        await _check_written(asked, position)
    elif seconds is not None:
        position, _ = await asked.service.ledger.store.head()
    else:
        return
    allowed = asked.service.settings.wait_seconds if seconds is None else float(seconds)
    await asked.service.wait_for(position, timeout_seconds=allowed)


async def _check_written(asked: Asked, position: int) -> None:
    """Raise Invalid for a position that no write was ever answered with: it may never come."""
    ledger = asked.service.ledger
    if position > ledger.head:
        head, _ = await ledger.store.head()  # another process may have written meanwhile
        if position > head:
            raise Invalid(("/after", f"found {position}, the ledger ends at {head}"))


def _preferred_wait(prefer: str) -> int | None:
    """Return the seconds of `Prefer: wait=N` (RFC 7240); other preferences are not ours."""
    for preference in prefer.split(","):
        name, _, text = preference.partition("=")
        if name.strip().lower() == "wait":
            text = text.strip().strip('"')
            if not (text.isascii() and text.isdecimal() and len(text) <= 9):
                raise Invalid(("/Prefer", f"found wait={shown(text)}, whole seconds are needed"))
            return min(int(text), MAX_WAIT_SECONDS)
    return None


def _is_known(if_none_match: str, tag: str) -> bool:
    tags = [each.strip().removeprefix("W/") for each in if_none_match.split(",")]
    return "*" in tags or f'"{tag}"' in tags
