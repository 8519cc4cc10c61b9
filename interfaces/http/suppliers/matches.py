"""Matches: book a registration with a supplier, once; release, reassign, and look."""

from functools import partial
from typing import Any, cast
from uuid import UUID

from fastapi import APIRouter
from msgspec import UNSET, Struct, UnsetType
from starlette.responses import Response

from application.suppliers import BookingState, Match
from domain.errors import DomainError, Invalid
from domain.names import shown
from domain.suppliers import ScenarioNotFound
from interfaces.http.admission import check_batch
from interfaces.http.asked import MAX_ITEMS, Asked, checked_name, fields_of, link, optional_text
from interfaces.http.commands import COMMAND_QUERY, answer_command
from interfaces.http.errors import Problem, domain_problem
from interfaces.http.parameters import query_text
from interfaces.http.routes import Route, command, schema_of
from interfaces.http.suppliers.match_records import match_schema, read_match
from interfaces.http.versions import version_tag

router = APIRouter(route_class=Route, tags=["suppliers"])

_MATCHES = "/v1/lines/{line}/scenarios/{scenario}/matches"
_MATCH = f"{_MATCHES}/{{registration_id}}"


class BookingAnswer(Struct, frozen=True):
    """Where a registration stands; `alias` is there when it was used to name the supplier."""

    registration_id: str
    supplier_id: str
    status: str
    capacity: int
    used: int
    alias: str | UnsetType = UNSET


class BatchItem(Struct, frozen=True):
    """What became of one match; `status` is refused where there is a problem."""

    index: int
    status: str
    registration_id: str | UnsetType = UNSET
    supplier_id: str | UnsetType = UNSET
    capacity: int | UnsetType = UNSET
    used: int | UnsetType = UNSET
    alias: str | UnsetType = UNSET
    problem: Problem | UnsetType = UNSET


class BatchAnswer(Struct, frozen=True):
    """One result for each match, in order; each was decided for itself."""

    results: list[BatchItem]


class ReassignBody(Struct, frozen=True):
    """The supplier that shall have the registration, and why."""

    supplier_id: str
    reason: str | None = None


_BOOKED: Any = {"oneOf": [schema_of(BookingAnswer), schema_of(BatchAnswer)]}
_BODY: Any = {
    "oneOf": [
        match_schema(),
        {"type": "array", "minItems": 1, "maxItems": MAX_ITEMS, "items": match_schema()},
    ]
}


@router.post(
    _MATCHES,
    **command(_MATCHES, {200: _BOOKED, 201: BookingAnswer}, body=_BODY, versioned=True),
)
async def book(asked: Asked) -> Response:
    """Book one match, or a list of them; the same match again is quiet."""
    line, scenario = asked.segment("line"), asked.segment("scenario")
    query = asked.query(*COMMAND_QUERY)
    said = await asked.json()
    if isinstance(said, list):
        await check_batch(asked.scope)
        return await _book_all(asked, line, scenario, said, query)
    match = read_match(said)
    return await answer_command(
        asked,
        partial(asked.service.suppliers.book, line=line, scenario=scenario, match=match),
        _booked,
        query=query,
        body=await asked.body(),
        location=lambda reply: _match_link(line, scenario, match.registration_id),
        tag=_tag,
    )


@router.delete(
    _MATCH,
    **command(_MATCH, {200: BookingAnswer}, query=[query_text("reason", "Why")], conditional=True),
)
async def release(asked: Asked) -> Response:
    """Give back the slot of a registration."""
    query = asked.query("reason", *COMMAND_QUERY)
    if await asked.body():
        raise Invalid(("", "a release has no body; the reason belongs into the query"))
    use_case = partial(
        asked.service.suppliers.release,
        line=asked.segment("line"),
        scenario=asked.segment("scenario"),
        registration_id=asked.segment("registration_id"),
    )
    reason = checked_name("reason", query["reason"]) if query.get("reason") else ""
    return await answer_command(
        asked, use_case, _booked, query=query, reason=reason, tag=_tag, conditional=True
    )


@router.post(
    f"{_MATCH}/reassign",
    **command(f"{_MATCH}/reassign", {200: BookingAnswer}, body=ReassignBody, conditional=True),
)
async def reassign(asked: Asked) -> Response:
    """Move a registration to another supplier, which must have room."""
    query = asked.query(*COMMAND_QUERY)
    fields = fields_of(await asked.json(), "supplier_id", "reason")
    reason = optional_text(fields, "reason")
    use_case = partial(
        asked.service.suppliers.reassign,
        line=asked.segment("line"),
        scenario=asked.segment("scenario"),
        registration_id=asked.segment("registration_id"),
        supplier=cast(str, fields.get("supplier_id")),  # checked by the use case
    )
    return await answer_command(
        asked,
        use_case,
        _booked,
        query=query,
        body=await asked.body(),
        reason=reason,
        tag=_tag,
        conditional=True,
    )


# Lists.


async def _book_all(
    asked: Asked, line: str, scenario: str, said: list[Any], query: dict[str, str]
) -> Response:
    check_length(said)
    matches = [_read(record) for record in said]
    return await answer_command(
        asked,
        partial(asked.service.suppliers.book_all, line=line, scenario=scenario, matches=matches),
        partial(_batch, request_id=asked.request_id),
        query=query,
        body=await asked.body(),
    )


def check_length(said: list[Any], pointer: str = "") -> None:
    """Raise Invalid unless a list has 1 to MAX_ITEMS items."""
    if not 1 <= len(said) <= MAX_ITEMS:
        raise Invalid((pointer, f"found {len(said)} items, 1 to {MAX_ITEMS} are allowed"))


def raise_if_no_scenario(results: list[Any]) -> None:
    """Raise ScenarioNotFound if one met it: then nothing in the list was decided."""
    for each in results:
        if isinstance(each, ScenarioNotFound):
            raise each


def _read(record: Any) -> Match | Invalid:
    try:
        return read_match(record)
    except Invalid as invalid:
        return invalid


def _batch(results: list[BookingState | Exception], request_id: UUID) -> tuple[int, Any]:
    raise_if_no_scenario(results)
    return 200, BatchAnswer([_item(index, each, request_id) for index, each in enumerate(results)])


def _item(index: int, result: BookingState | Exception, request_id: UUID) -> BatchItem:
    if isinstance(result, BookingState):
        return BatchItem(
            index=index,
            status=result.status,
            registration_id=result.registration_id,
            supplier_id=result.supplier,
            capacity=result.capacity_slots,
            used=result.used_slots,
            alias=result.alias or UNSET,
        )
    assert isinstance(result, DomainError), shown(result)
    return BatchItem(index=index, status="refused", problem=domain_problem(result, request_id))


# Answers.


def _booked(state: BookingState) -> tuple[int, Any]:
    answer = BookingAnswer(
        registration_id=state.registration_id,
        supplier_id=state.supplier,
        status=state.status,
        capacity=state.capacity_slots,
        used=state.used_slots,
        alias=state.alias or UNSET,
    )
    return (201 if state.status == "booked" else 200), answer


def _tag(state: BookingState) -> str:
    return version_tag(state.version, reset_number=state.reset_number)


def _match_link(line: str, scenario: str, registration_id: str) -> str:
    return link("lines", line, "scenarios", scenario, "matches", registration_id)
