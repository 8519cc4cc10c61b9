"""What is asked of the whole ledger: pages in order, and events by time, aggregate and position.

Lean on purpose: plain tuples by position window, without LIMIT, at 4 times the speed of the
library's `select_notifications`.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar
from uuid import UUID

from msgspec import Struct, json

from application.ledger.wakes import Wakes

# Position, aggregate id (16 bytes), version, topic, state.
LogRow = tuple[int, bytes, int, str, bytes]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_WINDOW_POSITIONS = 500


class LedgerLog(ABC):
    """The ledger, for reading; any number of threads may ask at the same time.

    Questions name a position as PostgreSQL does, `notification_id`, and a value as SQLite does, by
    a question mark: so most are written once, and `ask` says them in the store's own words.
    """

    contains: ClassVar[str]  # the condition that `state` holds some bytes

    def __init__(self) -> None:
        self._wakes = Wakes()

    # In order.

    def head(self) -> int:
        """Return the newest position, 0 for an empty ledger."""
        return self._number("SELECT coalesce(max(notification_id), 0) FROM stored_events")

    def page(self, after: int, up_to: int) -> list[LogRow]:
        """Return the events at positions beyond `after` and not beyond `up_to`."""
        return self._events(
            "notification_id > ? AND notification_id <= ? ORDER BY notification_id", (after, up_to)
        )

    @abstractmethod
    def share(self, after: int, up_to: int, first: bytes, last: bytes) -> list[LogRow]:
        """Return those events of a page whose aggregate ids lie between two, both included."""

    def page_by_aggregate(self, after: tuple[bytes, int], limit: int) -> list[LogRow]:
        """Return the next events in the order of aggregate and version."""
        return self._events(
            "(originator_id, originator_version) > (?, ?)"
            " ORDER BY originator_id, originator_version LIMIT ?",
            (self.stored_id(UUID(bytes=after[0])), after[1], limit),
        )

    def group_end(self, position: int) -> int:
        """Return the last position of what was appended together with the event at `position`."""
        sql = "SELECT coalesce(min(position), ?) FROM append_groups WHERE position >= ?"
        return self._number(sql, (position, position))

    def last_group_end(self, up_to: int) -> int:
        """Return the last position, not beyond `up_to`, at which a group ends, or `up_to`."""
        if self.group_end(up_to) == up_to:
            return up_to
        sql = "SELECT coalesce(max(position), 0) FROM append_groups WHERE position <= ?"
        return self._number(sql, (up_to,))

    def first_after(self, position: int) -> tuple[int, datetime] | None:
        """Return position and time of recording of the first event beyond `position`."""
        found = self.ask(
            "SELECT event.position, append_groups.recorded_at_us FROM"
            " (SELECT notification_id AS position FROM stored_events WHERE notification_id > ?"
            "  ORDER BY notification_id LIMIT 1) AS event"
            " JOIN append_groups ON append_groups.position >= event.position"
            " ORDER BY append_groups.position LIMIT 1",
            (position,),
        )
        return (found[0][0], _moment(found[0][1])) if found else None

    def topics(self) -> list[tuple[str, int, int]]:
        """Return each stored topic with the count of its events and the position of the first."""
        found = self.ask(
            "SELECT topic, count(*), min(notification_id) FROM stored_events"
            " GROUP BY topic ORDER BY 3"
        )
        return [(topic, count, first) for topic, count, first in found]

    def newest_recorded_at(self) -> datetime | None:
        """Return when the newest group was appended; None for an empty ledger."""
        found = self.ask("SELECT recorded_at_us FROM append_groups ORDER BY position DESC LIMIT 1")
        return _moment(found[0][0]) if found else None

    def births(self, up_to: int) -> int:
        """Return how many aggregates were born up to a position."""
        # SQLite finds both columns in the primary key's index, so that no state is read.
        return self._number(
            "SELECT count(*) FROM stored_events"
            " WHERE originator_version = 1 AND notification_id <= ?",
            (up_to,),
        )

    # By time, by aggregate and by position, each an index seek.

    def position_at(self, moment: datetime) -> int:
        """Return the last position before the first event that was recorded after a moment."""
        # A group bears the time at which it was closed, and events are decided a little before:
        # up to the group all are early enough, and from there on each is asked.
        [(begin, head)] = self.ask(_BEFORE_GROUP, (_microseconds(moment),))
        for after in range(begin, head, _WINDOW_POSITIONS):
            for position, _, _, _, state in self.page(after, min(after + _WINDOW_POSITIONS, head)):
                if _read_time(state).provenance.recorded_at > moment:
                    return int(begin)
                begin = position
        return int(head)

    def last_event(self, up_to: int) -> LogRow | None:
        """Return the newest event at or before a position."""
        newest = "notification_id <= ? ORDER BY notification_id DESC LIMIT 1"
        found = self._events(newest, (up_to,))
        return found[0] if found else None

    def stream_back(
        self, originator_id: bytes, *, before_version: int, up_to: int, limit: int
    ) -> list[LogRow]:
        """Return events of one aggregate, newest first, none of them beyond a position."""
        # The plus keeps a database from walking the ledger backwards instead of the primary key.
        return self._events(
            "originator_id = ? AND originator_version < ? AND +notification_id <= ?"
            " ORDER BY originator_version DESC LIMIT ?",
            (self.stored_id(UUID(bytes=originator_id)), before_version, up_to, limit),
        )

    @abstractmethod
    def topics_back(self, topics: Sequence[str], *, before: int, limit: int) -> list[LogRow]:
        """Return events of these topics before a position, newest first: this looks at all."""

    @abstractmethod
    def events_at(self, positions: Sequence[int]) -> list[LogRow]:
        """Return the events at these positions, oldest first."""

    # Waiting.

    @abstractmethod
    def wait(self, after: int, timeout_seconds: float) -> None:
        """Return when the head may have passed `after`, at the latest after the time-out."""

    def wake(self, position: int | None = None) -> None:
        """Let every thread that waits for a position, or for one before it, return at once."""
        self._wakes.wake(position)

    @abstractmethod
    def close(self) -> None:
        """Close every connection, and let whoever waits return."""

    # Asking.

    @abstractmethod
    def ask(self, sql: str, values: Sequence[Any] = ()) -> list[Any]:
        """Answer a question. Raises ConnectionError."""

    @abstractmethod
    def stored_id(self, originator_id: UUID) -> UUID | str:
        """Return an id as a question must name it."""

    @abstractmethod
    def _events(self, condition: str, values: Sequence[Any]) -> list[LogRow]:
        """Return the events that fit a condition, in the order that it ends with."""

    def _number(self, sql: str, values: Sequence[Any] = ()) -> int:
        return int(self.ask(sql, values)[0][0])


class _Provenance(Struct):
    recorded_at: datetime


class _Recorded(Struct):
    """All that is asked of a stored event here, whatever its shape."""

    provenance: _Provenance


_read_time = json.Decoder(_Recorded).decode

# The position before the first group closed at a moment or later, and the head. At the very
# moment, not only after it: a group's time is cut to whole microseconds.
_BEFORE_GROUP = """
WITH head AS (SELECT coalesce(max(notification_id), 0) AS position FROM stored_events),
later AS (
    SELECT position FROM append_groups WHERE recorded_at_us >= ?
    ORDER BY recorded_at_us, position LIMIT 1
)
SELECT CASE WHEN EXISTS (SELECT 1 FROM later)
    THEN coalesce((SELECT max(position) FROM append_groups
                   WHERE position < (SELECT position FROM later)), 0)
    ELSE (SELECT position FROM head) END, (SELECT position FROM head)
"""


def _microseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // _MICROSECOND


def _moment(recorded_at_us: int) -> datetime:
    return _EPOCH + timedelta(microseconds=recorded_at_us)
