"""One part of a rebuild: a share of all keys, folded over the whole history and written.

Parts are how memory keeps to its budget, how several processes share the work, and what a
rebuild that was killed need not do again.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from zlib import crc32

import msgspec
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Engine,
    Integer,
    Table,
    Text,
    insert,
    select,
    update,
)

from projections.beside import Copy, bulk_beside, check_copies
from projections.completeness import Applied, applied
from projections.database import BOOKKEEPING, metadata
from projections.folding import Rulebook
from projections.history import History, rare_collections
from projections.left_out import LeftOut
from projections.log import Log
from projections.projection import Key, Projection, Row, Write
from projections.rows import BulkRows
from projections.spools import Spool
from projections.workers import Sources

WINDOW_POSITIONS = 2_000
# Folded so few at a time that events stay in the processor's cache and die young: twice as fast
# as whole windows.
FOLDED_EVENTS = 200
# What a kill costs at most; each checkpoint costs about a tenth of the time between two.
CHECKPOINT_POSITIONS = 500_000
# Between two transactions of so many rows whoever else writes to the file gets a turn.
SQLITE_ROWS_IN_TRANSACTION = 5_000

copy_parts = Table(
    "projection_copy_parts",
    metadata,
    Column("rebuild_id", Text, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("position", BigInteger, nullable=False),  # up to which the spool has it
    Column("spooled_bytes", BigInteger, nullable=False),
    # Counted once: by the part whose share an event is, or by the first if all read everything.
    Column("applied_events", BigInteger, nullable=False),
    Column("applied_digest", BigInteger, nullable=False),
    Column("written", Boolean, nullable=False),
    info=BOOKKEEPING,
)

# How far this part is, in positions.
PartProgress = Callable[[int], object]


class Part:
    """One share of all keys. Aggregate ids are shared out in their order, so parts join sorted."""

    def __init__(self, number: int, parts: int) -> None:
        self.number, self.parts = number, parts
        self.first = ((number << 128) // parts).to_bytes(16)  # the ids of its aggregates
        self.last = (((number + 1) << 128) // parts - 1).to_bytes(16)

    def keeps_aggregate(self, originator_id: bytes) -> bool:
        """Return whether the rows of an aggregate belong here."""
        return self.first <= originator_id <= self.last

    def keeps_key(self, key: Key) -> bool:
        """Return whether a row with another key belongs here; the same in every process."""
        return crc32(msgspec.msgpack.encode(key)) % self.parts == self.number


class PartState(NamedTuple):
    """How far a part has come, as the database knows it."""

    position: int
    spooled_bytes: int
    applied: Applied
    written: bool


class Plan(NamedTuple):
    """What all parts of one rebuild have in common."""

    copies: tuple[Copy, ...]
    left_out: LeftOut
    folder: Path | None  # where spools lie; None: whoever is killed begins anew
    checkpoint_positions: int

    @property
    def rebuild_id(self) -> str:
        """What spools and parts go by."""
        return self.copies[0].rebuild_id

    def spool(self, number: int) -> Spool | None:
        """Return where a part keeps what it has folded."""
        epoch = self.copies[0].epoch
        if self.folder is None:
            return None
        return Spool(self.folder, self.rebuild_id, number, epoch=epoch)

    @property
    def stop(self) -> int:
        """The position up to which everything is folded."""
        return self.copies[0].stop_position

    @property
    def parts(self) -> int:
        """How many parts there are."""
        return self.copies[0].parts


def add_parts(connection: Connection, rebuild_id: str, parts: int) -> None:
    """Enter the parts of a rebuild that begins."""
    begun = {"position": 0, "spooled_bytes": 0, "applied_events": 0, "applied_digest": 0}
    rows = [
        {"rebuild_id": rebuild_id, "number": number, "written": False, **begun}
        for number in range(parts)
    ]
    connection.execute(insert(copy_parts), rows)


def part_states(connection: Connection, rebuild_id: str) -> dict[int, PartState]:
    """Return how far each part is, by its number."""
    columns = copy_parts.c
    found = connection.execute(
        select(copy_parts).where(columns.rebuild_id == rebuild_id).order_by(columns.number)
    )
    return {
        row.number: PartState(
            row.position,
            row.spooled_bytes,
            Applied(row.applied_events, row.applied_digest),
            row.written,
        )
        for row in found
    }


class PartWork:
    """Folds and writes one part, from wherever it was left."""

    def __init__(
        self, log: Log, engine: Engine, projections: Sequence[Projection], plan: Plan, number: int
    ) -> None:
        self._log, self._engine, self._projections, self._plan = log, engine, projections, plan
        self._rulebook = Rulebook(projections)
        self._part = Part(number, plan.parts)
        self._spool = plan.spool(number)
        whole = plan.parts == 1
        self._reads_share = not whole and self._rulebook.is_divisible
        self._history = History(
            self._rulebook,
            plan.left_out,
            notes_touched=self._spool is not None and plan.stop > plan.checkpoint_positions,
            # Where a share is read, it is the database that leaves out all others.
            keeps_aggregate=None if whole or self._reads_share else self._part.keeps_aggregate,
            keeps_key=None if whole else self._part.keeps_key,
        )
        with engine.connect() as connection:
            self._state = part_states(connection, plan.rebuild_id)[number]

    def run(self, progress: PartProgress) -> None:
        """Do what is left. Raises EventFailed and Overtaken."""
        if self._state.written:
            return
        with rare_collections():
            self._load()
            self._fold(progress)
            self._write()
        progress(self._plan.stop)

    def _fold(self, progress: PartProgress) -> None:
        while self._state.position < self._plan.stop:
            up_to = self._next_checkpoint()
            read = self._state.applied + self._fold_between(self._state.position, up_to, progress)
            self._state = self._state._replace(position=up_to, applied=read)
            if up_to < self._plan.stop and self._spool:
                self._checkpoint(self._spool)

    def _next_checkpoint(self) -> int:
        stop, step = self._plan.stop, self._plan.checkpoint_positions
        up_to = self._state.position + step
        return up_to if stop - up_to > step // 2 else stop  # a short rest is not worth one

    def _load(self) -> None:
        if self._spool:
            spooled = self._spool.rows(self._state.spooled_bytes, self._rulebook.tables)
            for table, key, row in spooled:
                self._history.rows[table][key] = row

    def _fold_between(self, after: int, up_to: int, progress: PartProgress) -> Applied:
        read = Applied()
        # A share is so much smaller than what lies between two positions.
        window = WINDOW_POSITIONS * (self._plan.parts if self._reads_share else 1)
        for start in range(after, up_to, window):
            end = min(start + window, up_to)
            if self._reads_share:
                page = self._log.share(start, end, self._part.first, self._part.last)
            else:
                page = self._log.page(start, end)
            if self._reads_share or self._part.number == 0:
                read += applied(page)
            for first in range(0, len(page), FOLDED_EVENTS):
                self._history.run(page[first : first + FOLDED_EVENTS])
            progress(end)
        return read

    def _checkpoint(self, spool: Spool) -> None:
        changed = {
            table: {key: rows[key] for key in self._history.touched[table] if key in rows}
            for table, rows in self._history.rows.items()
        }
        spooled_bytes = spool.add(self._state.spooled_bytes, changed)
        self._state = self._state._replace(spooled_bytes=spooled_bytes)
        with self._engine.begin() as connection:
            self._keep_state(connection)
        self._history.forget_touched()

    def _keep_state(self, connection: Connection) -> None:
        check_copies(connection, self._plan.copies)
        columns, state = copy_parts.c, self._state
        connection.execute(
            update(copy_parts)
            .where(columns.rebuild_id == self._plan.rebuild_id, columns.number == self._part.number)
            .values(
                position=state.position,
                spooled_bytes=state.spooled_bytes,
                applied_events=state.applied.events,
                applied_digest=state.applied.digest,
                written=state.written,
            )
        )

    # Writing: on PostgreSQL a part appears in one transaction. On SQLite that would keep all others
    # from the file, so it is many, and what was written of a part before a kill is written again.

    def _write(self) -> None:
        self._state = self._state._replace(written=True)
        with self._engine.connect() as connection:
            bulk = bulk_beside(connection, self._projections, "next")
        if self._engine.dialect.name == "postgresql":
            with self._engine.begin() as connection:
                for table, rows in self._in_order():
                    bulk[table].append(connection, rows)
                self._keep_state(connection)
        else:
            self._write_in_turns(bulk)
            with self._engine.begin() as connection:
                self._keep_state(connection)

    def _write_in_turns(self, bulk: Mapping[Table, BulkRows]) -> None:
        with writing_in_turns(self._engine, self._plan.copies, bulk) as write:
            for table, rows in self._in_order():
                write(table, rows)

    def _in_order(self) -> Iterator[tuple[Table, list[Row]]]:
        for table, rows in self._history.rows.items():
            kept = [row for key in sorted(rows) if (row := rows[key]) is not None]
            rows.clear()
            yield table, kept


def fold_part(plan: Plan, number: int, sources: Sources, progress: PartProgress) -> None:
    """Fold and write one part; a task for a crew."""
    chosen = sources.chosen([copy.name for copy in plan.copies])
    PartWork(sources.log, sources.engine, chosen, plan, number).run(progress)


@contextmanager
def writing_in_turns(
    engine: Engine, mine: Sequence[Copy], bulk: Mapping[Table, BulkRows]
) -> Iterator[Write]:
    """Lend what writes rows of versions in short transactions. Each raises Overtaken."""
    with engine.connect() as connection, _rare_checkpoints(connection):

        def write(table: Table, rows: Sequence[Row]) -> None:
            for start in range(0, len(rows), SQLITE_ROWS_IN_TRANSACTION):
                with connection.begin():
                    check_copies(connection, mine)
                    some = rows[start : start + SQLITE_ROWS_IN_TRANSACTION]
                    bulk[table].append(connection, some)

        yield write


@contextmanager
def _rare_checkpoints(connection: Connection) -> Iterator[None]:
    """Let SQLite copy pages from its write-ahead log less often: most are written once."""
    for_us, before = (f"PRAGMA wal_autocheckpoint = {pages}" for pages in (20_000, 1_000))
    if connection.dialect.name != "sqlite":
        yield
        return
    driver: Any = connection.connection.driver_connection
    driver.execute(for_us)
    try:
        yield
    finally:
        driver.execute(before)
