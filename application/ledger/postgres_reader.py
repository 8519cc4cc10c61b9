"""Reading the ledger in PostgreSQL, and hearing from the server what others append."""

import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, ClassVar
from uuid import UUID

import structlog

from application.ledger.ledger_log import LedgerLog, LogRow
from application.ledger.lending import Connections

if TYPE_CHECKING:  # whoever reads SQLite does not wait for the driver of the other store
    import psycopg

CHANNEL = "stored_events"
LISTEN_TIMEOUT_SECONDS = 1.0
# A lost connection is tried again after these pauses; then the caller hears of it.
RETRY_SECONDS = (0.0, 0.05, 0.2, 0.5)
MAX_BACK_OFF_SECONDS = 5.0

_log = structlog.get_logger(__name__)


class PostgresLog(LedgerLog):
    """The ledger in PostgreSQL, whose ids are asked for as bytes."""

    contains: ClassVar[str] = "position(?::bytea in state) > 0"

    def __init__(self, url: str) -> None:
        super().__init__()
        self._url = url.replace("postgresql+psycopg://", "postgresql://", 1)
        self._connections = Connections(self.connect)
        self._listener: threading.Thread | None = None
        self._starting = threading.Lock()
        self._closed = False

    def share(self, after: int, up_to: int, first: bytes, last: bytes) -> list[LogRow]:
        """Return those events of a page whose aggregate ids lie between two, both included."""
        # As bytes, which keeps PostgreSQL to the positions: by the index of ids it would look
        # everywhere.
        return self._events(
            "notification_id > ? AND notification_id <= ?"
            " AND uuid_send(originator_id) BETWEEN ? AND ? ORDER BY notification_id",
            (after, up_to, first, last),
        )

    def topics_back(self, topics: Sequence[str], *, before: int, limit: int) -> list[LogRow]:
        """Return events of these topics before a position, newest first: this looks at all."""
        return self._events(
            "topic = ANY(?::text[]) AND notification_id < ? ORDER BY notification_id DESC LIMIT ?",
            (list(topics), before, limit),
        )

    def events_at(self, positions: Sequence[int]) -> list[LogRow]:
        """Return the events at these positions, oldest first."""
        these = "notification_id = ANY(?::bigint[]) ORDER BY notification_id"
        return self._events(these, (list(positions),))

    def wait(self, after: int, timeout_seconds: float) -> None:
        """Return when the head may have passed `after`, at the latest after the time-out."""
        self._listen()
        self._wakes.wait(after, min(timeout_seconds, LISTEN_TIMEOUT_SECONDS))

    def close(self) -> None:
        """Close every connection, end the listener, and let whoever waits return."""
        with self._starting:
            self._closed = True
        if self._listener is not None:
            import psycopg

            # Our own notification ends the listener at once instead of by its time-out.
            with suppress(psycopg.Error), self._connections.one() as connection:
                connection.execute("SELECT pg_notify(%s, '')", (CHANNEL,))
            self._listener.join()
        self._connections.close()
        self.wake()

    def connect(self) -> "psycopg.Connection[Any]":
        """Open one connection."""
        import psycopg

        return psycopg.connect(self._url, autocommit=True)

    def ask(self, sql: str, values: Sequence[Any] = ()) -> list[Any]:
        """Answer a question. Raises ConnectionError."""
        import psycopg

        own = sql.replace("?", "%s").encode()
        for pause_seconds in (*RETRY_SECONDS, None):
            try:
                with self._connections.one() as connection, connection.cursor(binary=True) as asked:
                    return asked.execute(own, values, prepare=True).fetchall()
            except (psycopg.OperationalError, psycopg.InterfaceError) as error:
                if pause_seconds is None:
                    raise ConnectionError(f"The ledger cannot be read: {error}") from error
                time.sleep(pause_seconds)
        raise AssertionError("unreachable: the last try returns or raises")

    def stored_id(self, originator_id: UUID) -> UUID:
        """Return an id as a question must name it."""
        return originator_id

    def _events(self, condition: str, values: Sequence[Any]) -> list[LogRow]:
        return self.ask(_EVENTS + condition, values)

    # Listening: a thread of its own turns notifications into wake-ups, so that a wake-up from
    # this process needs no round trip.

    def _listen(self) -> None:
        with self._starting:
            if self._listener is None and not self._closed:
                self._listener = threading.Thread(
                    target=self._listen_until_closed, name="ledger-listener", daemon=True
                )
                self._listener.start()

    def _listen_until_closed(self) -> None:
        import psycopg

        back_off_seconds = RETRY_SECONDS[1]
        while not self._closed:
            try:
                with self.connect() as connection:
                    connection.execute(f"LISTEN {CHANNEL}")
                    back_off_seconds = RETRY_SECONDS[1]
                    self._pass_on_notifications(connection)
            except psycopg.Error as error:
                _log.warning("ledger listener lost its connection", error=str(error))
                time.sleep(back_off_seconds)
                back_off_seconds = min(2 * back_off_seconds, MAX_BACK_OFF_SECONDS)

    def _pass_on_notifications(self, connection: "psycopg.Connection[Any]") -> None:
        self.wake()  # for whatever was appended before the listening began
        while not self._closed:
            for told in connection.notifies(timeout=LISTEN_TIMEOUT_SECONDS, stop_after=1):
                self.wake(int(told.payload) if told.payload.isdecimal() else None)


_EVENTS = (
    "SELECT notification_id, uuid_send(originator_id), originator_version, topic, state"
    " FROM stored_events WHERE "
)
