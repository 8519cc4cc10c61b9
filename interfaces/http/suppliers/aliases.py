"""Aliases of a business line: other spellings, and the suppliers that are meant."""

from functools import partial
from typing import Any

from fastapi import APIRouter
from msgspec import Struct
from sqlalchemy import Connection
from starlette.responses import Response

from application.suppliers import AliasesSet
from domain.errors import Invalid
from domain.names import shown
from domain.suppliers import LineNotFound
from interfaces.http.asked import Asked, fields_of
from interfaces.http.commands import COMMAND_QUERY, answer_command
from interfaces.http.questions import READ_QUERY, Document, answer_question
from interfaces.http.routes import Route, command, question
from interfaces.http.versions import version_tag
from interfaces.http.wire import encode
from projections import supplier_capacity

router = APIRouter(route_class=Route, tags=["suppliers"])

_LINE = "/v1/lines/{line}"


class AliasesAnswer(Struct, frozen=True):
    line: str
    aliases: dict[str, str]


class AliasesSetAnswer(Struct, frozen=True):
    line: str
    aliases: dict[str, str]
    changed: bool


class AliasesBody(Struct, frozen=True):
    """Other spellings, and the suppliers that are meant."""

    aliases: dict[str, str]


@router.get(
    f"{_LINE}/aliases", **question(f"{_LINE}/aliases", AliasesAnswer, tag=True, versioned=True)
)
async def aliases(asked: Asked) -> Response:
    """Return the aliases of a line; it has none until somebody sets them."""
    line, query = asked.segment("line"), asked.query(*READ_QUERY)
    return await answer_question(asked, partial(_aliases, line=line), query=query)


@router.put(
    f"{_LINE}/aliases",
    **command(
        f"{_LINE}/aliases",
        {200: AliasesSetAnswer},
        body=AliasesBody,
        conditional=True,
        scope="staff",
    ),
)
async def set_aliases(asked: Asked) -> Response:
    """Replace the aliases of a line."""
    line, query = asked.segment("line"), asked.query(*COMMAND_QUERY)
    found = fields_of(await asked.json(), "aliases").get("aliases")
    if not isinstance(found, dict):
        detail = f"found {shown(found)}, an object of aliases and suppliers is needed"
        raise Invalid(("/aliases", detail))
    return await answer_command(
        asked,
        partial(asked.service.suppliers.set_aliases, line=line, supplier_by_alias=found),
        _aliases_set,
        query=query,
        body=await asked.body(),
        tag=lambda result: version_tag(result.version),
        conditional=True,
    )


def _aliases(connection: Connection, *, line: str) -> Document:
    if supplier_capacity.publication(connection, line=line) is None:
        raise LineNotFound(line)
    answer = AliasesAnswer(line, supplier_capacity.aliases(connection, line=line))
    version = supplier_capacity.aliases_version(connection, line=line)
    return Document(encode(answer), version_tag(version), {})


def _aliases_set(result: AliasesSet) -> tuple[int, Any]:
    return 200, AliasesSetAnswer(result.line, result.aliases, result.changed)
