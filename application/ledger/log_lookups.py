"""Looking things up in the ledger by time, by aggregate and by position, each an index seek."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

# Position, aggregate id (16 bytes), version, topic, state: as the log's pages hold them.
LogRow = tuple[int, bytes, int, str, bytes]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_POSITIONS_AT_ONCE = 1_000


class PostgresLookups(ABC):
    """Lookups in a ledger in PostgreSQL."""

    def position_at(self, moment: datetime) -> int:
        """Return the last position before the first event that was recorded after a moment."""
        found = self._ask(_POSITION_AT.replace("?", "%s"), (_microseconds(moment),))
        return int(found[0][0])

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

    def events_at(self, positions: Sequence[int]) -> list[LogRow]:
        """Return the events at these positions, oldest first."""
        found: list[LogRow] = self._ask(
            f"{_POSTGRES_EVENTS} WHERE notification_id = ANY(%s::bigint[])"
            " ORDER BY notification_id",
            (list(positions),),
        )
        return found

    @abstractmethod
    def _ask(self, sql: str, parameters: Any = ()) -> list[Any]: ...


class SqliteLookups(ABC):
    """Lookups in a ledger in an SQLite file."""

    def position_at(self, moment: datetime) -> int:
        """Return the last position before the first event that was recorded after a moment."""
        sql = _POSITION_AT.replace("notification_id", "rowid")
        return int(self._ask(sql, (_microseconds(moment),))[0][0])

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

    def events_at(self, positions: Sequence[int]) -> list[LogRow]:
        """Return the events at these positions, oldest first."""
        found: list[LogRow] = []
        for start in range(0, len(positions), _POSITIONS_AT_ONCE):
            some = tuple(positions[start : start + _POSITIONS_AT_ONCE])
            marks = ", ".join("?" * len(some))
            found += _unhexed(self._ask(f"{_SQLITE_EVENTS} WHERE rowid IN ({marks})", some))
        return sorted(found)

    @abstractmethod
    def _ask(self, sql: str, parameters: Any = ()) -> list[Any]: ...


_POSITION_AT = """
WITH later AS (
    SELECT position FROM append_groups WHERE recorded_at_us > ?
    ORDER BY recorded_at_us, position LIMIT 1
)
SELECT CASE WHEN EXISTS (SELECT 1 FROM later)
    THEN coalesce((SELECT max(position) FROM append_groups
                   WHERE position < (SELECT position FROM later)), 0)
    ELSE coalesce((SELECT max(notification_id) FROM stored_events), 0) END
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
