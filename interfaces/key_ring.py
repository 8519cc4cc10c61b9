"""The keys that open this process's doors, in memory: who holds a secret, and does it count now.

What is known here is never older than `fresh_seconds`: who asks later waits for another look at
the read model. So a revocation is in force, in every process, that long after the read model
shows it, and a database that cannot be asked opens no door.
"""

import asyncio
import time
from collections.abc import Callable
from datetime import datetime
from hmac import compare_digest
from typing import Literal, NamedTuple
from uuid import UUID

from sqlalchemy import Connection

from domain.access.secrets import digest_of
from interfaces.callers import Caller
from interfaces.reads import Reads
from projections import api_keys
from projections.api_keys import Secret

Why = Literal["key-unknown", "key-revoked", "key-expired"]


class Turned(NamedTuple):
    """What a secret came to: a caller, or why not; the key's id where the secret is known."""

    caller: Caller | None
    why: Why | None
    key_id: str


class _Held(NamedTuple):
    sha256: bytes
    turned: Turned
    expires_at: datetime | None


_UNKNOWN = Turned(None, "key-unknown", "")


class KeyRing:
    """Looks keys up by the digest of their secret, and looks at the read model again in time."""

    def __init__(
        self,
        reads: Reads,
        *,
        fresh_seconds: float,
        clock: Callable[[], datetime],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._reads, self._clock, self._monotonic = reads, clock, monotonic
        self._fresh_seconds = fresh_seconds
        self._fresh_until = float("-inf")
        self._held: dict[bytes, _Held] = {}
        self._state = (-1, -1)  # how many keys there were at the last look, and the last change
        self._looking: asyncio.Task[None] | None = None
        self.position = 0  # how far the read model had come at the last look
        self.any_key = False  # whether one was ever made: then nobody comes in without one

    @property
    def is_fresh(self) -> bool:
        """Whether what is known may still be gone by."""
        return self._monotonic() < self._fresh_until

    @property
    def was_read(self) -> bool:
        """Whether the read model was ever looked at."""
        return self._state != (-1, -1)

    async def refresh(self) -> None:
        """Look at the read model; several who ask at the same time share one look."""
        if self._looking is None:
            self._looking = asyncio.create_task(self._look(), name="keys")
            self._looking.add_done_callback(self._looked)
        await asyncio.shield(self._looking)

    def turn(self, secret: bytes) -> Turned:
        """Say who holds a secret, or why it opens nothing."""
        digest = digest_of(secret)
        held = self._held.get(digest)
        # A dict compares digests of secrets, never secrets: what its timing tells helps nobody to
        # a text with another digest. The constant-time comparison is the one that counts.
        if held is None or not compare_digest(held.sha256, digest):
            return _UNKNOWN
        if held.expires_at is not None and held.expires_at <= self._clock():
            return Turned(None, "key-expired", held.turned.key_id)
        return held.turned

    async def _look(self) -> None:
        # What is found was true when the look began, so that is what its age is counted from.
        began = self._monotonic()
        found = await self._reads.run(self._changed)
        self.position, state, secrets = found
        if state != self._state:
            self._state = state
            self._held = {each.sha256: _held(each) for each in secrets}
            self.any_key = bool(secrets)
        self._fresh_until = began + self._fresh_seconds

    def _changed(self, connection: Connection) -> tuple[int, tuple[int, int], list[Secret]]:
        """Return where the read model stands, and the secrets if they are others by now."""
        position, state = api_keys.position(connection), api_keys.state_of_keys(connection)
        same = state == self._state
        return position, state, [] if same else api_keys.secrets(connection)

    def _looked(self, task: asyncio.Task[None]) -> None:
        self._looking = None
        if not task.cancelled():
            task.exception()  # whoever waits is told; that nobody waited any more is no news


def _held(secret: Secret) -> _Held:
    key = secret.key
    if key.revoked_at is not None:
        return _Held(secret.sha256, Turned(None, "key-revoked", key.key_id), secret.expires_at)
    caller = Caller(
        key_id=UUID(key.key_id),
        owner=key.owner,
        scopes=frozenset(key.scopes),
        person_id=key.person_id,
        may_act_on_behalf=key.may_act_on_behalf,
    )
    return _Held(secret.sha256, Turned(caller, None, key.key_id), secret.expires_at)
