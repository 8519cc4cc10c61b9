"""Offers of a business line: publish, look at what was published, when, by whom and why."""

from datetime import datetime
from functools import partial
from typing import Any

from fastapi import APIRouter
from msgspec import Struct
from sqlalchemy import Connection
from starlette.responses import Response

from application.ledger import Reply
from application.suppliers import Published
from domain.suppliers import LineNotFound, PublicationNotFound
from domain.suppliers.offers import MAX_CAPACITY_SLOTS
from interfaces.http.asked import Asked, link, whole_number
from interfaces.http.commands import COMMAND_QUERY, answer_command
from interfaces.http.parameters import query_number
from interfaces.http.questions import READ_QUERY, Document, answer_question
from interfaces.http.routes import Route, command, question
from interfaces.http.wire import decode_object
from projections import supplier_capacity

router = APIRouter(route_class=Route, tags=["suppliers"])

_LINE = "/v1/lines/{line}"


class LineAnswer(Struct, frozen=True):
    line: str
    offers: str
    scenarios: str


class LinesAnswer(Struct, frozen=True):
    lines: list[LineAnswer]


class PublishedAnswer(Struct, frozen=True):
    """`new` is false when the document was the newest one already."""

    line: str
    publication: int
    digest: str
    new: bool


class PublicationAnswer(Struct, frozen=True):
    publication: int
    digest: str
    suppliers: int
    published_at: datetime
    actor: str
    reason: str
    position: int
    document: str


class PublicationsAnswer(Struct, frozen=True):
    """Everything that was published, oldest first."""

    line: str
    publications: list[PublicationAnswer]


_OFFERS_DOCUMENT = {
    "type": "object",
    "required": ["SupplierOffers"],
    "properties": {
        "SupplierOffers": {
            "type": "array",
            "minItems": 1,
            "maxItems": 10_000,
            "items": {
                "type": "object",
                "required": ["SupplierID", "Capacity"],
                "properties": {
                    "SupplierID": {"type": "string", "minLength": 1, "maxLength": 200},
                    "Capacity": {"type": "integer", "minimum": 0, "maximum": MAX_CAPACITY_SLOTS},
                    "ServiceAreas": {
                        "type": "array",
                        "items": {"type": "string", "pattern": "^[0-9]{5}$"},
                    },
                    "Offers": {"type": "array", "items": {"type": "object"}},
                },
            },
        }
    },
}


@router.get("/v1/lines", **question("/v1/lines", LinesAnswer))
async def lines(asked: Asked) -> Response:
    """List the business lines that have published offers."""
    return await answer_question(asked, _lines, query=asked.query(*READ_QUERY))


@router.put(
    f"{_LINE}/offers",
    **command(
        f"{_LINE}/offers",
        {200: PublishedAnswer, 201: PublishedAnswer},
        body=_OFFERS_DOCUMENT,
        scope="staff",
    ),
)
async def publish_offers(asked: Asked) -> Response:
    """Publish an offers document; it is kept byte for byte, and the newest again is quiet."""
    line, query = asked.file_segment("line"), asked.query(*COMMAND_QUERY)
    document = await asked.json_bytes()
    use_case = partial(asked.service.suppliers.publish_offers, line=line, document=document)
    return await answer_command(
        asked,
        use_case,
        _published,
        query=query,
        body=document,
        location=partial(_publication_link, line),
    )


@router.get(
    f"{_LINE}/offers",
    **question(
        f"{_LINE}/offers",
        {"type": "object"},
        query=[query_number("publication", 1, MAX_CAPACITY_SLOTS, "An earlier one")],
        tag=True,
    ),
)
async def offers(asked: Asked) -> Response:
    """Return the newest offers document, or an earlier one, byte for byte."""
    line, query = asked.segment("line"), asked.query("publication", *READ_QUERY)
    number = (
        whole_number("publication", query["publication"], least=1, most=MAX_CAPACITY_SLOTS)
        if "publication" in query
        else None
    )
    return await answer_question(asked, partial(_document, line=line, number=number), query=query)


@router.get(
    f"{_LINE}/offers/publications", **question(f"{_LINE}/offers/publications", PublicationsAnswer)
)
async def publications(asked: Asked) -> Response:
    """List what was published: when, by whom and why."""
    line, query = asked.segment("line"), asked.query(*READ_QUERY)
    return await answer_question(asked, partial(_publications, line=line), query=query)


# Questions.


def _lines(connection: Connection) -> LinesAnswer:
    return LinesAnswer(
        [
            LineAnswer(line, link("lines", line, "offers"), link("lines", line, "scenarios"))
            for line in supplier_capacity.lines(connection)
        ]
    )


def _document(connection: Connection, *, line: str, number: int | None) -> Document:
    found = supplier_capacity.publication(connection, line=line, publication=number)
    if found is None:
        newest = supplier_capacity.publication(connection, line=line)
        if number is None or newest is None:
            raise LineNotFound(line)
        raise PublicationNotFound(line, number, newest.publication.publication)
    described = found.publication
    headers = {"capacity-publication": str(described.publication)}
    return Document(found.document, described.digest, headers)


def _publications(connection: Connection, *, line: str) -> PublicationsAnswer:
    found = supplier_capacity.publications(connection, line=line)
    if not found:
        raise LineNotFound(line)
    return PublicationsAnswer(
        line,
        [
            PublicationAnswer(
                publication=each.publication,
                digest=each.digest,
                suppliers=each.supplier_count,
                published_at=each.published_at,
                actor=each.actor,
                reason=each.reason,
                position=each.position,
                document=_publication_path(line, each.publication),
            )
            for each in found
        ],
    )


# Answers.


def _published(result: Published) -> tuple[int, Any]:
    answer = PublishedAnswer(result.line, result.publication, result.digest, result.new)
    return (201 if result.new else 200), answer


def _publication_link(line: str, reply: Reply) -> str:
    return _publication_path(line, decode_object(reply.body)["publication"])


def _publication_path(line: str, publication: int) -> str:
    return f"{link('lines', line, 'offers')}?publication={publication}"
