"""Assignments and their hours: put, end, change the hours of one, or of up to a thousand."""

from functools import partial
from typing import Any
from uuid import UUID

from fastapi import APIRouter
from msgspec import UNSET, Struct, UnsetType
from starlette.responses import Response

from application.assignments import Ended, HoursChange, HoursChanged
from application.assignments.results import Status
from domain.assignments import records
from domain.assignments.fields import Field, flag, percent, raise_faults, read_fields
from domain.errors import Invalid
from domain.names import shown
from interfaces.http.admission import check_batch
from interfaces.http.asked import MAX_ITEMS, Asked
from interfaces.http.assignments.bodies import (
    ITEM_FIELDS,
    AssignmentBody,
    HoursBody,
    HoursByDay,
    Id,
    number_in,
    read_body,
    read_hours,
    read_record,
)
from interfaces.http.assignments.planning import WrittenAnswer, answer_written
from interfaces.http.commands import COMMAND_QUERY, answer_command
from interfaces.http.errors import Problem, domain_problem
from interfaces.http.routes import Route, command
from interfaces.http.versions import version_tag

router = APIRouter(route_class=Route, tags=["planning"])

_ASSIGNMENT = "/v1/assignments/{assignment_id}"
_HOURS, _ALL_HOURS = f"{_ASSIGNMENT}/hours", "/v1/assignments/hours"
_ASSIGNMENT_FIELDS = records.ASSIGNMENT | {
    "weekly_hours": Field(lambda value: value, None),
    "probability_percent": Field(lambda value: None if value is None else percent(value), None),
}
_REPLACES = {"replaces": Field(flag, False)}


class HoursAnswer(Struct, frozen=True):
    """`status` is noop when all was so already; `weeks` is how many weeks have hours now."""

    assignment_id: int
    status: Status
    weeks: int


class HoursItem(Struct, frozen=True):
    """What became of one change; there is a `problem` where it is missing or invalid."""

    index: int
    assignment_id: int | None
    status: Status
    weeks: int | UnsetType = UNSET
    problem: Problem | UnsetType = UNSET


class AllHoursAnswer(Struct, frozen=True):
    """One result for each assignment, in the order in which they came last."""

    results: list[HoursItem]


class HoursItemBody(Struct, frozen=True):
    assignment_id: Id
    weekly_hours: HoursByDay


class AllHoursBody(Struct, frozen=True):
    """Of several changes to one assignment the last counts.

    Each is decided for itself; with `all_or_nothing` nothing is stored unless all of them can be.
    """

    items: list[HoursItemBody]
    replaces: bool = False
    all_or_nothing: bool = False


class EndedAnswer(Struct, frozen=True):
    """`changed` is false when it had ended already."""

    assignment_id: int
    changed: bool


@router.patch(
    _ALL_HOURS,
    **command(_ALL_HOURS, {200: AllHoursAnswer}, body=AllHoursBody, batch=True),
)
async def change_all_hours(asked: Asked) -> Response:
    """Set hours of several assignments."""
    query = asked.query(*COMMAND_QUERY)
    await check_batch(asked.scope)
    fields = {
        "items": Field(lambda value: value),
        "all_or_nothing": Field(flag, False),
    } | _REPLACES
    values = await read_body(asked, fields)
    planning = asked.service.planning
    changes = _changes(values["items"], values["replaces"], planning.week_limit_hours)
    use_case = partial(
        planning.change_all_hours,
        changes=list(changes.values()),
        together=values["all_or_nothing"],
    )
    return await answer_command(
        asked,
        use_case,
        partial(_all_changed, indexes=list(changes), request_id=asked.request_id),
        query=query,
        body=await asked.body(),
    )


@router.patch(_HOURS, **command(_HOURS, {200: HoursAnswer}, body=HoursBody, conditional=True))
async def change_hours(asked: Asked) -> Response:
    """Set hours of one assignment."""
    query, number = asked.query(*COMMAND_QUERY), number_in(asked, "assignment_id")
    values = await read_body(asked, {"weekly_hours": ITEM_FIELDS["weekly_hours"]} | _REPLACES)
    planning = asked.service.planning
    units = read_hours(values["weekly_hours"], limit_hours=planning.week_limit_hours)
    change = HoursChange(number, units, values["replaces"])
    return await answer_command(
        asked,
        partial(planning.change_hours, change=change),
        _changed,
        query=query,
        body=await asked.body(),
        tag=lambda result: version_tag(result.version),
        conditional=True,
    )


@router.put(
    _ASSIGNMENT,
    **command(
        _ASSIGNMENT,
        {200: WrittenAnswer, 201: WrittenAnswer},
        body=AssignmentBody,
        conditional=True,
        scope="staff",
    ),
)
async def put_assignment(asked: Asked) -> Response:
    """Make an assignment of a person, or of a project role; or have it as the body says."""
    query, number = asked.query(*COMMAND_QUERY), number_in(asked, "assignment_id")
    values = await read_record(asked, _ASSIGNMENT_FIELDS, number=number)
    planning, written = asked.service.planning, values["weekly_hours"]
    limit_hours = planning.week_limit_hours
    use_case = partial(
        planning.declare_assignment,
        facts=records.assignment_facts(values),
        units_by_week=None if written is None else read_hours(written, limit_hours=limit_hours),
        probability_percent=values["probability_percent"],
    )
    return await answer_written(asked, use_case, query)


@router.delete(
    _ASSIGNMENT, **command(_ASSIGNMENT, {200: EndedAnswer}, conditional=True, scope="staff")
)
async def end_assignment(asked: Asked) -> Response:
    """End an assignment: it counts no more, and its hours stay in the history."""
    query, number = asked.query(*COMMAND_QUERY), number_in(asked, "assignment_id")
    return await answer_command(
        asked,
        partial(asked.service.planning.end_assignment, assignment_id=number),
        _ended,
        query=query,
        tag=lambda result: version_tag(result.version),
        conditional=True,
    )


# Lists.


def _changes(items: Any, replaces: bool, limit_hours: int) -> dict[int, HoursChange | HoursChanged]:
    """Return the changes by their place in the list; what cannot be read stands among them."""
    if not isinstance(items, list):
        raise Invalid(("/items", f"found {shown(items)}, a list is needed"))
    if not 1 <= len(items) <= MAX_ITEMS:
        raise Invalid(("/items", f"found {len(items)} items, 1 to {MAX_ITEMS} are allowed"))
    read = [_change(each, replaces, limit_hours) for each in items]
    # Of one assignment the last change counts, whether or not it can be read.
    last = {each.assignment_id or -index: index for index, each in enumerate(read, start=1)}
    return {index - 1: read[index - 1] for index in sorted(last.values())}


def _change(item: Any, replaces: bool, limit_hours: int) -> HoursChange | HoursChanged:
    number = 0
    try:
        faults: list[tuple[str, str]] = []
        values = read_fields(item, ITEM_FIELDS, faults)
        raise_faults(faults)
        assert values is not None, "no values without a fault"
        number = values["assignment_id"]
        units = read_hours(values["weekly_hours"], limit_hours=limit_hours)
    except Invalid as invalid:
        return HoursChanged(number, "invalid", error=invalid)
    return HoursChange(number, units, replaces)


# Answers.


def _changed(result: HoursChanged) -> tuple[int, Any]:
    return 200, HoursAnswer(result.assignment_id, result.status, result.weeks)


def _all_changed(
    results: list[HoursChanged], *, indexes: list[int], request_id: UUID
) -> tuple[int, Any]:
    items = [
        HoursItem(
            index,
            each.assignment_id or None,
            each.status,
            UNSET if each.error else each.weeks,
            domain_problem(each.error, request_id) if each.error else UNSET,
        )
        for index, each in zip(indexes, results, strict=True)
    ]
    return 200, AllHoursAnswer(items)


def _ended(result: Ended) -> tuple[int, Any]:
    return 200, EndedAnswer(result.assignment_id, result.changed)
