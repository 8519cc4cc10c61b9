"""Pasts of a bare ledger, what they hold, and what stands in their way."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from projections.past import open_past
from projections.past_files import PastFiles, PastLimits
from tests.projections.conftest import PROJECTIONS, BareLedger, Life, positions_of, rows_of
from tests.projections.test_projector import groups, start_over

Rows = dict[str, list[tuple[Any, ...]]]


def pasts(ledger: BareLedger, folder: Path, **limits: int) -> PastFiles:
    return PastFiles(ledger.log, PROJECTIONS, folder, limits=PastLimits(**limits))


def past_rows(files: PastFiles, at: int) -> Rows:
    engine = open_past(files.at(at))
    assert positions_of(engine) == {each.name: at for each in PROJECTIONS}
    found = rows_of(engine)
    engine.dispose()
    return found


class Watched:
    """A log that remembers which pages were read of it."""

    def __init__(self, log: Any) -> None:
        self._log = log
        self.pages: list[tuple[int, int]] = []

    def page(self, after: int, up_to: int) -> Any:
        self.pages.append((after, up_to))
        return self._log.page(after, up_to)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._log, name)


def lived(
    ledger: BareLedger, engine: Engine, wanted: list[tuple[str, str, str]]
) -> dict[int, Rows]:
    """Append a history, and return what the live read side showed at each position."""
    ledger.erase()
    start_over(engine)
    projector = ledger.projector(engine)
    shown = {0: rows_of(engine)}
    for group in groups(wanted):
        ledger.append(group)
        at = projector.catch_up()
        shown[at] = rows_of(engine)
    return shown


def booked(ledger: BareLedger, life: Life, many: int) -> int:
    ledger.append(life.open())
    return [ledger.append(life.book(f"R-{each}", "ACME")) for each in range(many)][-1]


@contextmanager
def small_disk(limit_bytes: int) -> Iterator[None]:
    """Let no file of this process grow beyond a limit, as on a disk that is nearly full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
