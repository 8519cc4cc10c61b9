"""What all tables of read models share, and the one that says how far each projection is."""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Integer,
    MetaData,
    Table,
    Text,
    cast,
    literal_column,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.elements import ColumnElement
from sqlalchemy.types import UserDefinedType

metadata = MetaData()

# Text in which people name things: ordered by code point on both stores, whatever the locale.
Name = Text().with_variant(Text(collation="C"), "postgresql")


class JsonText(UserDefinedType[str]):
    """JSON that is JSONB on PostgreSQL; rows hold its text, as the server would write it."""

    cache_ok = True

    def column_expression(self, column: ColumnElement[Any]) -> ColumnElement[str]:
        """Read it as text, whatever the driver would make of it."""
        return cast(column, Text)


@compiles(JsonText, "postgresql")
def _jsonb(_: JsonText, _compiler: Any, **_options: Any) -> str:
    return "JSONB"


@compiles(JsonText)
def _json_text(_: JsonText, _compiler: Any, **_options: Any) -> str:
    return "TEXT"


# Tables about projections rather than of one: they are made first, for all.
BOOKKEEPING = {"bookkeeping": True}

projection_positions = Table(
    "projection_positions",
    metadata,
    Column("name", Text, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("updated_at_us", BigInteger, nullable=False),
    # Whose writes are taken: those of the lease with this epoch. 0: nobody's.
    Column("epoch", BigInteger, nullable=False),
    # What was read of the log up to the position, skipped and parked events too.
    Column("applied_events", BigInteger, nullable=False),
    Column("applied_digest", BigInteger, nullable=False),
    # The first event that is parked; rows do not show it, nor what depends on it.
    Column("parked_from", BigInteger),
    # When and up to where it was last found to agree with the log.
    Column("verified_at_us", BigInteger),
    Column("verified_position", BigInteger),
    info=BOOKKEEPING,
)


def now_us(connection: Connection) -> ColumnElement[int]:
    """Return the database's clock as an expression, in microseconds.

    SQLite's is the machine's own, which all who share the file share.
    """
    sql = "CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER)"
    if connection.dialect.name == "postgresql":
        sql = "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint"
    return literal_column(sql, BigInteger)
