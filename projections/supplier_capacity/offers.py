"""What a business line offers: its publications, and the names that it knows suppliers by."""

import zlib
from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct
from sqlalchemy import Connection, Select, select

from projections.moments import moment_of
from projections.supplier_capacity.tables import (
    offers_publications,
    supplier_aliases,
)


class Publication(Struct, frozen=True):
    """One publication of a line's offers."""

    line: str
    publication: int
    digest: str
    supplier_count: int
    published_at: datetime
    actor: str
    reason: str
    position: int


class PublishedDocument(Struct, frozen=True):
    """A publication with its document as it was handed in."""

    publication: Publication
    document: bytes


def lines(connection: Connection) -> list[str]:
    """Return the business lines that have published offers, by name."""
    column = offers_publications.c.line
    return list(connection.scalars(select(column).distinct().order_by(column)))


def publications(connection: Connection, *, line: str) -> list[Publication]:
    """Return what was published for a line, oldest first, without the documents."""
    columns = offers_publications.c
    found = _publications().where(columns.line == line).order_by(columns.publication)
    return [_publication(row) for row in connection.execute(found)]


def publication(
    connection: Connection, *, line: str, publication: int | None = None
) -> PublishedDocument | None:
    """Return one publication of a line, the newest if none is named."""
    columns = offers_publications.c
    wanted = _publications().add_columns(columns.document_deflated).where(columns.line == line)
    if publication is not None:
        wanted = wanted.where(columns.publication == publication)
    row = connection.execute(wanted.order_by(columns.publication.desc()).limit(1)).first()
    if row is None:
        return None
    return PublishedDocument(
        publication=_publication(row), document=zlib.decompress(row.document_deflated)
    )


def aliases(connection: Connection, *, line: str) -> dict[str, str]:
    """Return the aliases of a line and the suppliers they stand for, by alias."""
    columns = supplier_aliases.c
    found = connection.scalar(select(columns.supplier_by_alias).where(columns.line == line))
    return {} if found is None else msgspec.json.decode(found, type=dict[str, str])


def aliases_version(connection: Connection, *, line: str) -> int:
    """Return how many times the aliases of a line were set to something new."""
    columns = supplier_aliases.c
    return connection.scalar(select(columns.version).where(columns.line == line)) or 0


def _publications() -> Select[Any]:
    columns = offers_publications.c
    return select(
        columns.line,
        columns.publication,
        columns.digest,
        columns.supplier_count,
        columns.published_at_us,
        columns.actor,
        columns.reason,
        columns.position,
    )


def _publication(row: Any) -> Publication:
    return Publication(
        line=row.line,
        publication=row.publication,
        digest=row.digest,
        supplier_count=row.supplier_count,
        published_at=moment_of(row.published_at_us),
        actor=row.actor,
        reason=row.reason,
        position=row.position,
    )
