"""Which registrations hold slots now: page by page, or one of them."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import datetime
from functools import partial
from urllib.parse import urlencode

from fastapi import APIRouter
from msgspec import DecodeError, Struct, json
from sqlalchemy import Connection
from starlette.responses import Response

from domain.errors import Invalid
from domain.names import name_fault, shown
from domain.suppliers import BookingNotFound, ScenarioNotFound
from interfaces.http.asked import MAX_ITEMS, Asked, checked_name, flag, link, whole_number
from interfaces.http.questions import READ_QUERY, answer_question
from interfaces.http.routes import Route, query_flag, query_number, query_text, question
from projections import supplier_capacity
from projections.supplier_capacity import Match

router = APIRouter(route_class=Route, tags=["suppliers"])

_MATCHES = "/v1/lines/{line}/scenarios/{scenario}/matches"
_MATCH = f"{_MATCHES}/{{registration_id}}"
_DEFAULT_LIMIT = 100


class MatchAnswer(Struct, frozen=True):
    """A registration and whose slot it holds; `supplier_id` is empty once it is released."""

    registration_id: str
    supplier_id: str
    status: str
    alias: str
    reset_number: int
    zip_code: str
    product_type: str
    panel_name: str
    payment_type: str
    num_panels: int | None
    booked_at: datetime
    changed_at: datetime
    actor: str
    reason: str
    version: int
    position: int


class MatchesAnswer(Struct, frozen=True):
    """One page. `begun_at_position` is where reads stood when the first page was asked for.

    `next` is the path of the next page, or null on the last.
    """

    matches: list[MatchAnswer]
    begun_at_position: int
    next: str | None


class _Cursor(Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    after_registration: str
    begun_at_position: int
    supplier: str
    include_released: bool


@router.get(
    _MATCHES,
    **question(
        _MATCHES,
        MatchesAnswer,
        query=[
            query_number("limit", 1, MAX_ITEMS, f"At most so many; {_DEFAULT_LIMIT} if not said"),
            query_text("supplier", "Only those of one supplier"),
            query_flag("include_released", "Also those that were released"),
            query_text("cursor", "From `next` of the page before", max_length=4_000),
        ],
    ),
)
async def matches(asked: Asked) -> Response:
    """List the matches of the current count, by registration id."""
    query = asked.query("limit", "supplier", "include_released", "cursor", *READ_QUERY)
    limit = whole_number("limit", query.get("limit", str(_DEFAULT_LIMIT)), least=1, most=MAX_ITEMS)
    supplier = checked_name("supplier", query["supplier"]) if "supplier" in query else ""
    released = flag("include_released", query.get("include_released", "false"))
    cursor = _read_cursor(query["cursor"]) if "cursor" in query else None
    if cursor is not None and (cursor.supplier, cursor.include_released) != (supplier, released):
        raise Invalid(("/cursor", "belongs to a list with another supplier or include_released"))
    look = partial(
        _page,
        line=asked.segment("line"),
        name=asked.segment("scenario"),
        limit=limit,
        supplier=supplier,
        released=released,
        cursor=cursor,
    )
    return await answer_question(asked, look, query=query)


@router.get(_MATCH, **question(_MATCH, MatchAnswer))
async def match(asked: Asked) -> Response:
    """Show one registration of the current count, held or released."""
    look = partial(
        _one,
        line=asked.segment("line"),
        name=asked.segment("scenario"),
        registration_id=asked.segment("registration_id"),
    )
    return await answer_question(asked, look, query=asked.query(*READ_QUERY))


def _page(
    connection: Connection,
    *,
    line: str,
    name: str,
    limit: int,
    supplier: str,
    released: bool,
    cursor: _Cursor | None,
) -> MatchesAnswer:
    _check_scenario(connection, line, name)
    found = supplier_capacity.matches_page(
        connection,
        line=line,
        scenario=name,
        limit=limit + 1,
        after_registration=None if cursor is None else cursor.after_registration,
        supplier=supplier or None,
        include_released=released,
    )
    page, more = found[:limit], len(found) > limit
    begun_at = (
        supplier_capacity.position(connection) if cursor is None else cursor.begun_at_position
    )
    follow = None
    if more:
        text = _write_cursor(_Cursor(page[-1].registration_id, begun_at, supplier, released))
        follow = _next_page(line, name, limit, supplier, released, text)
    return MatchesAnswer([_match(each) for each in page], begun_at, follow)


def _one(connection: Connection, *, line: str, name: str, registration_id: str) -> MatchAnswer:
    _check_scenario(connection, line, name)
    found = supplier_capacity.match(
        connection, line=line, scenario=name, registration_id=registration_id
    )
    if found is None:
        raise BookingNotFound(line, name, registration_id)
    return _match(found)


def _check_scenario(connection: Connection, line: str, name: str) -> None:
    if supplier_capacity.scenario(connection, line=line, scenario=name) is None:
        raise ScenarioNotFound(line, name)


def _match(found: Match) -> MatchAnswer:
    return MatchAnswer(
        registration_id=found.registration_id,
        supplier_id=found.supplier,
        status="booked" if found.supplier else "released",
        alias=found.asked_supplier,
        reset_number=found.reset_number,
        zip_code=found.zip_code,
        product_type=found.product_type,
        panel_name=found.panel_name,
        payment_type=found.payment_type,
        num_panels=found.num_panels,
        booked_at=found.booked_at,
        changed_at=found.changed_at,
        actor=found.actor,
        reason=found.reason,
        version=found.version,
        position=found.position,
    )


# Cursors: opaque to those who carry them.


def _next_page(line: str, name: str, limit: int, supplier: str, released: bool, cursor: str) -> str:
    query = {"limit": str(limit), "cursor": cursor}
    if supplier:
        query["supplier"] = supplier
    if released:
        query["include_released"] = "true"
    return f"{link('lines', line, 'scenarios', name, 'matches')}?{urlencode(query)}"


def _write_cursor(cursor: _Cursor) -> str:
    return urlsafe_b64encode(json.encode(cursor)).decode().rstrip("=")


def _read_cursor(text: str) -> _Cursor:
    try:
        padded = text.encode("ascii") + b"=" * (-len(text) % 4)
        cursor = json.decode(urlsafe_b64decode(padded), type=_Cursor)
    except (ValueError, DecodeError):
        cursor = None
    if cursor is None or name_fault(cursor.after_registration):
        raise Invalid(("/cursor", f"found {shown(text)}, the cursor of a page is needed"))
    return cursor
