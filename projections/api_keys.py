"""Which keys open the doors: by the digest of their secret, and as a list for people."""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from msgspec import Struct
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Index,
    LargeBinary,
    Select,
    Table,
    Text,
    func,
    select,
)

from domain.access import ApiKey
from projections.database import Name, metadata, projection_positions
from projections.moments import microseconds, moment_of, recorded_at_us
from projections.projection import Projection, Row, events_of

# Moments are microseconds since 1970 (UTC).
api_keys_table = Table(
    "api_keys",
    metadata,
    Column("key_id", LargeBinary, primary_key=True),
    Column("owner", Name, nullable=False),
    Column("scopes", Text, nullable=False),  # a JSON list
    Column("person_id", Text, nullable=False),
    Column("may_act_on_behalf", Boolean, nullable=False),
    Column("secret_sha256", LargeBinary, nullable=False),
    Column("expires_at_us", BigInteger),
    Column("previous_sha256", LargeBinary, nullable=False),  # empty: never rotated
    Column("previous_expires_at_us", BigInteger),
    Column("created_at_us", BigInteger, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("rotated_at_us", BigInteger),
    Column("revoked_at_us", BigInteger),
    Column("revoked_by", Text, nullable=False),
    Column("revoked_reason", Text, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("position", BigInteger, nullable=False),
    Index("api_keys_position", "position"),
)


class ApiKeyRow(Row):
    key_id: bytes
    owner: str
    scopes: str
    person_id: str
    may_act_on_behalf: bool
    secret_sha256: bytes
    expires_at_us: int | None
    previous_sha256: bytes
    previous_expires_at_us: int | None
    created_at_us: int
    created_by: str
    rotated_at_us: int | None
    revoked_at_us: int | None
    revoked_by: str
    revoked_reason: str
    version: int
    position: int


api_keys = Projection(
    "api_keys", version=1, rows={api_keys_table: ApiKeyRow}, subscribes=events_of(ApiKey)
)


# Rules.


@api_keys.rule(api_keys_table, ApiKey.Created)
def _created(_: ApiKeyRow | None, event: ApiKey.Created, position: int) -> ApiKeyRow:
    return ApiKeyRow(
        key_id=event.originator_id.bytes,
        owner=event.owner,
        scopes=msgspec.json.encode(event.scopes).decode(),
        person_id=event.person_id,
        may_act_on_behalf=event.may_act_on_behalf,
        secret_sha256=event.secret_sha256,
        expires_at_us=None if event.expires_at is None else microseconds(event.expires_at),
        previous_sha256=b"",
        previous_expires_at_us=None,
        created_at_us=recorded_at_us(event),
        created_by=event.provenance.actor,
        rotated_at_us=None,
        revoked_at_us=None,
        revoked_by="",
        revoked_reason="",
        version=event.originator_version,
        position=position,
    )


@api_keys.rule(api_keys_table, ApiKey.Rotated)
def _rotated(row: ApiKeyRow | None, event: ApiKey.Rotated, position: int) -> ApiKeyRow:
    assert row is not None, "a key is created before it is rotated"
    row.previous_sha256 = row.secret_sha256
    row.previous_expires_at_us = microseconds(event.previous_expires_at)
    row.secret_sha256 = event.secret_sha256
    row.rotated_at_us = recorded_at_us(event)
    row.version, row.position = event.originator_version, position
    return row


@api_keys.rule(api_keys_table, ApiKey.Revoked)
def _revoked(row: ApiKeyRow | None, event: ApiKey.Revoked, position: int) -> ApiKeyRow:
    assert row is not None, "a key is created before it is revoked"
    row.revoked_at_us = recorded_at_us(event)
    row.revoked_by, row.revoked_reason = event.provenance.actor, event.provenance.reason
    row.version, row.position = event.originator_version, position
    return row


# Questions.


class Key(Struct, frozen=True):
    """A key as people are shown it: everything but what its secret was."""

    key_id: str
    owner: str
    scopes: tuple[str, ...]
    person_id: str
    may_act_on_behalf: bool
    expires_at: datetime | None
    previous_expires_at: datetime | None
    created_at: datetime
    created_by: str
    rotated_at: datetime | None
    revoked_at: datetime | None
    revoked_by: str
    revoked_reason: str
    position: int

    def state(self, now: datetime) -> str:
        """Return `active`, `revoked` or `expired`."""
        if self.revoked_at is not None:
            return "revoked"
        return "expired" if self.expires_at is not None and self.expires_at <= now else "active"


class Secret(Struct, frozen=True):
    """One digest that is looked for, the key it belongs to, and when it stops counting."""

    sha256: bytes
    key: Key
    expires_at: datetime | None


def keys(connection: Connection) -> list[Key]:
    """Return every key that was ever made, oldest first."""
    return [_key(row) for row in connection.execute(_all_keys())]


def secrets(connection: Connection) -> list[Secret]:
    """Return every secret that is known, those of revoked keys too: who knocks is told why not."""
    found = []
    for row in connection.execute(_all_keys()):
        key = _key(row)
        found.append(Secret(row.secret_sha256, key, key.expires_at))
        if row.previous_sha256:
            until = [each for each in (key.previous_expires_at, key.expires_at) if each is not None]
            found.append(Secret(row.previous_sha256, key, min(until)))
    return found


def state_of_keys(connection: Connection) -> tuple[int, int]:
    """Return how many keys there are, and where the last change of one stands in the ledger."""
    counted = select(func.count(), func.coalesce(func.max(api_keys_table.c.position), 0))
    count, position = connection.execute(counted.select_from(api_keys_table)).one()
    return int(count), int(position)


def position(connection: Connection) -> int:
    """Return how far this projection has come."""
    found = connection.scalar(
        select(projection_positions.c.position).where(projection_positions.c.name == api_keys.name)
    )
    return int(found or 0)


def _all_keys() -> Select[Any]:
    columns = api_keys_table.c
    return select(*columns).order_by(columns.created_at_us, columns.key_id)


def _key(row: Any) -> Key:
    found = ApiKeyRow(*row)
    return Key(
        key_id=str(UUID(bytes=bytes(found.key_id))),
        owner=found.owner,
        scopes=tuple(msgspec.json.decode(found.scopes)),
        person_id=found.person_id,
        may_act_on_behalf=bool(found.may_act_on_behalf),
        expires_at=_moment(found.expires_at_us),
        previous_expires_at=_moment(found.previous_expires_at_us),
        created_at=moment_of(found.created_at_us),
        created_by=found.created_by,
        rotated_at=_moment(found.rotated_at_us),
        revoked_at=_moment(found.revoked_at_us),
        revoked_by=found.revoked_by,
        revoked_reason=found.revoked_reason,
        position=found.position,
    )


def _moment(us: int | None) -> datetime | None:
    return None if us is None else moment_of(us)
