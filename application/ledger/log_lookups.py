"""Looking things up in the ledger by time, by aggregate and by position, each an index seek."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec import Struct, json

# Position, aggregate id (16 bytes), version, topic, state: as the log's pages hold them.
LogRow = tuple[int, bytes, int, str, bytes]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_POSITIONS_AT_ONCE = 1_000
_WINDOW_POSITIONS = 500


class Lookups(ABC):
    """What both stores answer in the same way."""

    def position_at(self, moment: datetime) -> int:
        """Return the last position before the first event that was recorded after a moment."""
        # A group bears the time at which it was closed, and events are decided a little before:
        # up to the group all are early enough, and from there on each is asked.
        begin, head = self._before_group(_microseconds(moment))
        for after in range(begin, head, _WINDOW_POSITIONS):
            for position, _, _, _, state in self.page(after, min(after + _WINDOW_POSITIONS, head)):
                if _read_time(state).provenance.recorded_at > moment:
                    return begin
                begin = position
        return head

    @abstractmethod
    def page(self, after: int, up_to: int) -> list[LogRow]:
        """Return the events at positions beyond `after` and not beyond `up_to`."""

    @abstractmethod
    def _before_group(self, moment_us: int) -> tuple[int, int]:
        """Return the position before the first group closed at a moment or later, and the head."""

    @abstractmethod
    def _ask(self, sql: str, parameters: tuple[Any, ...] = ()) -> list[Any]: ...


class PostgresLookups(Lookups):
    """Lookups in a ledger in PostgreSQL."""

    def last_event(self, up_to: int) -> LogRow | None:
        """Return the newest event at or before a position."""
        found = self._ask(
            f"{_POSTGRES_EVENTS} WHERE notification_id <= %s ORDER BY notification_id DESC LIMIT 1",
            (up_to,),
        )
        return found[0] if found else None

    def stream_back(
        self, originator_id: bytes, *, before_version: int, up_to: int, limit: int
    ) -> list[LogRow]:
        """Return events of one aggregate, newest first, none of them beyond a position."""
        found: list[LogRow] = self._ask(
            f"{_POSTGRES_EVENTS} WHERE originator_id = %s::uuid AND originator_version < %s"
            " AND notification_id <= %s ORDER BY originator_version DESC LIMIT %s",
            (originator_id.hex(), before_version, up_to, limit),
        )
        return found

    def topics_back(self, topics: Sequence[str], *, before: int, limit: int) -> list[LogRow]:
        """Return events of these topics before a position, newest first: this looks at all."""
        found: list[LogRow] = self._ask(
            f"{_POSTGRES_EVENTS} WHERE topic = ANY(%s::text[]) AND notification_id < %s"
            " ORDER BY notification_id DESC LIMIT %s",
            (list(topics), before, limit),
        )
        return found

    def events_at(self, positions: Sequence[int]) -> list[LogRow]:
        """Return the events at these positions, oldest first."""
        found: list[LogRow] = self._ask(
            f"{_POSTGRES_EVENTS} WHERE notification_id = ANY(%s::bigint[])"
            " ORDER BY notification_id",
            (list(positions),),
        )
        return found

    def _before_group(self, moment_us: int) -> tuple[int, int]:
        found = self._ask(_BEFORE_GROUP.replace("?", "%s"), (moment_us,))
        return int(found[0][0]), int(found[0][1])


class SqliteLookups(Lookups):
    """Lookups in a ledger in an SQLite file."""

    def last_event(self, up_to: int) -> LogRow | None:
        """Return the newest event at or before a position."""
        sql = f"{_SQLITE_EVENTS} WHERE rowid <= ? ORDER BY rowid DESC LIMIT 1"
        found = _unhexed(self._ask(sql, (up_to,)))
        return found[0] if found else None

    def stream_back(
        self, originator_id: bytes, *, before_version: int, up_to: int, limit: int
    ) -> list[LogRow]:
        """Return events of one aggregate, newest first, none of them beyond a position."""
        # The plus keeps SQLite from walking the ledger backwards instead of the primary key.
        sql = (
            f"{_SQLITE_EVENTS} WHERE originator_id = ? AND originator_version < ?"
            " AND +rowid <= ? ORDER BY originator_version DESC LIMIT ?"
        )
        return _unhexed(self._ask(sql, (originator_id.hex(), before_version, up_to, limit)))

    def topics_back(self, topics: Sequence[str], *, before: int, limit: int) -> list[LogRow]:
        """Return events of these topics before a position, newest first: this looks at all."""
        marks = ", ".join("?" * len(topics))
        sql = f"{_SQLITE_EVENTS} WHERE topic IN ({marks}) AND rowid < ? ORDER BY rowid DESC LIMIT ?"
        return _unhexed(self._ask(sql, (*topics, before, limit)))

    def events_at(self, positions: Sequence[int]) -> list[LogRow]:
        """Return the events at these positions, oldest first."""
        found: list[LogRow] = []
        for start in range(0, len(positions), _POSITIONS_AT_ONCE):
            some = tuple(positions[start : start + _POSITIONS_AT_ONCE])
            marks = ", ".join("?" * len(some))
            found += _unhexed(self._ask(f"{_SQLITE_EVENTS} WHERE rowid IN ({marks})", some))
        return sorted(found)

    def _before_group(self, moment_us: int) -> tuple[int, int]:
        found = self._ask(_BEFORE_GROUP.replace("notification_id", "rowid"), (moment_us,))
        return int(found[0][0]), int(found[0][1])


class _Provenance(Struct):
    recorded_at: datetime


class _Recorded(Struct):
    """All that is asked of a stored event here, whatever its shape."""

    provenance: _Provenance


_read_time = json.Decoder(_Recorded).decode

# At the very moment, not only after it: a group's time is cut to whole microseconds.
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
_POSTGRES_EVENTS = (
    "SELECT notification_id, uuid_send(originator_id), originator_version, topic, state"
    " FROM stored_events"
)
_SQLITE_EVENTS = "SELECT rowid, originator_id, originator_version, topic, state FROM stored_events"


def _microseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // _MICROSECOND


def _unhexed(found: list[Any]) -> list[LogRow]:
    return [
        (position, bytes.fromhex(originator_id), version, topic, state)
        for position, originator_id, version, topic, state in found
    ]
