"""What people do with API keys: create, rotate, revoke. Secrets stay at the door that made them."""

from collections.abc import Collection
from datetime import datetime, timedelta
from uuid import UUID

from msgspec import Struct

from application.ledger import Command, Ledger, Outcome, UnitOfWork
from domain.access import ApiKey


class KeyState(Struct, frozen=True):
    """A key after a command; `changed` tells whether the command did anything."""

    key_id: UUID
    owner: str
    scopes: tuple[str, ...]
    person_id: str
    may_act_on_behalf: bool
    expires_at: datetime | None
    revoked: bool
    changed: bool
    version: int


class Access:
    """The use cases of the access context; each loads, decides and saves through the ledger."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    async def create(
        self,
        command: Command,
        *,
        key_id: UUID,
        secret_sha256: bytes,
        owner: str,
        scopes: Collection[str],
        person_id: str = "",
        may_act_on_behalf: bool = False,
        expires_at: datetime | None = None,
    ) -> Outcome[KeyState]:
        """Make a key. Raises Invalid naming every fault, and KeyExists."""

        def decide(work: UnitOfWork) -> KeyState:
            key = work.get(ApiKey, key_id)
            changed = key.create(
                owner,
                scopes,
                secret_sha256,
                at=command.at,
                person_id=person_id,
                may_act_on_behalf=may_act_on_behalf,
                expires_at=expires_at,
            )
            return _state(key, changed)

        return await self._ledger.execute(command, decide)

    async def rotate(
        self, command: Command, *, key_id: UUID, secret_sha256: bytes, overlap: timedelta
    ) -> Outcome[KeyState]:
        """Give a key a new secret. Raises KeyNotFound, KeyRevoked, KeyExpired and Invalid."""

        def decide(work: UnitOfWork) -> KeyState:
            key = work.get(ApiKey, key_id)
            return _state(key, key.rotate(secret_sha256, overlap=overlap, at=command.at))

        return await self._ledger.execute(command, decide)

    async def revoke(self, command: Command, *, key_id: UUID) -> Outcome[KeyState]:
        """End a key for good. Raises KeyNotFound, and Invalid where the command has no reason."""

        def decide(work: UnitOfWork) -> KeyState:
            key = work.get(ApiKey, key_id)
            return _state(key, key.revoke(command.reason))

        return await self._ledger.execute(command, decide)


def _state(key: ApiKey, changed: bool) -> KeyState:
    return KeyState(
        key_id=key.id,
        owner=key.owner,
        scopes=key.scopes,
        person_id=key.person_id,
        may_act_on_behalf=key.may_act_on_behalf,
        expires_at=key.expires_at,
        revoked=key.revoked,
        changed=changed,
        version=key.version,
    )
