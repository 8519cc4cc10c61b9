"""Reading the whole ledger in order: what the projector follows, on PostgreSQL and on SQLite.

Lean on purpose: plain tuples by position window, without LIMIT, at 4 times the speed of the
library's `select_notifications`.
"""

import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Generic, NamedTuple, Protocol, TypeVar
from urllib.parse import quote
from uuid import UUID

import structlog

from application.ledger.log_lookups import PostgresLookups, SqliteLookups

if TYPE_CHECKING:  # whoever reads SQLite does not wait for the driver of the other store
    import psycopg

CHANNEL = "stored_events"
BUSY_TIMEOUT_SECONDS = 30.0
LISTEN_TIMEOUT_SECONDS = 1.0
# A lost connection is tried again after these pauses; then the caller hears of it.
RETRY_SECONDS = (0.0, 0.05, 0.2, 0.5)
MAX_BACK_OFF_SECONDS = 5.0
SHORTEST_POLL_SECONDS, LONGEST_POLL_SECONDS = 0.002, 0.1

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_log = structlog.get_logger(__name__)


class Dialect(NamedTuple):
    """What differs between the stores in a question; `mark` stands for a value."""

    mark: str
    position: str
    originator_id: str
    contains: str  # whether `state` holds some bytes


class PostgresLog(PostgresLookups):
    """The ledger in PostgreSQL; any number of threads may ask at the same time."""

    dialect: ClassVar[Dialect] = Dialect(
        "%s", "notification_id", "originator_id", "position(%s::bytea in state) > 0"
    )

    def __init__(self, url: str) -> None:
        self._url = url.replace("postgresql+psycopg://", "postgresql://", 1)
        self._connections = _Connections(self)
        self._wakes = _Wakes()
        self._listener: threading.Thread | None = None
        self._starting = threading.Lock()
        self._closed = False

    def head(self) -> int:
        """Return the newest position, 0 for an empty ledger."""
        return int(self._ask("SELECT coalesce(max(notification_id), 0) FROM stored_events")[0][0])

    def page(self, after: int, up_to: int) -> list[tuple[int, bytes, int, str, bytes]]:
        """Return the events at positions beyond `after` and not beyond `up_to`."""
        return self._ask(
            "SELECT notification_id, uuid_send(originator_id), originator_version, topic, state"
            " FROM stored_events WHERE notification_id > %s AND notification_id <= %s"
            " ORDER BY notification_id",
            (after, up_to),
        )

    def share(
        self, after: int, up_to: int, first: bytes, last: bytes
    ) -> list[tuple[int, bytes, int, str, bytes]]:
        """Return those events of a page whose aggregate ids lie between two, both included."""
        return self._ask(
            # As bytes, which keeps PostgreSQL to the positions: by the index of ids it would
            # look everywhere.
            "SELECT notification_id, uuid_send(originator_id), originator_version, topic, state"
            " FROM stored_events WHERE notification_id > %s AND notification_id <= %s"
            " AND uuid_send(originator_id) BETWEEN %s AND %s ORDER BY notification_id",
            (after, up_to, first, last),
        )

    def page_by_aggregate(
        self, after: tuple[bytes, int], limit: int
    ) -> list[tuple[int, bytes, int, str, bytes]]:
        """Return the next events in the order of aggregate and version."""
        return self._ask(
            "SELECT notification_id, uuid_send(originator_id), originator_version, topic, state"
            " FROM stored_events WHERE (originator_id, originator_version) > (%s, %s)"
            " ORDER BY originator_id, originator_version LIMIT %s",
            (UUID(bytes=after[0]), after[1], limit),
        )

    def group_end(self, position: int) -> int:
        """Return the last position of what was appended together with the event at `position`."""
        sql = "SELECT coalesce(min(position), %s) FROM append_groups WHERE position >= %s"
        return int(self._ask(sql, (position, position))[0][0])

    def last_group_end(self, up_to: int) -> int:
        """Return the last position, not beyond `up_to`, at which a group ends, or `up_to`."""
        if self.group_end(up_to) == up_to:
            return up_to
        sql = "SELECT coalesce(max(position), 0) FROM append_groups WHERE position <= %s"
        return int(self._ask(sql, (up_to,))[0][0])

    def first_after(self, position: int) -> tuple[int, datetime] | None:
        """Return position and time of recording of the first event beyond `position`."""
        found = self._ask(
            "SELECT event.notification_id, append_groups.recorded_at_us FROM"
            " (SELECT notification_id FROM stored_events WHERE notification_id > %s"
            "  ORDER BY notification_id LIMIT 1) AS event"
            " JOIN append_groups ON append_groups.position >= event.notification_id"
            " ORDER BY append_groups.position LIMIT 1",
            (position,),
        )
        return (found[0][0], _moment(found[0][1])) if found else None

    def topics(self) -> list[tuple[str, int, int]]:
        """Return each stored topic with the count of its events and the position of the first."""
        sql = "SELECT topic, count(*), min(notification_id) FROM stored_events GROUP BY topic"
        found = self._ask(f"{sql} ORDER BY 3")
        return [(topic, count, first) for topic, count, first in found]

    def newest_recorded_at(self) -> datetime | None:
        """Return when the newest group was appended; None for an empty ledger."""
        sql = "SELECT recorded_at_us FROM append_groups ORDER BY position DESC LIMIT 1"
        found = self._ask(sql)
        return _moment(found[0][0]) if found else None

    def births(self, up_to: int) -> int:
        """Return how many aggregates were born up to a position."""
        return int(
            self._ask(
                "SELECT count(*) FROM stored_events"
                " WHERE originator_version = 1 AND notification_id <= %s",
                (up_to,),
            )[0][0]
        )

    def wait(self, after: int, timeout_seconds: float) -> None:
        """Return when the head may have passed `after`, at the latest after the time-out."""
        self._listen()
        self._wakes.wait(after, min(timeout_seconds, LISTEN_TIMEOUT_SECONDS))

    def wake(self, position: int | None = None) -> None:
        """Let every thread that waits for a position, or for one before it, return at once."""
        self._wakes.wake(position)

    def close(self) -> None:
        """Close every connection and end the listener."""
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
        """Answer a question that is written for this dialect."""
        return self._ask(sql, tuple(values))

    def stored_id(self, originator_id: UUID) -> UUID:
        """Return an id as a question must name it."""
        return originator_id

    def _ask(self, sql: str, parameters: tuple[Any, ...] = ()) -> list[Any]:
        import psycopg

        for pause_seconds in (*RETRY_SECONDS, None):
            try:
                with self._connections.one() as connection, connection.cursor(binary=True) as asked:
                    return asked.execute(sql.encode(), parameters, prepare=True).fetchall()
            except (psycopg.OperationalError, psycopg.InterfaceError) as error:
                if pause_seconds is None:
                    raise ConnectionError(f"The ledger cannot be read: {error}") from error
                time.sleep(pause_seconds)
        raise AssertionError("unreachable: the last try returns or raises")

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


class SqliteLog(SqliteLookups):
    """The ledger in an SQLite file, opened for reading only; any number of threads may ask."""

    dialect: ClassVar[Dialect] = Dialect("?", "rowid", "originator_id", "instr(state, ?) > 0")

    def __init__(self, path: str | Path) -> None:
        self._path = Path(path)
        self._connections = _Connections(self)
        self._wakes = _Wakes()

    def head(self) -> int:
        """Return the newest position, 0 for an empty ledger."""
        return int(self._ask("SELECT coalesce(max(rowid), 0) FROM stored_events")[0][0])

    def page(self, after: int, up_to: int) -> list[tuple[int, bytes, int, str, bytes]]:
        """Return the events at positions beyond `after` and not beyond `up_to`."""
        found = self._ask(
            "SELECT rowid, originator_id, originator_version, topic, state FROM stored_events"
            " WHERE rowid > ? AND rowid <= ? ORDER BY rowid",
            (after, up_to),
        )
        return _with_bytes(found)

    def share(
        self, after: int, up_to: int, first: bytes, last: bytes
    ) -> list[tuple[int, bytes, int, str, bytes]]:
        """Return those events of a page whose aggregate ids lie between two, both included."""
        found = self._ask(
            # The sign keeps SQLite to the positions: by the index of ids it would look everywhere.
            "SELECT rowid, originator_id, originator_version, topic, state FROM stored_events"
            " WHERE rowid > ? AND rowid <= ? AND +originator_id BETWEEN ? AND ? ORDER BY rowid",
            (after, up_to, first.hex(), last.hex()),
        )
        return _with_bytes(found)

    def page_by_aggregate(
        self, after: tuple[bytes, int], limit: int
    ) -> list[tuple[int, bytes, int, str, bytes]]:
        """Return the next events in the order of aggregate and version."""
        found = self._ask(
            "SELECT rowid, originator_id, originator_version, topic, state FROM stored_events"
            " WHERE (originator_id, originator_version) > (?, ?)"
            " ORDER BY originator_id, originator_version LIMIT ?",
            (after[0].hex(), after[1], limit),
        )
        return [(each[0], bytes.fromhex(each[1]), *each[2:]) for each in found]

    def group_end(self, position: int) -> int:
        """Return the last position of what was appended together with the event at `position`."""
        sql = "SELECT coalesce(min(position), ?) FROM append_groups WHERE position >= ?"
        return int(self._ask(sql, (position, position))[0][0])

    def last_group_end(self, up_to: int) -> int:
        """Return the last position, not beyond `up_to`, at which a group ends, or `up_to`."""
        if self.group_end(up_to) == up_to:
            return up_to
        sql = "SELECT coalesce(max(position), 0) FROM append_groups WHERE position <= ?"
        return int(self._ask(sql, (up_to,))[0][0])

    def first_after(self, position: int) -> tuple[int, datetime] | None:
        """Return position and time of recording of the first event beyond `position`."""
        found = self._ask(
            "SELECT event.position, append_groups.recorded_at_us FROM"
            " (SELECT rowid AS position FROM stored_events WHERE rowid > ?"
            "  ORDER BY rowid LIMIT 1) AS event"
            " JOIN append_groups ON append_groups.position >= event.position"
            " ORDER BY append_groups.position LIMIT 1",
            (position,),
        )
        return (found[0][0], _moment(found[0][1])) if found else None

    def topics(self) -> list[tuple[str, int, int]]:
        """Return each stored topic with the count of its events and the position of the first."""
        sql = "SELECT topic, count(*), min(rowid) FROM stored_events GROUP BY topic"
        found = self._ask(f"{sql} ORDER BY 3")
        return [(topic, count, first) for topic, count, first in found]

    def newest_recorded_at(self) -> datetime | None:
        """Return when the newest group was appended; None for an empty ledger."""
        sql = "SELECT recorded_at_us FROM append_groups ORDER BY position DESC LIMIT 1"
        found = self._ask(sql)
        return _moment(found[0][0]) if found else None

    def births(self, up_to: int) -> int:
        """Return how many aggregates were born up to a position."""
        # The primary key's index holds both columns, so that no state is read.
        sql = "SELECT count(*) FROM stored_events WHERE originator_version = 1 AND rowid <= ?"
        return int(self._ask(sql, (up_to,))[0][0])

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

    def wake(self, position: int | None = None) -> None:
        """Let every thread that waits for a position, or for one before it, return at once."""
        self._wakes.wake(position)

    def close(self) -> None:
        """Close every connection."""
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
        """Answer a question that is written for this dialect."""
        return self._ask(sql, tuple(values))

    def stored_id(self, originator_id: UUID) -> str:
        """Return an id as a question must name it."""
        return originator_id.hex

    def _ask(self, sql: str, parameters: tuple[Any, ...] = ()) -> list[Any]:
        try:
            with self._connections.one() as connection:
                return connection.execute(sql, parameters).fetchall()
        except sqlite3.OperationalError as error:
            raise ConnectionError(f"The ledger {self._path} cannot be read: {error}") from error


def _with_bytes(found: Sequence[Any]) -> list[tuple[int, bytes, int, str, bytes]]:
    unhex = bytes.fromhex
    return [
        (position, unhex(originator_id), version, topic, state)
        for position, originator_id, version, topic, state in found
    ]


class _Closable(Protocol):
    def close(self) -> None: ...


_C = TypeVar("_C", bound=_Closable)
_C_co = TypeVar("_C_co", bound=_Closable, covariant=True)


class _Connects(Protocol[_C_co]):
    def connect(self) -> _C_co: ...


class _Connections(Generic[_C]):
    """Lends a connection to one thread at a time, and keeps it for the next."""

    def __init__(self, source: _Connects[_C]) -> None:
        self._source = source
        self._idle: list[_C] = []
        self._closed = False

    @contextmanager
    def one(self) -> Iterator[_C]:
        """Lend one connection; after an error it is closed, and so are all idle ones."""
        connection = self._taken() or self._source.connect()
        try:
            yield connection
        except BaseException:
            connection.close()
            self._close_idle()
            raise
        self._idle.append(connection)
        if self._closed:
            self._close_idle()

    def close(self) -> None:
        """Close what is idle now, and what is lent as soon as it comes back."""
        self._closed = True
        self._close_idle()

    def _taken(self) -> _C | None:
        with suppress(IndexError):
            return self._idle.pop()
        return None

    def _close_idle(self) -> None:
        while (connection := self._taken()) is not None:
            connection.close()


class _Wakes:
    """Wake-ups that cannot be lost, and that wake nobody who has seen what they tell of.

    One write is told of by several: who wrote it, who needs it, and the server. One that names no
    position wakes everybody, and each thread remembers the last such that it saw.
    """

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._furthest = self._count = 0
        self._seen = threading.local()

    def wake(self, position: int | None) -> None:
        with self._condition:
            if position is None:
                self._count += 1
            elif position > self._furthest:
                self._furthest = position
            else:
                return
            self._condition.notify_all()

    def wait(self, after: int, timeout_seconds: float) -> bool:
        """Return whether there is more beyond a position, or the thread was woken without one."""
        seen = getattr(self._seen, "count", -1)
        with self._condition:
            woken = self._condition.wait_for(
                lambda: self._furthest > after or self._count != seen, timeout_seconds
            )
            self._seen.count = self._count
        return woken


def _moment(recorded_at_us: int) -> datetime:
    return _EPOCH + timedelta(microseconds=recorded_at_us)
