"""Reading the ledger in an SQLite file, opened for reading only."""

import sqlite3
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import quote
from uuid import UUID

from application.ledger.ledger_log import LedgerLog, LogRow
from application.ledger.lending import Connections

BUSY_TIMEOUT_SECONDS = 30.0
SHORTEST_POLL_SECONDS, LONGEST_POLL_SECONDS = 0.002, 0.1
_POSITIONS_AT_ONCE = 1_000


class SqliteLog(LedgerLog):
    """The ledger in an SQLite file, whose positions are the numbers of its rows."""

    contains: ClassVar[str] = "instr(state, ?) > 0"

    def __init__(self, path: str | Path) -> None:
        super().__init__()
        self._path = Path(path)
        self._connections = Connections(self.connect)

    def share(self, after: int, up_to: int, first: bytes, last: bytes) -> list[LogRow]:
        """Return those events of a page whose aggregate ids lie between two, both included."""
        # The sign keeps SQLite to the positions: by the index of ids it would look everywhere.
        return self._events(
            "notification_id > ? AND notification_id <= ? AND +originator_id BETWEEN ? AND ?"
            " ORDER BY notification_id",
            (after, up_to, first.hex(), last.hex()),
        )

    def topics_back(self, topics: Sequence[str], *, before: int, limit: int) -> list[LogRow]:
        """Return events of these topics before a position, newest first: this looks at all."""
        marks = ", ".join("?" * len(topics))
        return self._events(
            f"topic IN ({marks}) AND notification_id < ? ORDER BY notification_id DESC LIMIT ?",
            (*topics, before, limit),
        )

    def events_at(self, positions: Sequence[int]) -> list[LogRow]:
        """Return the events at these positions, oldest first."""
        found: list[LogRow] = []
        for start in range(0, len(positions), _POSITIONS_AT_ONCE):
            some = positions[start : start + _POSITIONS_AT_ONCE]
            marks = ", ".join("?" * len(some))
            found += self._events(f"notification_id IN ({marks})", some)
        return sorted(found)

    def wait(self, after: int, timeout_seconds: float) -> None:
        """Return when the head may have passed `after`, at the latest after the time-out.

        Another process's write is found by looking, ever less often while nothing happens.
        """
        give_up_at = time.monotonic() + timeout_seconds
        poll_seconds = SHORTEST_POLL_SECONDS
        while (left_seconds := give_up_at - time.monotonic()) > 0:
            if self._wakes.wait(after, min(poll_seconds, left_seconds)) or self.head() > after:
                return
            poll_seconds = min(1.5 * poll_seconds, LONGEST_POLL_SECONDS)

    def close(self) -> None:
        """Close every connection, and let whoever waits return."""
        self._connections.close()
        self.wake()

    def connect(self) -> sqlite3.Connection:
        """Open one connection, which cannot write."""
        return sqlite3.connect(
            f"file:{quote(str(self._path.absolute()))}?mode=ro",
            uri=True,
            timeout=BUSY_TIMEOUT_SECONDS,
            isolation_level=None,
            check_same_thread=False,
        )

    def ask(self, sql: str, values: Sequence[Any] = ()) -> list[Any]:
        """Answer a question. Raises ConnectionError."""
        own = sql.replace("notification_id", "rowid")
        try:
            with self._connections.one() as connection:
                return connection.execute(own, values).fetchall()
        except sqlite3.OperationalError as error:
            raise ConnectionError(f"The ledger {self._path} cannot be read: {error}") from error

    def stored_id(self, originator_id: UUID) -> str:
        """Return an id as a question must name it."""
        return originator_id.hex

    def _events(self, condition: str, values: Sequence[Any]) -> list[LogRow]:
        unhex = bytes.fromhex
        return [
            (position, unhex(originator_id), version, topic, state)
            for position, originator_id, version, topic, state in self.ask(
                _EVENTS + condition, values
            )
        ]


_EVENTS = (
    "SELECT notification_id, originator_id, originator_version, topic, state"
    " FROM stored_events WHERE "
)
