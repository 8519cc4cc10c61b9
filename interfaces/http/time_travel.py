"""Why a row is as it is, and what changed between two moments: for every projection alike."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import datetime
from functools import partial
from typing import Any
from urllib.parse import quote, urlencode

from fastapi import APIRouter
from msgspec import DecodeError, Struct, json
from sqlalchemy import Connection
from starlette.responses import Response

from domain.errors import Invalid
from domain.names import shown
from domain.stored import stored_topic
from interfaces.http.asked import MAX_ITEMS, MAX_POSITION, Asked, whole_number
from interfaces.http.confinement import check_projections
from interfaces.http.parameters import query_moment, query_number, query_text
from interfaces.http.questions import READ_QUERY, answer_question, asked_position
from interfaces.http.routes import Route, question
from interfaces.http.wire import encode, json_response
from interfaces.recorded import RecordedAnswer, fields_of_event
from projections.catalogue import PROJECTIONS
from projections.differences import Change, Named, count_differences, read_differences
from projections.explaining import explain
from projections.log import PastLog
from projections.row_places import Place, find_projection, read_place

router = APIRouter(route_class=Route, tags=["time travel"])

_EXPLAIN = "/v1/explain/{projection}/{key:path}"
_DIFF = "/v1/diff"
_DEFAULT_LIMIT = 100
_LIMIT = query_number("limit", 1, MAX_ITEMS, f"At most so many; {_DEFAULT_LIMIT} if not said")


class ExplainAnswer(Struct, frozen=True):
    """A row, null if it is no more, and the events that made it, newest first.

    `next` is the path of earlier ones, or null.
    """

    projection: str
    table: str
    key: dict[str, Any]
    row: dict[str, Any] | None
    events: list[RecordedAnswer]
    next: str | None


class CauseAnswer(Struct, frozen=True):
    """An event that touched a row."""

    position: int
    topic: str
    recorded_at: datetime
    actor: str
    reason: str


class ChangeAnswer(Struct, frozen=True):
    """One row that is not what it was; of a changed one, the columns that are not.

    `names` are its other columns by which rows are looked up; `events` the newest that touched it
    in between, of `event_count` in all.
    """

    projection: str
    table: str
    key: dict[str, Any]
    names: dict[str, Any]
    change: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    events: list[CauseAnswer]
    event_count: int


class DiffAnswer(Struct, frozen=True, rename={"begin": "from", "end": "to"}):
    """What changed between two positions, `change_count` rows in all.

    `next` is the path of the next page, or null on the last.
    """

    begin: int
    end: int
    projection: str | None
    change_count: int
    changes: list[ChangeAnswer]
    next: str | None


class _Cursor(Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    begin: int
    end: int
    projection: str | None
    number: int


# Explain.


@router.get(
    _EXPLAIN,
    **question(
        _EXPLAIN,
        ExplainAnswer,
        query=[_LIMIT, query_number("before", 1, MAX_POSITION, "Only events before this position")],
    ),
)
async def explain_row(asked: Asked) -> Response:
    """Resolve a row to the events that made it: `TABLE/KEY...`, or `TABLE/COLUMN=VALUE/...`."""
    projection = find_projection(PROJECTIONS, asked.segment("projection"))
    check_projections(asked.caller, [projection])
    place = read_place(projection, asked.segments("key"))
    query = asked.query("limit", "before", *READ_QUERY)
    limit = whole_number("limit", query.get("limit", str(_DEFAULT_LIMIT)), least=1, most=MAX_ITEMS)
    before = (
        whole_number("before", query["before"], least=1, most=MAX_POSITION)
        if "before" in query
        else None
    )
    look = partial(
        _explained,
        log=asked.service.log,
        place=place,
        limit=limit,
        before=before,
        path=asked.path,
        past="as_of" in query,
    )
    return await answer_question(asked, look, query=query)


def _explained(
    connection: Connection,
    *,
    log: PastLog,
    place: Place,
    limit: int,
    before: int | None,
    path: str,
    past: bool,
) -> ExplainAnswer:
    found = explain(connection, log, place, limit=limit, before=before)
    follow = None
    if found.more:
        query = {"limit": str(limit), "before": str(found.events[-1].position)}
        if past:
            query["as_of"] = str(found.position)
        follow = f"{path}?{urlencode(query)}"
    return ExplainAnswer(
        projection=place.projection.name,
        table=str(place.table.name),
        key=found.key,
        row=found.row,
        events=[
            RecordedAnswer(**fields_of_event(each.event), position=each.position)
            for each in found.events
        ],
        next=follow,
    )


# Diff.


@router.get(
    _DIFF,
    **question(
        _DIFF,
        DiffAnswer,
        query=[
            query_moment("from", "The earlier moment: a position or a zoned time", required=True),
            query_moment("to", "The later moment; the newest position if not said"),
            query_text("projection", "Only the rows of one projection"),
            _LIMIT,
            query_text("cursor", "From `next` of the page before", max_length=4_000),
        ],
        projected=False,
        dated=False,
    ),
)
async def diff(asked: Asked) -> Response:
    """Say which rows changed between two moments, and by which events."""
    query = asked.query("from", "to", "projection", "limit", "cursor")
    limit = whole_number("limit", query.get("limit", str(_DEFAULT_LIMIT)), least=1, most=MAX_ITEMS)
    projection = query.get("projection")
    chosen = PROJECTIONS if projection is None else [find_projection(PROJECTIONS, projection)]
    check_projections(asked.caller, chosen)
    begin, end = await _ends(asked, query)
    after = _read_cursor(query["cursor"], (begin, end, projection)) if "cursor" in query else 0
    look = partial(
        _page, log=asked.service.log, ends=(begin, end), projection=projection, limit=limit
    )
    answer = await asked.service.pasts.compare(begin, end, partial(look, after=after))
    return json_response(encode(answer), headers={"capacity-position": str(end)})


async def _ends(asked: Asked, query: dict[str, str]) -> tuple[int, int]:
    begin = await asked_position(asked, query, "from")
    end = await asked_position(asked, query, "to")
    if begin is None:
        raise Invalid(("/from", "is missing; a position or a time with its zone is needed"))
    if end is None:
        end, _ = await asked.service.ledger.store.head()
    if end < begin:
        raise Invalid(("/to", f"found position {end}, which lies before {begin}, where it begins"))
    return begin, end


def _page(
    connection: Connection,
    *,
    log: PastLog,
    ends: tuple[int, int],
    projection: str | None,
    limit: int,
    after: int,
) -> DiffAnswer:
    found = read_differences(
        connection, log, after_number=after, limit=limit + 1, projection=projection
    )
    page, follow = found[:limit], None
    if len(found) > limit:
        follow = _next_page(limit, _Cursor(*ends, projection, page[-1].number))
    many = count_differences(connection, projection=projection)
    return DiffAnswer(*ends, projection, many, [_change(each) for each in page], follow)


def _change(found: Change) -> ChangeAnswer:
    return ChangeAnswer(
        projection=found.projection,
        table=found.table,
        key=found.key,
        names=found.names,
        change=found.kind,
        before=found.before,
        after=found.after,
        events=[_cause(each) for each in found.events],
        event_count=found.event_count,
    )


def _cause(named: Named) -> CauseAnswer:
    provenance = named.event.provenance
    return CauseAnswer(
        position=named.position,
        topic=stored_topic(type(named.event)),
        recorded_at=provenance.recorded_at,
        actor=provenance.actor,
        reason=provenance.reason,
    )


def _next_page(limit: int, cursor: _Cursor) -> str:
    query = {"from": str(cursor.begin), "to": str(cursor.end), "limit": str(limit)}
    if cursor.projection is not None:
        query["projection"] = cursor.projection
    query["cursor"] = urlsafe_b64encode(json.encode(cursor)).decode().rstrip("=")
    return f"{_DIFF}?{urlencode(query, quote_via=quote)}"


def _read_cursor(text: str, asked_for: tuple[int, int, str | None]) -> int:
    try:
        padded = text.encode("ascii") + b"=" * (-len(text) % 4)
        cursor = json.decode(urlsafe_b64decode(padded), type=_Cursor)
    except (ValueError, DecodeError):
        raise Invalid(("/cursor", f"found {shown(text)}, the cursor of a page is needed")) from None
    if (cursor.begin, cursor.end, cursor.projection) != asked_for or not (
        0 <= cursor.number <= MAX_POSITION
    ):
        raise Invalid(("/cursor", "belongs to differences of other moments or projections"))
    return cursor.number
