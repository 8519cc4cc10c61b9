"""What the ledger asks of a database: append a group whole or not at all, and load streams."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import NamedTuple, Protocol
from uuid import UUID

from application.ledger.command import Reply


class Row(NamedTuple):
    """One event, ready to be stored."""

    originator_id: UUID
    originator_version: int
    topic: str
    state: bytes


class StoredRow(NamedTuple):
    """One event as it was stored."""

    originator_id: UUID
    originator_version: int
    topic: str
    state: bytes
    position: int


class KeptReply(NamedTuple):
    """A reply to be kept under its key; it holds at the group's `event_count`-th event."""

    key: str
    fingerprint: bytes
    reply: Reply
    event_count: int


class FoundReply(NamedTuple):
    """A reply that was kept."""

    fingerprint: bytes
    reply: Reply
    position: int


class Batch(NamedTuple):
    """One group of commands: all of it is stored in one transaction, or nothing.

    `reads` are the aggregates that were only looked at, with the version they were seen at;
    the group is refused if one of them has moved on.
    """

    rows: Sequence[Row]
    reads: Sequence[tuple[UUID, int]]
    replies: Sequence[KeptReply]
    recorded_at_us: int


class Snapshot(NamedTuple):
    """The state of one aggregate at one version."""

    originator_id: UUID
    originator_version: int
    topic: str
    state: bytes


class Stream(NamedTuple):
    """What is stored of one aggregate: its newest snapshot, if any, and the events after it."""

    snapshot: Snapshot | None
    events: list[StoredRow]


class StaleGroup(Exception):
    """Something in the group was decided on a state that is not the newest, or a key is taken."""


class StoreLost(Exception):
    """The database could not be reached, or went away; whether a group was stored is unknown."""


class Turn(Protocol):
    """An open transaction that holds the write lock: nothing can move between load and append."""

    async def load(self, wanted: Sequence[UUID]) -> dict[UUID, Stream]:
        """Return the streams; an aggregate without events has an empty one."""

    async def events(
        self, originator_id: UUID, *, after_version: int, limit: int
    ) -> list[StoredRow]:
        """Return events of one stream, oldest first."""

    async def replies(self, keys: Sequence[str]) -> dict[str, FoundReply]:
        """Return the kept replies among these keys."""

    async def positions(self, rows: Sequence[Row]) -> list[int | None]:
        """Return where exactly these rows are stored, None for each that is not."""

    async def append(self, batch: Batch) -> int:
        """Store the batch; return the position before its first event."""


class EventStore(Protocol):
    """One database that holds the ledger."""

    async def open(self) -> None:
        """Connect. Raises SchemaMissing when the migrations have not been run."""

    async def close(self) -> None:
        """Disconnect."""

    async def append(self, batch: Batch) -> int:
        """Store a batch in one call; return the position before its first event.

        Raises StaleGroup and StoreLost.
        """

    async def confirm(self, reads: Sequence[tuple[UUID, int]]) -> int:
        """Return the newest position if these aggregates have not moved on, else StaleGroup."""

    def turn(self) -> AbstractAsyncContextManager[Turn]:
        """Take the write lock until the end of the block; commits unless an error leaves it."""

    async def load(self, wanted: Sequence[UUID]) -> dict[UUID, Stream]:
        """Return the streams; an aggregate without events has an empty one."""

    async def events(
        self, originator_id: UUID, *, after_version: int, limit: int
    ) -> list[StoredRow]:
        """Return events of one stream, oldest first."""

    async def feed(
        self, *, after: int, limit: int, topics: Sequence[str] | None
    ) -> list[StoredRow]:
        """Return events beyond a position, in order, of these topics or of all."""

    async def head(self) -> tuple[int, int]:
        """Return the newest position and when it was recorded, in microseconds; 0, 0 when empty."""

    async def replies(self, keys: Sequence[str]) -> dict[str, FoundReply]:
        """Return the kept replies among these keys."""

    async def save_snapshots(self, snapshots: Sequence[Snapshot]) -> None:
        """Keep these states; one that is there already stays."""

    async def forget_replies(self, before_us: int) -> int:
        """Remove the replies that were kept before this time; return how many."""


class SchemaMissing(Exception):
    """The database has no ledger, or an older one."""

    def __init__(self, found: str, *, revision: str = "") -> None:
        self.revision = revision
        super().__init__(f"The ledger's tables are {found}; run `capacity migrate` first")
