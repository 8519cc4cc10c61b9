"""When a key was last used, and who was refused: seen at the doors, and not in the ledger.

Both are kept for people who look after keys. Nothing is decided on them, so nothing is lost
with them but their own history.
"""

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct
from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Engine,
    Integer,
    Table,
    Text,
    func,
    select,
)

from projections.database import metadata
from projections.moments import microseconds, moment_of
from projections.rows import upsert_into

# Any number will do, if nobody else takes it: "access" in ASCII.
_TABLES_LOCK = 0x616363657373

_Number = BigInteger().with_variant(Integer(), "sqlite")  # SQLite counts up only what is INTEGER

key_uses = Table(
    "key_uses",
    metadata,
    Column("key_id", Text, primary_key=True),
    Column("used_at_us", BigInteger, nullable=False),
)

access_refusals = Table(
    "access_refusals",
    metadata,
    Column("refusal_number", _Number, primary_key=True, autoincrement=True),
    Column("refused_at_us", BigInteger, nullable=False),
    Column("reason", Text, nullable=False),
    Column("route", Text, nullable=False),
    Column("key_id", Text, nullable=False),  # empty: no key that is known
    Column("client_address", Text, nullable=False),
    Column("request_id", Text, nullable=False),
)


class Refusal(Struct, frozen=True):
    """A request that was not let in."""

    refused_at: datetime
    reason: str
    route: str
    key_id: str
    client_address: str
    request_id: str


def create_tables(engine: Engine) -> None:
    """Make the tables where they are missing; safe when several processes start at once."""
    with engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(select(func.pg_advisory_xact_lock(_TABLES_LOCK)))
        metadata.create_all(connection, tables=[key_uses, access_refusals])


def write(
    connection: Connection,
    *,
    used_at: dict[str, datetime],
    refusals: Sequence[Refusal],
    refusals_kept: int,
) -> None:
    """Store last uses by key id, and refusals, of which only the newest stay."""
    if used_at:
        _write_uses(connection, used_at)
    if refusals:
        connection.execute(access_refusals.insert(), [_values(each) for each in refusals])
        newest = connection.scalar(select(func.max(access_refusals.c.refusal_number)))
        number = access_refusals.c.refusal_number
        connection.execute(access_refusals.delete().where(number <= newest - refusals_kept))


def last_uses(connection: Connection) -> dict[str, datetime]:
    """Return when each key was last used, to the minute or so."""
    return {key_id: moment_of(us) for key_id, us in connection.execute(select(*key_uses.c))}


def newest_refusals(connection: Connection, *, limit: int) -> list[Refusal]:
    """Return refusals, the newest first."""
    columns = access_refusals.c
    found = connection.execute(
        select(
            columns.refused_at_us,
            columns.reason,
            columns.route,
            columns.key_id,
            columns.client_address,
            columns.request_id,
        )
        .order_by(columns.refusal_number.desc())
        .limit(limit)
    )
    return [Refusal(moment_of(at_us), *others) for at_us, *others in found]


def _write_uses(connection: Connection, used_at: dict[str, datetime]) -> None:
    insert = upsert_into(connection, key_uses)
    newer = insert.excluded.used_at_us > key_uses.c.used_at_us
    connection.execute(
        insert.on_conflict_do_update(
            index_elements=["key_id"],
            set_={"used_at_us": insert.excluded.used_at_us},
            where=newer,  # several servers write, each at its own time
        ),
        [
            {"key_id": key_id, "used_at_us": microseconds(at)}
            for key_id, at in sorted(used_at.items())
        ],
    )


def _values(refusal: Refusal) -> dict[str, object]:
    return {
        "refused_at_us": microseconds(refusal.refused_at),
        "reason": refusal.reason,
        "route": refusal.route,
        "key_id": refusal.key_id,
        "client_address": refusal.client_address,
        "request_id": refusal.request_id,
    }
