"""Rebuilding a large ledger, and what it costs those who write and read meanwhile."""

import os
import statistics
import subprocess
import sys
import threading
import time
from functools import partial
from pathlib import Path
from uuid import uuid4

from sqlalchemy import select

from interfaces.rebuilding import RebuildRequest, open_sources, run_rebuild
from interfaces.settings import Settings
from projections.database import open_read_models
from projections.projector import Projector
from projections.rebuilding import switch_to
from projections.supplier_capacity import matches_table
from tests.bench.booking import lists, measure
from tests.bench.measuring import Figure, Report, stopwatch
from tests.bench.mixed import seed_mixed
from tests.bench.rebuilding import environment_of, memory, rebuild_once, seed, stock_runner
from tests.bench.stores import Stores

EVENTS = int(os.environ.get("CAPACITY_BENCH_REBUILD_EVENTS", "1000000"))
SAMPLE_EVENTS = 20_000
WINDOW_POSITIONS = 5_000
BOOKINGS = 40_000


def rebuild_all(report: Report, stores: Stores) -> None:
    """Rebuild everything in two processes, beside reading alone and beside our own following."""
    for kind in ("pg", "sqlite"):
        settings = stores.settings(kind)
        seed_mixed(settings, EVENTS)
        ours = partial(_rate, settings)
        report.compare(
            f"rebuild_all_{kind}",
            ours,
            partial(_reading_alone, settings),
            against="reading the same events and nothing else",
            unit="events/s",
            bar=0.3,
            note=f"{EVENTS:,} events",
        )
        report.compare(
            f"rebuild_all_{kind}_upserts",
            ours,
            partial(_following, settings),
            against=f"our own pages and upserts, the last {SAMPLE_EVENTS:,} events",
            unit="events/s",
            bar=8.0,
        )
        if kind == "pg":
            report.compare(
                "rebuild_all_pg_stock",
                ours,
                partial(stock_runner, stores),
                against="stock ProjectionRunner, 2 000 events of bookings alone",
                unit="events/s",
                bar=100.0,
            )
        small = stores.settings(kind)
        seed_mixed(small, EVENTS // 4)
        memory(report, f"rebuild_all_{kind}", settings, small)


def _rate(settings: Settings) -> float:
    return rebuild_once(settings, jobs=2)["rate"]


def _reading_alone(settings: Settings) -> float:
    with open_sources(settings) as sources:
        head = sources.log.head()
        with stopwatch() as elapsed:
            for after in range(0, head, WINDOW_POSITIONS):
                sources.log.page(after, min(after + WINDOW_POSITIONS, head))
            return head / elapsed()


def _following(settings: Settings) -> float:
    """Follow the end of the ledger, onto rows that were built up to there."""
    with open_sources(settings) as sources:
        head = sources.log.head()
    request = RebuildRequest(until=str(head - SAMPLE_EVENTS), switch=False, anew=True)
    run_rebuild(settings, request, lambda *_: None)
    with open_sources(settings) as sources, stopwatch() as elapsed:
        switch_to(sources, (), "next")  # by pages, as following does, and then the switch itself
        Projector(sources.log, sources.engine, sources.projections).catch_up()
        return SAMPLE_EVENTS / elapsed()


def writes_beside_rebuild(report: Report, stores: Stores) -> None:
    """Book in lists with and without a rebuild in another process."""
    for kind in ("pg", "sqlite"):
        settings = stores.settings(kind)
        seed(settings, EVENTS)
        report.compare(
            f"writes_{kind}_beside_rebuild",
            partial(_writes_beside, settings),
            partial(_writes, settings),
            against="the same without a rebuild",
            unit="bookings/s",
            bar=0.6,
        )


def _writes(settings: Settings) -> float:
    callers, size = 4, 100
    work = lists(BOOKINGS // callers // size, size, tag=uuid4().hex)
    return measure(settings, work, callers=callers, bookings=BOOKINGS)


def _writes_beside(settings: Settings) -> float:
    ended = threading.Event()

    def rebuild_again_and_again() -> None:
        while not ended.is_set():
            command = [sys.executable, "-m", "tests.bench.rebuild_once"]
            with subprocess.Popen(
                command,
                env=dict(os.environ) | environment_of(settings),
                stdout=subprocess.DEVNULL,
                cwd=Path(__file__).parents[2],
            ) as process:
                while process.poll() is None and not ended.wait(0.05):
                    pass
                process.kill()

    rebuilding = threading.Thread(target=rebuild_again_and_again)
    rebuilding.start()
    try:
        return _writes(settings)
    finally:
        ended.set()
        rebuilding.join()


def switch_hold(report: Report, stores: Stores) -> None:
    """Read small answers all the time while large tables change places, back and forth."""
    for kind in ("pg", "sqlite"):
        settings = stores.settings(kind)
        seed(settings, 2 * EVENTS)  # two events make one row
        run_rebuild(settings, RebuildRequest(), lambda *_: None)
        idle, held = _slowest_reads_ms(settings, switches=0), _slowest_reads_ms(settings)
        report.add(
            Figure(
                f"switch_{kind}_holds_readers",
                held,
                idle,
                held / 100.0,
                "ms, the slowest read",
                f"the slowest without a switch; the ratio is to 100 ms; {EVENTS:,} rows",
                bar=1.0,
                at_most=True,
            )
        )


def _slowest_reads_ms(settings: Settings, *, switches: int = 3) -> float:
    slowest: list[float] = []
    ended = threading.Event()

    def read() -> None:
        reader = open_read_models(settings.views_url, read_only=True)
        first = select(matches_table.c.booking_id).limit(1)
        while not ended.is_set():
            begun = time.perf_counter()
            with reader.connect() as connection, connection.begin():
                connection.execute(first).all()
            slowest.append(1_000 * (time.perf_counter() - begun))
        reader.dispose()

    if not switches:
        threading.Timer(2.0, ended.set).start()
        read()
        return max(slowest)
    found = []
    for _ in range(switches):
        ended.clear()
        slowest.clear()
        run_rebuild(settings, RebuildRequest(switch=False, anew=True), lambda *_: None)
        reading = threading.Thread(target=read)
        reading.start()
        with open_sources(settings) as sources:
            switch_to(sources, (), "next")
        ended.set()
        reading.join()
        found.append(max(slowest))
    return statistics.median(found)
