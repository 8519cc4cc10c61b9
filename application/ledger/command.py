"""A command as it reaches a use case, and what comes back when it is durable."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar
from uuid import UUID

from msgspec import Struct

from domain.aggregate import Event, Provenance
from domain.errors import Conflict, Refused
from domain.names import MAX_TEXT_CHARACTERS, check_text

R = TypeVar("R")


class Reply(Struct, frozen=True):
    """An answer as a door sends it; kept with its idempotency key, so a repeat gets the same."""

    status: int
    body: bytes


# Turns what was decided, a result or a DomainError, into the reply that is kept and sent.
Render = Callable[[Any], Reply]


class Command(Struct, frozen=True, kw_only=True):
    """Who wants something, why and when; every event that comes of it carries this.

    `at` is when the door took the command. `idempotency_key` is already scoped to caller and
    route; `fingerprint` tells whether a repeat asks for the same. A dry run decides, and stores
    nothing.
    """

    actor: str
    reason: str
    command_id: UUID
    at: datetime
    on_behalf_of: str = ""
    correlation_id: UUID | None = None
    causation_id: UUID | None = None
    dry_run: bool = False
    render: Render | None = None
    idempotency_key: str = ""
    fingerprint: bytes = b""

    def __post_init__(self) -> None:
        """Raise Invalid if a text holds what no store or log should be given."""
        for field in ("actor", "reason", "on_behalf_of"):
            if not (text := getattr(self, field)).isprintable() or len(text) > MAX_TEXT_CHARACTERS:
                check_text(field, text)

    def provenance(self, recorded_at: datetime) -> Provenance:
        """Return what every event of this command carries."""
        return Provenance(
            actor=self.actor,
            reason=self.reason,
            command_id=self.command_id,
            correlation_id=self.correlation_id or self.command_id,
            recorded_at=recorded_at,
            on_behalf_of=self.on_behalf_of,
            causation_id=self.causation_id,
        )


@dataclass(frozen=True, slots=True)
class Outcome(Generic[R]):
    """What was decided, durable by now unless it was a dry run.

    `position` is the ledger's position from which on reads show it; `reply` is what the
    command's `render` made of the result.
    """

    result: R
    position: int
    events: tuple[Event, ...]
    reply: Reply | None = None


class Replayed(Exception):
    """The idempotency key has been answered before; this is that answer."""

    def __init__(self, reply: Reply, position: int) -> None:
        self.reply, self.position = reply, position
        super().__init__("answered before")


class KeyReused(Refused):
    """The idempotency key belongs to another request."""

    code = "idempotency-key-reused"
    field = "Idempotency-Key"

    def __init__(self) -> None:
        super().__init__("This Idempotency-Key was used for a different request; take a new one")


class StillRunning(Conflict):
    """The first request with this idempotency key has not been answered yet."""

    code = "still-running"
    field = "Idempotency-Key"

    def __init__(self) -> None:
        super().__init__("The first request with this Idempotency-Key is still running; try again")


class LedgerUnavailable(Exception):
    """The ledger cannot take or confirm a command now; nothing is wrong with the command."""

    def __init__(self, message: str, retry_after_seconds: int = 1) -> None:
        self.retry_after_seconds = retry_after_seconds
        super().__init__(message)
