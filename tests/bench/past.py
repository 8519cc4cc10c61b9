"""Time travel: a report as of any position of a long ledger, the first time and the second."""

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

from sqlalchemy import Connection, Engine

from interfaces.reading_side import ReadingSide, open_reading_side
from interfaces.settings import Settings
from projections.catalogue import PROJECTIONS
from projections.past import open_past
from projections.past_files import PastFiles, PastLimits
from projections.supplier_capacity import distribution, matches_page
from tests.bench.booking import LINE, SCENARIO
from tests.bench.measuring import Figure, Report, stopwatch
from tests.bench.rebuilding import seed
from tests.bench.stores import Stores

EVENTS = 1_000_000
ASKED_AGAIN = 20


def as_of_report(report: Report, stores: Stores) -> None:
    """Ask a report as of positions that nobody asked about, then again, on both stores."""
    for kind in ("sqlite", "pg"):
        settings = stores.settings(kind)
        seed(settings, EVENTS)
        with open_reading_side(settings) as side:
            _measure(report, kind, settings, side)


def _measure(report: Report, kind: str, settings: Settings, side: ReadingSide) -> None:
    head = side.log.head()
    # The defaults, for the length of ledger that they are made for.
    step = PastLimits().checkpoint_events * EVENTS // 1_000_000
    limits = PastLimits(checkpoint_events=step)
    files = PastFiles(side.log, PROJECTIONS, settings.views_file.parent / "past", limits=limits)
    with stopwatch() as elapsed:
        files.keep_up(head)
        checkpoints_seconds = elapsed()
    size_megabytes = sum(each.stat().st_size for each in files.folder.iterdir()) / 2**20
    # The farthest from any checkpoint, late in the ledger, where a past is largest.
    farthest = (head // step * step - 1 - each for each in count())
    anywhere = (int(head * ((0.618 * each) % 1)) for each in count(1))
    note = f"{len(files.checkpoints())} checkpoints, {size_megabytes:.0f} MB"
    for name, positions in (("worst", farthest), ("anywhere", anywhere)):
        report.compare(
            f"as_of_first_{name}_{kind}",
            _first(files, positions),
            lambda: _rebuild(side),
            against=f"a full rebuild of {head} events",
            unit="s",
            bar=0.25,
            at_most=True,
            note=note,
        )
    side.projector.catch_up()
    engine = open_past(files.at(head - 1))
    report.compare(
        f"as_of_second_{kind}",
        lambda: _asked(engine),
        lambda: _asked(side.engine),
        against="the live question",
        unit="s",
        bar=2.0,
        at_most=True,
    )
    engine.dispose()
    report.add(
        Figure(
            f"as_of_checkpoints_{kind}",
            checkpoints_seconds,
            _rebuild(side),
            size_megabytes,
            "s, and MB",
            "a full rebuild; made once, beside the follower; the ratio is their size",
            rounds=1,
        )
    )


def _first(files: PastFiles, positions: Iterator[int]) -> Callable[[], float]:
    def first() -> float:
        _forget_asked(files.folder)
        position = next(positions)
        with stopwatch() as elapsed:
            engine = open_past(files.at(position))
            with engine.connect() as connection:
                _question(connection)
            seconds = elapsed()
        engine.dispose()
        return seconds

    return first


def _forget_asked(folder: Path) -> None:
    """Remove what was asked before: a past nearby would be a better start than a checkpoint."""
    for each in folder.glob("past-*"):
        each.unlink()


def _asked(engine: Engine) -> float:
    with engine.connect() as connection:
        _question(connection)
        with stopwatch() as elapsed:
            for _ in range(ASKED_AGAIN):
                _question(connection)
            return elapsed() / ASKED_AGAIN


def _question(connection: Connection) -> None:
    assert distribution(connection, line=LINE, scenario=SCENARIO) is not None
    assert matches_page(connection, line=LINE, scenario=SCENARIO, limit=100)


def _rebuild(side: ReadingSide) -> float:
    with stopwatch() as elapsed:
        side.projector.rebuild()
        return elapsed()
