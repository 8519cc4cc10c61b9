"""What happens to people: they are off, leave, and can have their name forgotten."""

from functools import partial
from typing import Any

from fastapi import APIRouter
from msgspec import Struct
from starlette.responses import Response

from application.assignments import Forgotten
from domain.assignments.fields import Field, optional_day
from interfaces.http.asked import Asked
from interfaces.http.assignments.bodies import (
    Day,
    HoursByDay,
    number_in,
    read_body,
    read_hours,
)
from interfaces.http.assignments.planning import WrittenAnswer, answer_written
from interfaces.http.commands import COMMAND_QUERY, answer_command
from interfaces.http.routes import Route, command

router = APIRouter(route_class=Route, tags=["planning"])

_PERSON = "/v1/planning/people/{person_id}"
_LEAVING_DATE = f"{_PERSON}/leaving_date"
_TIME_OFF = f"{_PERSON}/time_off"
_NAME = f"{_PERSON}/name"


class LeavingDateBody(Struct, frozen=True):
    """The last day; null takes it back."""

    leaving_date: Day | None


class TimeOffBody(Struct, frozen=True):
    """Hours off by week, all in all in each; zero takes them back."""

    weekly_hours: HoursByDay


class ForgottenAnswer(Struct, frozen=True):
    """`changed` is false when the name was forgotten already."""

    id: int
    changed: bool


@router.put(
    _LEAVING_DATE,
    **command(
        _LEAVING_DATE,
        {200: WrittenAnswer},
        body=LeavingDateBody,
        conditional=True,
        scope="staff",
    ),
)
async def set_leaving_date(asked: Asked) -> Response:
    """Set somebody's last day, or take it back."""
    query, number = asked.query(*COMMAND_QUERY), number_in(asked, "person_id")
    values = await read_body(asked, {"leaving_date": Field(optional_day)})
    use_case = partial(asked.service.planning.set_leaving_date, person_id=number, **values)
    return await answer_written(asked, use_case, query)


@router.patch(
    _TIME_OFF, **command(_TIME_OFF, {200: WrittenAnswer}, body=TimeOffBody, conditional=True)
)
async def set_time_off(asked: Asked) -> Response:
    """Say how many hours of some weeks somebody is off."""
    query, number = asked.query(*COMMAND_QUERY), number_in(asked, "person_id")
    planning = asked.service.planning
    values = await read_body(asked, {"weekly_hours": Field(lambda value: value)})
    units = read_hours(values["weekly_hours"], limit_hours=planning.week_limit_hours)
    use_case = partial(planning.set_time_off, person_id=number, units_by_week=units)
    return await answer_written(asked, use_case, query)


@router.delete(_NAME, **command(_NAME, {200: ForgottenAnswer}, scope="staff"))
async def forget_name(asked: Asked) -> Response:
    """Make somebody's name unreadable for good, in everything that was ever recorded."""
    query, number = asked.query(*COMMAND_QUERY), number_in(asked, "person_id")
    use_case = partial(asked.service.planning.forget_person, person_id=number)
    return await answer_command(asked, use_case, _forgotten, query=query)


def _forgotten(result: Forgotten) -> tuple[int, Any]:
    return 200, ForgottenAnswer(result.person_id, result.changed)
