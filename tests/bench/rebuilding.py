"""Rebuilding: the supplier projections over half a million booking events, on both stores."""

import asyncio
import json
import os
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

from eventsourcing.application import Application
from eventsourcing.domain import Aggregate
from eventsourcing.persistence import Tracking
from eventsourcing.postgres import PostgresDatastore, PostgresTrackingRecorder
from eventsourcing.projection import Projection, ProjectionRunner
from eventsourcing.utils import get_topic
from psycopg.sql import SQL, Identifier

from application.ledger.reader import SqliteLog
from application.suppliers import Match, Suppliers
from interfaces.settings import Settings
from projections.catalogue import PROJECTIONS
from projections.database import create_tables, open_read_models, projection_positions
from projections.folding import Fold, Rulebook
from projections.rows import bulk_of
from tests.bench.booking import LINE, SCENARIO, command, open_ledger, open_scenario
from tests.bench.measuring import Figure, Report, stopwatch
from tests.bench.stock import StockBooking, StockBookings, StockCapacity, booking
from tests.bench.stores import Stores

SUPPLIERS = 2_000
EVENTS = 500_000
SAMPLE_EVENTS = 2_000


def rebuilds(report: Report, stores: Stores) -> None:
    """Rebuild on both stores, against one event per transaction, and watch the memory."""
    for kind, theirs, against, bar in (
        ("pg", partial(stock_runner, stores), "stock ProjectionRunner, 2 000 events", 60.0),
        ("sqlite", partial(_one_by_one, stores), "one event per transaction, 2 000 events", 20.0),
    ):
        settings = stores.settings(kind)
        seed(settings, EVENTS)
        report.compare(
            f"rebuild_{kind}",
            partial(_rate, settings),
            theirs,
            against=against,
            unit="events/s",
            bar=bar,
        )
        small = stores.settings(kind)
        seed(small, EVENTS // 4)
        memory(report, f"rebuild_{kind}", settings, small)


def memory(report: Report, name: str, large: Settings, small: Settings) -> None:
    """Rebuild a ledger, and one of a quarter of its events, and tell the memory of both."""
    ours, theirs = (rebuild_once(each)["memory_mb"] for each in (large, small))
    report.add(
        Figure(
            f"{name}_memory",
            ours,
            theirs,
            ours / (large.rebuild_budget_bytes / 2**20),
            "MB over the start",
            "a quarter of the events; the ratio is to the stated budget",
            rounds=1,
            bar=1.0,
            at_most=True,
        )
    )


def seed(
    settings: Settings, events: int, *, suppliers: int = SUPPLIERS, at_once: int = 1_000
) -> None:
    """Fill a ledger with bookings, two events each, spread over the suppliers."""

    async def fill() -> None:
        ledger = await open_ledger(settings)
        try:
            use_cases = Suppliers(ledger)
            await open_scenario(use_cases, count=suppliers)
            for begin in range(0, events // 2, at_once):
                matches = [
                    Match(f"R{each}", f"S{each % suppliers}")
                    for each in range(begin, begin + at_once)
                ]
                await use_cases.book_all(command(), line=LINE, scenario=SCENARIO, matches=matches)
        finally:
            await ledger.close()

    asyncio.run(fill())


def _rate(settings: Settings) -> float:
    return rebuild_once(settings)["rate"]


def rebuild_once(settings: Settings, *, jobs: int = 1) -> dict[str, float]:
    """Rebuild in a process of its own, so that its memory is its own."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.rebuild_once", str(jobs)],
        env=dict(os.environ) | environment_of(settings),
        check=True,
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    found: dict[str, float] = json.loads(done.stdout)
    return found


def environment_of(settings: Settings) -> dict[str, str]:
    """Return the variables by which a process of its own finds the same ledger."""
    return {
        "CAPACITY_DATABASE_URL": settings.database_url,
        "CAPACITY_LEDGER_FILE": str(settings.ledger_file),
        "CAPACITY_VIEWS_FILE": str(settings.views_file),
        "CAPACITY_DATA_DIR": str(settings.data_dir),
    }


# The other sides.


class StockView(PostgresTrackingRecorder):
    """A view as the library's manual shows it: one row changed and one position, per event."""

    def __init__(self, datastore: PostgresDatastore, **options: Any) -> None:
        super().__init__(datastore, **options)
        self.check_identifier_length("stock_view")
        self.sql_create_statements.append(
            SQL(
                "CREATE TABLE IF NOT EXISTS {0}.stock_view "
                "(id uuid PRIMARY KEY, supplier text, used bigint NOT NULL)"
            ).format(Identifier(self.datastore.schema))
        )

    def add(self, aggregate_id: UUID, supplier: str, used: int, tracking: Tracking) -> None:
        with self.datastore.transaction(commit=True) as cursor:
            cursor.execute(
                "INSERT INTO stock_view VALUES (%s, %s, %s) ON CONFLICT (id) DO UPDATE "
                "SET used = stock_view.used + excluded.used",
                (aggregate_id, supplier, used),
            )
            self._insert_tracking(cursor, tracking)


class StockProjection(Projection[StockView]):
    """The supplier projection's work, event by event."""

    name = "stock"
    topics = (
        get_topic(StockCapacity.Opened),  # type: ignore[attr-defined] # made by the decorator
        get_topic(StockCapacity.SlotBooked),  # type: ignore[attr-defined] # made by the decorator
        get_topic(StockBooking.Booked),  # type: ignore[attr-defined] # made by the decorator
    )

    def process_event(self, domain_event: Aggregate.Event, tracking: Tracking) -> None:
        supplier = getattr(domain_event, "supplier", "")
        used = 0 if hasattr(domain_event, "capacity_slots") else 1
        self.view.add(domain_event.originator_id, supplier, used, tracking)


def stock_runner(stores: Stores) -> float:
    """Let the library's own runner apply some events to rows on PostgreSQL; return events/s."""
    environment = stores.stock_environment("pg")
    with StockBookings(env=environment) as application:
        capacities = application.open(SUPPLIERS // 20)
        begin = application.recorder.max_notification_id() or 0
        for each in range(SAMPLE_EVENTS // 2):
            capacity = capacities[each % len(capacities)]
            held = booking(capacity.supplier, f"R{each}")
            capacity.book_slot(held.id, held.registration_id, "bench", "measuring")
            application.save(capacity, held)
        end = application.recorder.max_notification_id() or 0
    with stopwatch() as elapsed:
        with ProjectionRunner(
            application_class=_application_class(),
            projection_class=StockProjection,
            view_class=StockView,
            env=environment,
        ) as runner:
            runner.wait(end, timeout=120)
        return (end - begin) / elapsed()


def _application_class() -> type[Application[UUID]]:
    return StockBookings


def _one_by_one(stores: Stores) -> float:
    """Apply our own rules to SQLite: begin, rule, row, position, commit; for each event anew."""
    settings = stores.settings("sqlite")
    seed(settings, SAMPLE_EVENTS, suppliers=SUPPLIERS // 20, at_once=1)
    log = SqliteLog(settings.ledger_file)
    engine = open_read_models(settings.views_url)
    create_tables(engine, PROJECTIONS)
    rulebook = Rulebook(PROJECTIONS)
    rows_of = {
        table: bulk_of(table, row_class, engine.dialect)
        for table, row_class in rulebook.tables.items()
    }
    try:
        with stopwatch() as elapsed:
            steps = rulebook.steps(log.page(0, log.head()))
            for step in steps:
                fold = Fold(rulebook.tables)
                with engine.begin() as connection:
                    for table, keys in fold.wanted([step]).items():
                        fold.rows[table] = rows_of[table].load(connection, keys)
                    fold.run([step])
                    for table, rows in fold.rows.items():
                        rows_of[table].write(connection, rows)
                    connection.execute(projection_positions.update().values(position=step[0]))
            return len(steps) / elapsed()
    finally:
        log.close()
        engine.dispose()
