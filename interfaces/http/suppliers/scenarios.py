"""Scenarios: open one from the offers, take over newer offers, begin a new count."""

from functools import partial
from typing import Any

from fastapi import APIRouter
from msgspec import Struct
from starlette.responses import Response

from application.suppliers import ScenarioState
from interfaces.http.asked import Asked, optional_text
from interfaces.http.commands import COMMAND_QUERY, UseCase, answer_command
from interfaces.http.routes import Route, command
from interfaces.http.suppliers.scenario_reads import scenario_path
from interfaces.http.versions import version_tag
from projections.capacity_files import real_file, resolve_path

router = APIRouter(route_class=Route, tags=["suppliers"])

_SCENARIO = "/v1/lines/{line}/scenarios/{scenario}"


class ScenarioBody(Struct, frozen=True):
    """Where the capacity file lies below the data folder, if not at its default path."""

    capacity_file: str | None = None


class ReasonBody(Struct, frozen=True):
    """Why, for the history; the header Capacity-Reason says the same."""

    reason: str | None = None


class ScenarioStateAnswer(Struct, frozen=True):
    """`changed` is false when there was nothing to do."""

    line: str
    scenario: str
    publication: int
    reset_number: int
    suppliers: int
    capacity_file: str
    changed: bool


@router.post(
    _SCENARIO,
    **command(
        _SCENARIO,
        {200: ScenarioStateAnswer, 201: ScenarioStateAnswer},
        body=ScenarioBody,
        body_required=False,
        versioned=True,
    ),
)
async def open_scenario(asked: Asked) -> Response:
    """Open a scenario from the newest offers; open already is quiet."""
    line, name = asked.file_segment("line"), asked.file_segment("scenario")
    query = asked.query(*COMMAND_QUERY)
    path = optional_text(await asked.json_fields("capacity_file"), "capacity_file")
    data_dir = asked.service.settings.data_dir
    if path:
        resolve_path(data_dir, path)
    use_case = partial(
        asked.service.suppliers.open_scenario,
        line=line,
        scenario=name,
        capacity_file=path,
        real_file=real_file(data_dir, line, name, path),
    )
    return await answer_command(
        asked,
        use_case,
        _opened,
        query=query,
        body=await asked.body(),
        location=lambda reply: scenario_path(line, name),
        tag=_tag,
    )


@router.post(
    f"{_SCENARIO}/resync",
    **command(
        f"{_SCENARIO}/resync",
        {200: ScenarioStateAnswer},
        body=ReasonBody,
        body_required=False,
        conditional=True,
        scope="staff",
    ),
)
async def resync(asked: Asked) -> Response:
    """Take over the newest offers; what is used stays as it is."""
    return await _change(asked, asked.service.suppliers.resync)


@router.post(
    f"{_SCENARIO}/reset",
    **command(
        f"{_SCENARIO}/reset",
        {200: ScenarioStateAnswer},
        body=ReasonBody,
        body_required=False,
        conditional=True,
        scope="staff",
    ),
)
async def reset(asked: Asked) -> Response:
    """Begin a new count from zero; the history keeps the one before."""
    return await _change(asked, asked.service.suppliers.reset)


async def _change(asked: Asked, use_case: Any) -> Response:
    line, name = asked.segment("line"), asked.segment("scenario")
    query = asked.query(*COMMAND_QUERY)
    reason = optional_text(await asked.json_fields("reason"), "reason")
    bound: UseCase = partial(use_case, line=line, scenario=name)
    return await answer_command(
        asked,
        bound,
        _changed,
        query=query,
        body=await asked.body(),
        reason=reason,
        tag=_tag,
        conditional=True,
    )


# Answers.


def _opened(state: ScenarioState) -> tuple[int, Any]:
    return (201 if state.changed else 200), _state(state)


def _changed(state: ScenarioState) -> tuple[int, Any]:
    return 200, _state(state)


def _tag(state: ScenarioState) -> str:
    return version_tag(state.version)


def _state(state: ScenarioState) -> ScenarioStateAnswer:
    return ScenarioStateAnswer(
        line=state.line,
        scenario=state.scenario,
        publication=state.publication,
        reset_number=state.reset_number,
        suppliers=state.suppliers,
        capacity_file=state.capacity_file,
        changed=state.changed,
    )
