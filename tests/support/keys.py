"""Keys for tests, made beside the server, as `capacity keys` makes them."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple, TypeVar
from uuid import UUID, uuid4

from application.ledger import Command
from domain.access.secrets import digest_of
from interfaces.identity import fresh_secret
from interfaces.service import Service, open_service
from interfaces.settings import Settings
from tests.support.servers import Live

R = TypeVar("R")


class MadeKey(NamedTuple):
    """A key and its secret."""

    key_id: UUID
    secret: str

    @property
    def headers(self) -> dict[str, str]:
        """What a request shows."""
        return {"Authorization": f"Bearer {self.secret}"}


def beside(settings: Settings, work: Callable[[Service], Awaitable[R]]) -> R:
    """Do something as another process would, and let the read models show it."""

    async def done() -> R:
        async with open_service(settings) as service:
            result = await work(service)
            await service.catch_up()
            return result

    return asyncio.run(done())


def make_key(
    settings: Settings,
    *scopes: str,
    owner: str = "portal",
    at: datetime | None = None,
    **options: Any,
) -> MadeKey:
    """Make a key with these scopes, as if it were `at`."""
    made = MadeKey(uuid4(), fresh_secret())
    beside(
        settings,
        lambda service: service.access.create(
            command(at=at),
            key_id=made.key_id,
            secret_sha256=digest_of(made.secret.encode()),
            owner=owner,
            scopes=scopes or ("read", "write"),
            **options,
        ),
    )
    return made


def revoke_key(settings: Settings, key: MadeKey) -> None:
    """Revoke a key."""
    beside(settings, lambda service: service.access.revoke(command(), key_id=key.key_id))


def rotate_key(settings: Settings, key: MadeKey, *, overlap: timedelta) -> MadeKey:
    """Give a key a new secret."""
    rotated = MadeKey(key.key_id, fresh_secret())
    beside(
        settings,
        lambda service: service.access.rotate(
            command(),
            key_id=key.key_id,
            secret_sha256=digest_of(rotated.secret.encode()),
            overlap=overlap,
        ),
    )
    return rotated


def command(*, reason: str = "a test", at: datetime | None = None) -> Command:
    """Return who wants what comes next."""
    return Command(actor="ada", reason=reason, command_id=uuid4(), at=at or datetime.now(UTC))


def allowed(live: Live, key: MadeKey) -> bool:
    """Whether a request with a key is let in."""
    return live.client.get("/v1/lines", headers=key.headers).status_code == 200


def refused(live: Live, key: MadeKey | None, **options: Any) -> tuple[int, str, str]:
    """Return how a request with a key, or with none, is refused: status, problem, challenge."""
    headers = key.headers if key else {}
    answered = live.client.get("/v1/lines", headers=headers, **options)
    problem = answered.json()
    assert answered.headers["content-type"] == "application/problem+json"
    return (
        answered.status_code,
        problem["type"].removeprefix("/problems/"),
        answered.headers.get("www-authenticate", ""),
    )
