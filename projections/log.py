"""What the projector needs of the ledger: pages in order, the head, and to be woken."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

# One stored event, not yet decoded: position, aggregate id (16 bytes), version, topic, state.
# A plain tuple, because the ledger may not import from here and these are read by the million.
LogRow = tuple[int, bytes, int, str, bytes]


class Log(Protocol):
    """The ledger's events, oldest first; positions rise, and a gap is never filled later.

    Every method but `wake` raises ConnectionError when the ledger cannot be reached.
    """

    def head(self) -> int:
        """Return the newest position, 0 for an empty ledger."""

    def page(self, after: int, up_to: int) -> list[LogRow]:
        """Return the events at positions beyond `after` and not beyond `up_to`."""

    def share(self, after: int, up_to: int, first: bytes, last: bytes) -> list[LogRow]:
        """Return those events of a page whose aggregate ids lie between two, both included."""

    def group_end(self, position: int) -> int:
        """Return the last position of what was appended together with the event at `position`."""

    def last_group_end(self, up_to: int) -> int:
        """Return the last position, not beyond `up_to`, at which what was appended together ends.

        `up_to` itself where no group contains it; 0 where none has ended by then.
        """

    def first_after(self, position: int) -> tuple[int, datetime] | None:
        """Return position and time of recording of the first event beyond `position`."""

    def births(self, up_to: int) -> int:
        """Return how many aggregates were born up to a position: how many keys a fold may hold."""

    def wait(self, after: int, timeout_seconds: float) -> None:
        """Return when the head may have passed `after`, at the latest after the time-out."""

    def wake(self, position: int | None = None) -> None:
        """Let every thread that waits for a position, or for one before it, return at once.

        Without a position every thread that waits.
        """


class PastLog(Log, Protocol):
    """A log in which things are also found by time, by aggregate and by position."""

    def position_at(self, moment: datetime) -> int:
        """Return the last position before the first event that was recorded after a moment."""

    def last_event(self, up_to: int) -> LogRow | None:
        """Return the newest event at or before a position."""

    def stream_back(
        self, originator_id: bytes, *, before_version: int, up_to: int, limit: int
    ) -> list[LogRow]:
        """Return events of one aggregate, newest first, none of them beyond a position."""

    def topics_back(self, topics: Sequence[str], *, before: int, limit: int) -> list[LogRow]:
        """Return events of these topics before a position, newest first: this looks at all."""

    def events_at(self, positions: Sequence[int]) -> list[LogRow]:
        """Return the events at these positions, oldest first."""
