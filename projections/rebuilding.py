"""Rebuilding: the whole history folded to its final rows, which alone are written.

The rules are those of following. What differs is the work: no upserts, no page transactions,
memory to a budget, and one short transaction at the end.
"""

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from typing import IO, Any

import msgspec
from sqlalchemy import Engine, Table
from sqlalchemy.exc import OperationalError

from projections.completeness import Applied, applied
from projections.database import VersionReplaced, place_positions
from projections.folding import Fold, Rulebook
from projections.log import Log
from projections.projection import Key, Projection, Row
from projections.rows import bulk_of

# What a row costs in memory while it is folded, measured on matches with all details (about
# 550 bytes), and rounded up.
ROW_BYTES = 900
WINDOW_POSITIONS = 2_000
# Folded so few at a time that events stay in the processor's cache and die young: twice as fast
# as whole windows.
FOLDED_EVENTS = 200
SPOOLED_ROWS = 1_000
WRITE_ATTEMPTS = 5  # two rebuilds may lock positions in another order; PostgreSQL then ends one
DEFAULT_BUDGET_BYTES = 256 * 2**20

Progress = Callable[[int, int], None]


def rebuild(
    log: Log,
    engine: Engine,
    projections: Sequence[Projection],
    *,
    progress: Progress,
    budget_bytes: int = DEFAULT_BUDGET_BYTES,
) -> int:
    """Make all rows of some projections anew, and return the position up to which they are.

    Raises EventFailed, and then nothing has changed. `progress` gets work done and in all.
    """
    stop = log.head()
    rulebook = Rulebook(projections)
    passes = max(1, -(-log.births(stop) * ROW_BYTES // budget_bytes))
    read = Applied()
    with ExitStack() as open_files:
        spools = {
            table: open_files.enter_context(tempfile.TemporaryFile()) for table in rulebook.tables
        }
        for number in range(passes):
            fold, read = _fold_part(log, rulebook, stop, _Part(number, passes), progress)
            for table, rows in fold.rows.items():
                _spool(spools[table], rows)
        _write(engine, rulebook, stop, read, spools)
    progress(passes * stop, passes * stop)
    return stop


class _Part:
    """One share of all keys. Aggregate ids are shared out in their order, so parts join sorted."""

    def __init__(self, number: int, passes: int) -> None:
        self.number, self.passes = number, passes
        self._first = (number << 64) // passes
        self._end = ((number + 1) << 64) // passes

    def keeps_aggregate(self, originator_id: bytes) -> bool:
        return self._first <= int.from_bytes(originator_id[:8]) < self._end

    def keeps_key(self, key: Key) -> bool:
        return hash(key) % self.passes == self.number


def _fold_part(
    log: Log, rulebook: Rulebook, stop: int, part: _Part, progress: Progress
) -> tuple[Fold, Applied]:
    fold, read = Fold(rulebook.tables), Applied()
    whole = part.passes == 1
    for after in range(0, stop, WINDOW_POSITIONS):
        up_to = min(after + WINDOW_POSITIONS, stop)
        page = log.page(after, up_to)
        read += applied(page)
        for start in range(0, len(page), FOLDED_EVENTS):
            some = page[start : start + FOLDED_EVENTS]
            steps = rulebook.steps(some, None if whole else part.keeps_aggregate)
            fold.run(steps, None if whole else part.keeps_key)
        progress(part.number * stop + up_to, part.passes * stop)
    return fold, read


# Spooling: folded rows wait in a file, so that no table is locked while the next part is folded.


def _spool(spool: IO[bytes], rows: dict[Key, Row | None]) -> None:
    encode = msgspec.msgpack.Encoder().encode
    kept = [rows[key] for key in sorted(rows) if rows[key] is not None]
    for start in range(0, len(kept), SPOOLED_ROWS):
        chunk = encode(kept[start : start + SPOOLED_ROWS])
        spool.write(len(chunk).to_bytes(8))
        spool.write(chunk)


def _spooled(spool: IO[bytes]) -> Iterator[list[tuple[Any, ...]]]:
    decode = msgspec.msgpack.Decoder(list[tuple[Any, ...]]).decode
    spool.seek(0)
    while size := spool.read(8):
        yield decode(spool.read(int.from_bytes(size)))


def _write(
    engine: Engine,
    rulebook: Rulebook,
    stop: int,
    read: Applied,
    spools: Mapping[Table, IO[bytes]],
) -> None:
    for attempt in range(1, WRITE_ATTEMPTS + 1):
        try:
            _write_once(engine, rulebook, stop, read, spools)
            return
        except OperationalError:
            if attempt == WRITE_ATTEMPTS:
                raise


def _write_once(
    engine: Engine,
    rulebook: Rulebook,
    stop: int,
    read: Applied,
    spools: Mapping[Table, IO[bytes]],
) -> None:
    with engine.begin() as connection:
        # First, because it makes followers wait here, and find themselves overtaken afterwards.
        if not place_positions(connection, rulebook.projections, position=stop, applied=read):
            first = rulebook.projections[0]
            raise VersionReplaced(first.name, first.version)
        for table, row_class in rulebook.tables.items():
            bulk = bulk_of(table, row_class, engine.dialect)
            bulk.replace_all(connection, _spooled(spools[table]))


def ignore_progress(done: int, total: int) -> None:
    """Take progress when nobody looks."""
