"""Which registrations hold slots, now or before a reset: page by page, or one of them."""

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
from domain.suppliers.offers import MAX_CAPACITY_SLOTS
from interfaces.http.asked import MAX_ITEMS, Asked, checked_name, flag, link, whole_number
from interfaces.http.parameters import query_flag, query_number, query_text
from interfaces.http.questions import READ_QUERY, Document, answer_question
from interfaces.http.routes import Route, question
from interfaces.http.versions import version_tag
from interfaces.http.wire import encode
from projections import supplier_capacity
from projections.supplier_capacity import Match, OpenScenario

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
    reset_number: int | None
    as_of: int | None  # the position to which the whole list belongs, if it is not the current one


@router.get(
    _MATCHES,
    **question(
        _MATCHES,
        MatchesAnswer,
        query=[
            query_number("limit", 1, MAX_ITEMS, f"At most so many; {_DEFAULT_LIMIT} if not said"),
            query_text("supplier", "Only those of one supplier"),
            query_flag("include_released", "Also those that were released"),
            query_number(
                "reset_number", 0, MAX_CAPACITY_SLOTS, "Those of an earlier count; 0 is the first"
            ),
            query_text("cursor", "From `next` of the page before", max_length=4_000),
        ],
    ),
)
async def matches(asked: Asked) -> Response:
    """List the matches of the current count, or of an earlier one, by registration id."""
    query = asked.query(
        "limit", "supplier", "include_released", "reset_number", "cursor", *READ_QUERY
    )
    limit = whole_number("limit", query.get("limit", str(_DEFAULT_LIMIT)), least=1, most=MAX_ITEMS)
    supplier = checked_name("supplier", query["supplier"]) if "supplier" in query else ""
    released = flag("include_released", query.get("include_released", "false"))
    number = (
        whole_number("reset_number", query["reset_number"], least=0, most=MAX_CAPACITY_SLOTS)
        if "reset_number" in query
        else None
    )
    cursor = _read_cursor(query["cursor"]) if "cursor" in query else None
    wanted = (supplier, released, number)
    if cursor is not None and wanted != _wanted(cursor):
        detail = "belongs to a list with another supplier, include_released or reset_number"
        raise Invalid(("/cursor", detail))
    look = partial(
        _page,
        line=asked.segment("line"),
        name=asked.segment("scenario"),
        limit=limit,
        supplier=supplier,
        released=released,
        reset_number=number,
        past="as_of" in query,
        cursor=cursor,
    )
    return await answer_question(asked, look, query=query)


@router.get(_MATCH, **question(_MATCH, MatchAnswer, tag=True, versioned=True))
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
    reset_number: int | None,
    past: bool,
    cursor: _Cursor | None,
) -> MatchesAnswer:
    as_of = supplier_capacity.position(connection) if past else None
    if cursor is not None and cursor.as_of != as_of:
        detail = f"belongs to the list as of {_when(cursor.as_of)}, this one is of {_when(as_of)}"
        raise Invalid(("/cursor", detail))
    newest = _found_scenario(connection, line, name).reset_number
    if reset_number is not None and reset_number > newest:
        raise Invalid(("/reset_number", f"found {reset_number}, the current count is {newest}"))
    found = supplier_capacity.matches_page(
        connection,
        line=line,
        scenario=name,
        limit=limit + 1,
        after_registration=None if cursor is None else cursor.after_registration,
        supplier=supplier or None,
        include_released=released,
        reset_number=reset_number,
    )
    page, more = found[:limit], len(found) > limit
    begun_at = (
        supplier_capacity.position(connection) if cursor is None else cursor.begun_at_position
    )
    follow = None
    if more:
        last = page[-1].registration_id
        follow = _next_page(
            line, name, limit, _Cursor(last, begun_at, supplier, released, reset_number, as_of)
        )
    return MatchesAnswer([_match(each) for each in page], begun_at, follow)


def _one(connection: Connection, *, line: str, name: str, registration_id: str) -> Document:
    _found_scenario(connection, line, name)
    found = supplier_capacity.match(
        connection, line=line, scenario=name, registration_id=registration_id
    )
    if found is None:
        raise BookingNotFound(line, name, registration_id)
    tag = version_tag(found.version, reset_number=found.reset_number)
    return Document(encode(_match(found)), tag, {})


def _found_scenario(connection: Connection, line: str, name: str) -> OpenScenario:
    found = supplier_capacity.scenario(connection, line=line, scenario=name)
    if found is None:
        raise ScenarioNotFound(line, name)
    return found


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


def _wanted(cursor: _Cursor) -> tuple[str, bool, int | None]:
    return cursor.supplier, cursor.include_released, cursor.reset_number


def _when(as_of: int | None) -> str:
    return "now" if as_of is None else f"position {as_of}"


def _next_page(line: str, name: str, limit: int, cursor: _Cursor) -> str:
    query = {"limit": str(limit), "cursor": _write_cursor(cursor)}
    if cursor.supplier:
        query["supplier"] = cursor.supplier
    if cursor.include_released:
        query["include_released"] = "true"
    if cursor.reset_number is not None:
        query["reset_number"] = str(cursor.reset_number)
    if cursor.as_of is not None:
        query["as_of"] = str(cursor.as_of)
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
