"""Choosing: each registration is booked with the supplier that the rule chooses, and told why."""

from collections import Counter
from functools import partial
from typing import Any
from uuid import UUID

from fastapi import APIRouter
from msgspec import UNSET, Struct, UnsetType
from starlette.responses import Response

from application.suppliers import Chosen
from domain.errors import DomainError, Invalid
from domain.names import shown
from domain.suppliers import Scenario
from interfaces.http.asked import MAX_ITEMS, Asked, fields_of, optional_text
from interfaces.http.commands import COMMAND_QUERY, answer_command
from interfaces.http.errors import Problem, domain_problem
from interfaces.http.routes import Route, command
from interfaces.http.suppliers.matches import check_length, raise_if_no_scenario

router = APIRouter(route_class=Route, tags=["suppliers"])

_CHOOSE = "/v1/lines/{line}/scenarios/{scenario}/choose"
# Each explanation tells of every supplier of the scenario.
MAX_EXPLAINED = 50_000


class ConsideredAnswer(Struct, frozen=True):
    """What was seen of one supplier, and why it was eligible or not."""

    supplier_id: str
    used: int
    capacity: int
    eligible: bool
    reason: str


class ChosenAnswer(Struct, frozen=True):
    """`status` is booked, already_booked, unmatched, invalid, or refused with a problem."""

    index: int
    status: str
    registration_id: str = ""
    zip_code: str = ""
    supplier_id: str = ""
    reason: str = ""
    capacity: int | UnsetType = UNSET
    used: int | UnsetType = UNSET
    considered: list[ConsideredAnswer] | UnsetType = UNSET
    problem: Problem | UnsetType = UNSET


class ChoicesAnswer(Struct, frozen=True):
    """One result for each registration, in order, and how many there are of each status."""

    counts: dict[str, int]
    results: list[ChosenAnswer]


_BODY: Any = {
    "type": "object",
    "additionalProperties": False,
    "required": ["registrations"],
    "properties": {
        "registrations": {
            "type": "array",
            "minItems": 1,
            "maxItems": MAX_ITEMS,
            "items": {
                "type": "object",
                "example": {"registration_id": "SPUS63956", "zip_code": "55447"},
            },
        },
        "explain": {"type": "boolean", "default": True},
        "reason": {"type": ["string", "null"], "maxLength": 200},
    },
}


@router.post(_CHOOSE, **command(_CHOOSE, {200: ChoicesAnswer}, body=_BODY, batch=True))
async def choose(asked: Asked) -> Response:
    """Book each registration with the least used supplier that serves it and has room."""
    line, scenario = asked.segment("line"), asked.segment("scenario")
    query = asked.query(*COMMAND_QUERY)
    fields = fields_of(await asked.json(), "registrations", "explain", "reason")
    records, explained = _records(fields), _explained(fields)
    if explained:
        await _check_size(asked, line, scenario, len(records))
    use_case = partial(
        asked.service.suppliers.choose,
        line=line,
        scenario=scenario,
        records=records,
        explained=explained,
    )
    return await answer_command(
        asked,
        use_case,
        partial(_chosen, request_id=asked.request_id),
        query=query,
        body=await asked.body(),
        reason=optional_text(fields, "reason"),
    )


def _records(fields: dict[str, Any]) -> list[Any]:
    records = fields.get("registrations")
    if not isinstance(records, list):
        raise Invalid(("/registrations", f"found {shown(records)}, a list is needed"))
    check_length(records, "/registrations")
    return records


def _explained(fields: dict[str, Any]) -> bool:
    explained = fields.get("explain", True)
    if not isinstance(explained, bool):
        raise Invalid(("/explain", f"found {shown(explained)}, true or false is needed"))
    return explained


async def _check_size(asked: Asked, line: str, scenario: str, registrations: int) -> None:
    found = await asked.service.ledger.newest(Scenario, Scenario.identity(line, scenario))
    suppliers = len(found.terms) if found.exists else 0
    if registrations * suppliers > MAX_EXPLAINED:
        detail = (
            f"found {registrations} registrations and {suppliers} suppliers to explain, together "
            f"at most {MAX_EXPLAINED}; send fewer, or say explain: false"
        )
        raise Invalid(("/registrations", detail))


def _chosen(results: list[Chosen | Exception], request_id: UUID) -> tuple[int, Any]:
    raise_if_no_scenario(results)
    items = [_item(index, result, request_id) for index, result in enumerate(results)]
    return 200, ChoicesAnswer(dict(Counter(each.status for each in items)), items)


def _item(index: int, result: Chosen | Exception, request_id: UUID) -> ChosenAnswer:
    if isinstance(result, Exception):
        assert isinstance(result, DomainError), shown(result)
        return ChosenAnswer(index, "refused", problem=domain_problem(result, request_id))
    held = result.supplier != ""
    return ChosenAnswer(
        index=index,
        status=result.status,
        # What could not be read may hold what cannot be sent.
        registration_id=result.registration_id.encode("utf-8", "backslashreplace").decode(),
        zip_code=result.zip_code,
        supplier_id=result.supplier,
        reason=result.reason.encode("utf-8", "backslashreplace").decode(),
        capacity=result.capacity_slots if held else UNSET,
        used=result.used_slots if held else UNSET,
        considered=[
            ConsideredAnswer(
                each.supplier, each.used_slots, each.capacity_slots, each.eligible, each.reason
            )
            for each in result.considered
        ]
        or UNSET,
    )
