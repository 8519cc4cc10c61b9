"""API keys: who may ask for what, until when; of a secret only its digest is ever known here.

A secret has 256 random bits, so its plain SHA-256 tells nothing about it and needs no salt.
"""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Annotated
from uuid import UUID

from msgspec import Meta

from domain.aggregate import Aggregate, Event, evolves
from domain.errors import Conflict, Invalid, NotFound
from domain.names import name_fault, shown

# `read` looks, `write` books, `staff` changes what was agreed with suppliers. None holds another.
SCOPES = ("read", "write", "staff")
MAX_OVERLAP = timedelta(days=30)
DIGEST_BYTES = 32

_Moment = Annotated[datetime, Meta(tz=True)]


class KeyNotFound(NotFound):
    """No key has this id."""

    code = "key-not-found"

    def __init__(self, key_id: UUID) -> None:
        self.key_id = key_id
        super().__init__(f"No key has the id {key_id}")


class KeyExists(Conflict):
    """A key with this id was made before, and says something else."""

    code = "key-exists"

    def __init__(self, key_id: UUID, owner: str) -> None:
        self.key_id, self.owner = key_id, owner
        super().__init__(f"Key {key_id} was made before, for {owner}; take a new id")


class KeyRevoked(Conflict):
    """The key was revoked, which is for good."""

    code = "key-is-revoked"

    def __init__(self, key_id: UUID, owner: str) -> None:
        self.key_id, self.owner = key_id, owner
        super().__init__(f"Key {key_id} of {owner} is revoked; create a new one")


class KeyExpired(Conflict):
    """The key's time is over."""

    code = "key-is-expired"

    def __init__(self, key_id: UUID, owner: str, expires_at: datetime) -> None:
        self.key_id, self.owner, self.expires_at = key_id, owner, expires_at
        super().__init__(
            f"Key {key_id} of {owner} expired at {expires_at.isoformat()}; create a new one"
        )


class ApiKey(Aggregate):
    owner: str = ""
    scopes: tuple[str, ...] = ()
    person_id: str = ""
    may_act_on_behalf: bool = False
    expires_at: _Moment | None = None
    secret_sha256: bytes = b""
    revoked: bool = False

    class Created(Event, topic="access.key_created"):
        owner: str
        scopes: tuple[str, ...]
        secret_sha256: bytes
        person_id: str = ""
        may_act_on_behalf: bool = False
        expires_at: _Moment | None = None

    class Rotated(Event, topic="access.key_rotated"):
        secret_sha256: bytes
        previous_expires_at: _Moment

    class Revoked(Event, topic="access.key_revoked"):
        pass

    # Birth.

    def create(
        self,
        owner: str,
        scopes: Collection[str],
        secret_sha256: bytes,
        *,
        at: datetime,
        person_id: str = "",
        may_act_on_behalf: bool = False,
        expires_at: datetime | None = None,
    ) -> bool:
        """Begin to open doors; the same again is quiet. Return whether it is new.

        Raises Invalid naming every fault, and KeyExists.
        """
        _check(owner, scopes, secret_sha256, person_id, expires_at, at)
        created = self.Created(
            owner=owner,
            scopes=tuple(each for each in SCOPES if each in scopes),
            secret_sha256=secret_sha256,
            person_id=person_id,
            may_act_on_behalf=may_act_on_behalf,
            expires_at=expires_at,
        )
        if not self.exists:
            self.record(created)
            return True
        if any(getattr(self, name) != getattr(created, name) for name in _SAID_AT_BIRTH):
            raise KeyExists(self.id, self.owner)
        return False

    # Decisions.

    def rotate(self, secret_sha256: bytes, *, overlap: timedelta, at: datetime) -> bool:
        """Take a new secret; the one before counts until the overlap is over.

        The same secret again is quiet. Raises KeyNotFound, KeyRevoked, KeyExpired and Invalid.
        """
        self._check_usable(at)
        faults = _digest_faults(secret_sha256)
        if not timedelta(0) <= overlap <= MAX_OVERLAP:
            allowed = f"from 0 to {MAX_OVERLAP.days} days are allowed"
            faults.append(("/overlap", f"found {overlap}, {allowed}"))
        if faults:
            raise Invalid(*faults)
        if secret_sha256 == self.secret_sha256:
            return False
        self.record(self.Rotated(secret_sha256=secret_sha256, previous_expires_at=at + overlap))
        return True

    def revoke(self, reason: str) -> bool:
        """Open no door any more; once more is quiet. Return whether it changed.

        The reason stands in the provenance. Raises KeyNotFound, and Invalid without a reason.
        """
        if not self.exists:
            raise KeyNotFound(self.id)
        if self.revoked:
            return False
        if not reason.strip():
            raise Invalid(("/reason", "found none, who revokes a key says why"))
        self.record(self.Revoked())
        return True

    # Evolutions.

    @evolves(Created)
    def _created(self, event: Created) -> None:
        self.owner = event.owner
        self.scopes = event.scopes
        self.secret_sha256 = event.secret_sha256
        self.person_id = event.person_id
        self.may_act_on_behalf = event.may_act_on_behalf
        self.expires_at = event.expires_at

    @evolves(Rotated)
    def _rotated(self, event: Rotated) -> None:
        self.secret_sha256 = event.secret_sha256

    @evolves(Revoked)
    def _revoked(self, event: Revoked) -> None:
        self.revoked = True

    # Questions.

    def _check_usable(self, at: datetime) -> None:
        if not self.exists:
            raise KeyNotFound(self.id)
        if self.revoked:
            raise KeyRevoked(self.id, self.owner)
        if self.expires_at is not None and self.expires_at <= at:
            raise KeyExpired(self.id, self.owner, self.expires_at)


_SAID_AT_BIRTH = (
    "owner",
    "scopes",
    "secret_sha256",
    "person_id",
    "may_act_on_behalf",
    "expires_at",
)


def _check(
    owner: str,
    scopes: Collection[str],
    secret_sha256: bytes,
    person_id: str,
    expires_at: datetime | None,
    at: datetime,
) -> None:
    faults = [("/owner", fault)] if (fault := name_fault(owner)) else []
    if person_id and (fault := name_fault(person_id)):
        faults.append(("/person_id", fault))
    known = ", ".join(SCOPES)
    faults += [
        ("/scopes", f"found {shown(each)}, known scopes: {known}")
        for each in scopes
        if each not in SCOPES
    ]
    if not scopes:
        faults.append(("/scopes", f"found none, at least one is needed of: {known}"))
    if expires_at is not None and expires_at <= at:
        faults.append(("/expires_at", f"found {expires_at.isoformat()}, which is over"))
    faults += _digest_faults(secret_sha256)
    if faults:
        raise Invalid(*faults)


def _digest_faults(secret_sha256: bytes) -> list[tuple[str, str]]:
    if len(secret_sha256) == DIGEST_BYTES:
        return []
    found = f"found {len(secret_sha256)} bytes, {DIGEST_BYTES} are needed"
    return [("/secret_sha256", found)]
