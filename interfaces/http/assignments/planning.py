"""Who and what there is: each thing is put as a whole, and what it says already is quiet."""

from collections.abc import Callable
from functools import partial
from typing import Any

from fastapi import APIRouter
from msgspec import Struct
from starlette.responses import Response

from application.assignments import Written
from application.assignments.results import Mapped
from domain.assignments import records
from domain.assignments.fields import Field
from domain.assignments.records import Values
from interfaces.http.asked import Asked
from interfaces.http.assignments.bodies import (
    DepartmentBody,
    MappingBody,
    PersonBody,
    ProjectBody,
    ProjectRoleBody,
    RoleBody,
    VerticalBody,
    number_in,
    read_body,
    read_record,
)
from interfaces.http.commands import COMMAND_QUERY, UseCase, answer_command
from interfaces.http.routes import Route, command
from interfaces.http.versions import version_tag

router = APIRouter(route_class=Route, tags=["planning"])

_VERTICAL = "/v1/planning/verticals/{vertical_id}"
_DEPARTMENT = "/v1/planning/departments/{department_id}"
_ROLE = "/v1/planning/roles/{role_id}"
_PERSON = "/v1/planning/people/{person_id}"
_PROJECT = "/v1/planning/projects/{project_id}"
_PROJECT_ROLE = "/v1/planning/project_roles/{project_role_id}"
_TEMPLATE_MAPPING = "/v1/planning/template_role_mappings/{template_id}/{project_role_id}"
_GLOBAL_MAPPING = "/v1/planning/global_role_mappings/{project_role_id}"


class WrittenAnswer(Struct, frozen=True):
    """`changed` is false when it was said already; `id` is the number in the path."""

    kind: str
    id: int
    changed: bool


class MappedAnswer(Struct, frozen=True):
    """`template_id` is null for projects without a template."""

    template_id: int | None
    project_role_id: int
    people_role_ids: tuple[int, ...]
    changed: bool


def _put(path: str, body: type) -> dict[str, Any]:
    answers: dict[int, type] = {200: WrittenAnswer, 201: WrittenAnswer}
    return command(path, answers, body=body, conditional=True, scope="staff")


@router.put(_VERTICAL, **_put(_VERTICAL, VerticalBody))
async def put_vertical(asked: Asked) -> Response:
    """Add a vertical, or rename it."""
    declare = asked.service.planning.declare_vertical
    return await _declare(asked, "vertical_id", records.VERTICAL, declare, records.vertical_facts)


@router.put(_DEPARTMENT, **_put(_DEPARTMENT, DepartmentBody))
async def put_department(asked: Asked) -> Response:
    """Add a department, or have it as the body says; none may stand above itself."""
    declare = asked.service.planning.declare_department
    return await _declare(
        asked, "department_id", records.DEPARTMENT, declare, records.department_facts
    )


@router.put(_ROLE, **_put(_ROLE, RoleBody))
async def put_role(asked: Asked) -> Response:
    """Add a role, or have it as the body says."""
    declare = asked.service.planning.declare_role
    return await _declare(asked, "role_id", records.ROLE, declare, records.role_facts)


@router.put(_PERSON, **_put(_PERSON, PersonBody))
async def put_person(asked: Asked) -> Response:
    """Hire somebody, or have them as the body says; the name is stored as a cipher only."""
    query, number = asked.query(*COMMAND_QUERY), number_in(asked, "person_id")
    record = records.person_record(await read_record(asked, records.PERSON, number=number))
    declare = asked.service.planning.declare_person
    use_case = partial(declare, facts=record.facts, name=record.name)
    return await answer_written(asked, use_case, query)


@router.put(_PROJECT, **_put(_PROJECT, ProjectBody))
async def put_project(asked: Asked) -> Response:
    """Add a project, or have it as the body says."""
    declare = asked.service.planning.declare_project
    return await _declare(asked, "project_id", records.PROJECT, declare, records.project_facts)


@router.put(_PROJECT_ROLE, **_put(_PROJECT_ROLE, ProjectRoleBody))
async def put_project_role(asked: Asked) -> Response:
    """Add a project role, or have it as the body says."""
    declare = asked.service.planning.declare_project_role
    return await _declare(
        asked, "project_role_id", records.PROJECT_ROLE, declare, records.project_role_facts
    )


async def _declare(
    asked: Asked,
    field: str,
    fields: dict[str, Field],
    declare: UseCase,
    facts_of: Callable[[Values], Any],
) -> Response:
    query = asked.query(*COMMAND_QUERY)
    values = await read_record(asked, fields, number=number_in(asked, field))
    return await answer_written(asked, partial(declare, facts=facts_of(values)), query)


async def answer_written(asked: Asked, use_case: UseCase, query: dict[str, str]) -> Response:
    """Run a use case that answers Written."""
    return await answer_command(
        asked,
        use_case,
        _written,
        query=query,
        body=await asked.body(),
        location=lambda _: asked.path,
        tag=lambda result: version_tag(result.version),
        conditional=True,
    )


def _written(result: Written) -> tuple[int, Any]:
    answer = WrittenAnswer(result.kind, result.number, result.changed)
    return (201 if result.new else 200), answer


# Mappings.


def _put_mapping(path: str) -> dict[str, Any]:
    answers: dict[int, type] = {200: MappedAnswer, 201: MappedAnswer}
    return command(path, answers, body=MappingBody, conditional=True, scope="staff")


@router.put(_TEMPLATE_MAPPING, **_put_mapping(_TEMPLATE_MAPPING))
async def put_template_mapping(asked: Asked) -> Response:
    """Say which roles serve a project role in projects of one template."""
    return await _map(asked, template_id=number_in(asked, "template_id"))


@router.put(_GLOBAL_MAPPING, **_put_mapping(_GLOBAL_MAPPING))
async def put_global_mapping(asked: Asked) -> Response:
    """Say which roles serve a project role in projects without a template."""
    return await _map(asked, template_id=None)


async def _map(asked: Asked, *, template_id: int | None) -> Response:
    query = asked.query(*COMMAND_QUERY)
    about = {"template_id": template_id, "project_role_id": number_in(asked, "project_role_id")}
    fields = {"people_role_ids": records.GLOBAL_MAPPING["people_role_ids"]}
    facts = records.role_mapping_facts(about | await read_body(asked, fields))
    return await answer_command(
        asked,
        partial(asked.service.planning.map_roles, facts=facts),
        _mapped,
        query=query,
        body=await asked.body(),
        location=lambda _: asked.path,
        tag=lambda result: version_tag(result.version),
        conditional=True,
    )


def _mapped(result: Mapped) -> tuple[int, Any]:
    about = (result.template_id, result.project_role_id, result.role_ids)
    return (201 if result.new else 200), MappedAnswer(*about, result.changed)
