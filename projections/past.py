"""A past: the whole read side as it stood at one position, in an SQLite file of its own.

Current rows are never filtered as if they were history: a past is folded from the events up to
its position by the rules that the projector follows, on top of an earlier past where there is
one. A file is written under another name first, so that under its own it is always whole.
"""

import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, nullcontext, suppress
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote
from uuid import uuid4

from sqlalchemy import Connection, Engine, QueuePool, create_engine, event, select
from sqlalchemy.exc import DBAPIError

from projections.careful import CarefulPage, blames_the_events
from projections.completeness import Applied, applied
from projections.database import create_tables, place_positions, projection_positions
from projections.deriving import Stored, copied, derive
from projections.folding import EventFailed, Fold, Rulebook
from projections.log import LogRow, PastLog
from projections.page_writes import page_writes_of
from projections.parking import Blocked, ParkedEvent, park, parked_of
from projections.projection import Projection

# Folded and written at once: enough that each row is written rarely, few enough that the event loop
# beside it gets its turn (20 000 were no faster, and let it wait twice as long).
WINDOW_POSITIONS = 5_000
# Beyond so many events from nothing, indexes are cheaper to make at the end.
_INDEXES_LAST_EVENTS = 20_000
_CACHE_KILOBYTES = 64 * 1024

# Gets the position reached, and the one to be reached.
Progress = Callable[[int, int], None]


class PastFailed(RuntimeError):
    """A past could not be made; what was there before still is, and nothing else."""

    def __init__(self, position: int, path: Path, why: str) -> None:
        self.position, self.path, self.why = position, path, why
        super().__init__(f"The past at position {position} cannot be made in {path}: {why}")


class Mark(NamedTuple):
    """What a past says of itself: whose rules made it, and which events it has seen."""

    fingerprint: str
    position: int
    last_position: int  # of the last event at or before `position`; 0 if there is none
    last_sha256: str


def fingerprint_of(projections: Sequence[Projection]) -> str:
    """Return what tells the rows of these projections from those of other versions."""
    told = [
        (each.name, each.version, table.name, [repr(column) for column in table.columns])
        for each in sorted(projections, key=lambda each: each.name)
        for table in each.rows
    ]
    return sha256(repr(told).encode()).hexdigest()[:16]


# Reading.


def open_past(path: Path) -> Engine:
    """Return an engine that reads a finished past, and can never change it."""
    return create_engine(
        "sqlite://", creator=lambda: _read_only(path), poolclass=QueuePool, pool_size=2
    )


def read_mark(path: Path) -> Mark | None:
    """Return what a past says of itself; None if the file is no past, or damaged."""
    sql = f"SELECT {_MARK_COLUMNS} FROM past_mark"  # noqa: S608 - our own names
    try:
        with closing(_read_only(path)) as connection:
            row = connection.execute(sql).fetchone()
    except sqlite3.Error:
        return None
    return None if row is None else Mark(*row)


def _read_only(path: Path) -> sqlite3.Connection:
    address = f"file:{quote(str(path.absolute()))}?mode=ro&immutable=1"
    return sqlite3.connect(address, uri=True, check_same_thread=False)


def mark_at(log: PastLog, fingerprint: str, position: int) -> Mark:
    """Return the mark that a past of this ledger bears, and no past of another."""
    last = log.last_event(position)
    if last is None:
        return Mark(fingerprint, position, 0, "")
    return Mark(fingerprint, position, last[0], _digest(last))


def _digest(row: LogRow) -> str:
    # Every event holds a random command id, so no two ledgers have the same one anywhere.
    _, originator_id, version, topic, state = row
    return sha256(originator_id + f"{version} {topic} ".encode() + state).hexdigest()


# Making.


def make_past(
    log: PastLog,
    projections: Sequence[Projection],
    path: Path,
    *,
    position: int,
    base: Path | None = None,
    base_position: int = 0,
    progress: Progress = lambda done, total: None,
) -> None:
    """Write the past at a position, on top of an earlier one if it is given. Raises PastFailed."""
    mark = mark_at(log, fingerprint_of(projections), position)
    with written_beside(path, position) as beside:
        for careful in (False, True):
            beside.unlink(missing_ok=True)
            if base is not None:
                shutil.copyfile(base, beside)
            with _writing(beside, can_undo=careful) as engine:
                try:
                    maker = _Maker(log, engine, projections, progress, careful=careful)
                    return maker.run(base_position, mark)
                except Exception as error:
                    if careful or not _is_of_the_events(error):
                        raise


@contextmanager
def written_beside(path: Path, position: int) -> Iterator[Path]:
    """Yield a name to write under; at the end it gets the path's own. Raises PastFailed."""
    beside = path.with_name(f".{path.name}.{os.getpid()}-{uuid4().hex}.tmp")
    try:
        yield beside
        _sync(beside)
        beside.replace(path)
    except (OSError, sqlite3.Error, DBAPIError, EventFailed) as error:
        why = str(error.orig if isinstance(error, DBAPIError) else error)
        raise PastFailed(position, path.parent, " ".join(why.split())) from error
    finally:
        for suffix in ("", "-journal"):
            with suppress(OSError):
                beside.with_name(beside.name + suffix).unlink()


@contextmanager
def _writing(path: Path, *, can_undo: bool) -> Iterator[Engine]:
    engine = create_engine(f"sqlite:///{path}")
    # A file that is thrown away when anything fails needs no journal, unless parts may be undone.
    journal = "journal_mode = MEMORY" if can_undo else "journal_mode = OFF"

    @event.listens_for(engine, "connect")
    def _connected(connection: Any, _: Any) -> None:
        connection.isolation_level = None
        for setting in (journal, "synchronous = OFF", "locking_mode = EXCLUSIVE"):
            connection.execute(f"PRAGMA {setting}")
        connection.execute(f"PRAGMA cache_size = -{_CACHE_KILOBYTES}")

    @event.listens_for(engine, "begin")
    def _begun(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    try:
        yield engine
    finally:
        engine.dispose()


def _sync(path: Path) -> None:
    """Let the bytes reach the disk before the name does; a power failure leaves no half past."""
    with path.open("rb") as file:
        os.fsync(file.fileno())


class _CareNeeded(Exception):
    """Events wait for one that could not be applied, so each must be looked at by itself."""


def _is_of_the_events(error: Exception) -> bool:
    return isinstance(error, EventFailed | _CareNeeded) or blames_the_events(error)


class _Maker:
    """Folds the events between two positions into the file.

    What cannot be applied is parked there, as the projector parks it, if the maker is careful.
    """

    def __init__(
        self,
        log: PastLog,
        engine: Engine,
        projections: Sequence[Projection],
        progress: Progress,
        *,
        careful: bool,
    ) -> None:
        self._log, self._engine, self._progress = log, engine, progress
        self._rulebook = Rulebook(projections)
        self._writes = page_writes_of(engine, projections)
        self._careful, self._blocked = careful, Blocked()
        self._parked: list[ParkedEvent] = []

    def run(self, after: int, mark: Mark) -> None:
        projections = self._rulebook.projections
        create_tables(self._engine, projections)
        self._begin()
        seen = self._seen()
        indexes_last = after == 0 and mark.position > _INDEXES_LAST_EVENTS
        if indexes_last:
            self._indexes("drop")
        for start in range(after, mark.position, WINDOW_POSITIONS):
            end = min(start + WINDOW_POSITIONS, mark.position)
            page = self._log.page(start, end)
            with self._engine.begin() as connection:
                self._fold(connection, page)
            seen += applied(page)
            self._progress(end, mark.position)
        if indexes_last:
            self._indexes("create")
        with self._engine.begin() as connection:
            place_positions(connection, projections, position=mark.position, applied=seen)
            park(connection, self._parked)
            _write_mark(connection, mark)

    def _seen(self) -> Applied:
        """Return what the earlier past has read of the log; all projections have read the same."""
        columns = projection_positions.c
        with self._engine.begin() as connection:
            found = connection.execute(select(columns.applied_events, columns.applied_digest))
            return Applied(*next(iter(found), (0, 0)))

    def _begin(self) -> None:
        """Take over what waits in the earlier past. Raises _CareNeeded."""
        with self._engine.begin() as connection:
            names = [each.name for each in self._rulebook.projections]
            self._parked = parked_of(connection, names)
        if self._parked and not self._careful:
            raise _CareNeeded
        self._blocked = Blocked(self._parked)

    def _fold(self, connection: Connection, page: list[LogRow]) -> None:
        if not self._blocked:
            try:
                return self._fold_whole(connection, page)
            except Exception as error:
                if not (self._careful and _is_of_the_events(error)):
                    raise
        careful = CarefulPage(connection, self._writes, self._rulebook, self._blocked)
        careful.run(page)
        self._parked += careful.parked
        self._blocked = careful.blocked

    def _fold_whole(self, connection: Connection, page: list[LogRow]) -> None:
        steps = self._rulebook.steps(page)
        fold = Fold(self._rulebook.tables)
        fold.rows.update(self._writes.load_in(connection, fold.wanted(steps)))
        before = copied(self._rulebook.projections, fold.rows)
        fold.run(steps)
        stored = Stored(connection, self._writes.bulk)
        derive(self._rulebook.projections, before, fold.rows, stored)
        # In the order of the keys, so that neighbours are written together.
        ordered = {
            table: {key: rows[key] for key in sorted(rows)} for table, rows in fold.rows.items()
        }
        with connection.begin_nested() if self._careful else nullcontext():
            self._writes.write_in(connection, ordered)

    def _indexes(self, change: str) -> None:
        with self._engine.begin() as connection:
            for table in self._rulebook.tables:
                for index in sorted(table.indexes, key=lambda index: str(index.name)):
                    getattr(index, change)(connection, checkfirst=True)


_MARK_COLUMNS = ", ".join(Mark._fields)


def _write_mark(connection: Connection, mark: Mark) -> None:
    connection.exec_driver_sql("DROP TABLE IF EXISTS past_mark")
    connection.exec_driver_sql(f"CREATE TABLE past_mark ({_MARK_COLUMNS})")
    sql = f"INSERT INTO past_mark ({_MARK_COLUMNS}) VALUES (?, ?, ?, ?)"  # noqa: S608 - our own names
    connection.exec_driver_sql(sql, tuple(mark))
