"""Appending: single bookings, hot suppliers and lists, against the library and against raw SQL."""

import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import psycopg

from application.ledger.sqlite_appends import connect
from application.suppliers import Suppliers
from tests.bench.booking import book, lists, measure, singles
from tests.bench.measuring import Figure, Report, stopwatch
from tests.bench.stock import stock_bookings_per_second
from tests.bench.stores import Stores
from tests.support.postgres import server_programs

STATE = b"x" * 330  # what one of our events takes


def append_pg(report: Report, stores: Stores) -> None:
    """Single bookings on PostgreSQL, acknowledged when durable."""
    ours = partial(_ours, stores, "pg")
    stock = partial(_stock, stores, "pg", callers=8, each=150)
    eight = report.compare("append_pg_8", ours, stock, against="stock library, 8 threads", bar=8)
    report.compare(
        "append_pg_8_raw", ours, partial(raw_pg, stores, 8), against="raw INSERT + COMMIT x 8"
    )
    report.add(_beside("append_pg_8_pgbench", eight, _pgbench(stores), "pgbench, 8 clients"))
    report.compare(
        "append_pg_8_key",
        partial(_ours, stores, "pg", keyed=True),
        ours,
        against="append_pg_8",
        bar=0.8,
    )
    report.compare(
        "append_pg_32",
        partial(_ours, stores, "pg", callers=32, each=400),
        stock,
        against="stock library, 8 threads",
        bar=15,
    )
    report.compare(
        "append_pg_8_hot",
        partial(_ours, stores, "pg", hot=True, each=625),
        ours,
        against="append_pg_8",
        bar=0.5,
        note="one supplier, its stream grows to 5 000 events",
    )
    report.compare(
        "append_pg_8_hot_grown",
        partial(_grown, stores),
        partial(_ours, stores, "pg", hot=True, each=100),
        against="the same at an empty stream",
        bar=0.8,
    )
    report.compare(
        "batch_pg",
        partial(_lists, stores, "pg"),
        partial(raw_pg, stores, 8),
        against="raw INSERT + COMMIT x 8",
        bar=6,
    )


def append_sqlite(report: Report, stores: Stores) -> None:
    """Single bookings and lists on SQLite, synchronous=FULL."""
    report.compare(
        "append_sqlite_8",
        partial(_ours, stores, "sqlite"),
        partial(_stock, stores, "sqlite", callers=8, each=300),
        against="stock library, 8 threads",
        bar=5,
    )
    report.compare(
        "batch_sqlite",
        partial(_lists, stores, "sqlite"),
        partial(raw_sqlite, stores),
        against="raw INSERT + COMMIT",
        bar=6,
    )


def _ours(
    stores: Stores,
    kind: str,
    *,
    callers: int = 8,
    each: int = 1_000,
    keyed: bool = False,
    hot: bool = False,
) -> float:
    work = singles(each, keyed=keyed, hot=hot)
    return measure(stores.settings(kind), work, callers=callers, bookings=callers * each)


def _grown(stores: Stores) -> float:
    """Book on one supplier whose stream holds 5 000 events already, in a fresh process's ledger."""
    settings = stores.settings("pg")
    measure(settings, singles(625, hot=True), callers=8, bookings=5_000)

    async def more(suppliers: Suppliers, number: int) -> None:
        for count in range(100):
            await book(suppliers, 0, f"G{number}-{count}")

    return measure(settings, more, callers=8, bookings=800)


def _lists(stores: Stores, kind: str) -> float:
    return measure(stores.settings(kind), lists(25), callers=8, bookings=8 * 25 * 100)


def _stock(stores: Stores, kind: str, *, callers: int, each: int) -> float:
    return stock_bookings_per_second(stores.stock_environment(kind), callers=callers, each=each)


def raw_pg(stores: Stores, callers: int, each: int = 400) -> float:
    """Return bookings per second by psycopg: one INSERT of both events, and COMMIT."""
    url = stores.settings("pg").database_url
    sql = (
        "INSERT INTO stored_events (originator_id, originator_version, topic, state)"
        " VALUES (%s, 1, 'suppliers.slot_booked', %s), (%s, 1, 'suppliers.booked', %s)"
    )

    def caller(connection: psycopg.Connection[tuple[object, ...]]) -> None:
        for _ in range(each):
            connection.execute(sql, (uuid4(), STATE, uuid4(), STATE), prepare=True)
            connection.commit()

    connections = [psycopg.connect(url) for _ in range(callers)]
    try:
        with stopwatch() as elapsed, ThreadPoolExecutor(callers) as threads:
            list(threads.map(caller, connections))
            return callers * each / elapsed()
    finally:
        for connection in connections:
            connection.close()


def raw_sqlite(stores: Stores, each: int = 3_000) -> float:
    """Return bookings per second by the driver: one INSERT of both events, and its commit."""
    connection = connect(stores.settings("sqlite").ledger_file)
    try:
        with stopwatch() as elapsed:
            for _ in range(each):
                connection.execute(
                    "INSERT INTO stored_events (originator_id, originator_version, topic, state)"
                    " VALUES (?, 1, 'suppliers.slot_booked', ?), (?, 1, 'suppliers.booked', ?)",
                    (uuid4().hex, STATE, uuid4().hex, STATE),
                )
            return each / elapsed()
    finally:
        connection.close()


def _pgbench(stores: Stores) -> float:
    """Return bookings per second by pgbench with 8 clients: one INSERT of both events."""
    url = stores.settings("pg").database_url
    parts = urlsplit(url)
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "insert.sql"
        script.write_text(
            "INSERT INTO stored_events (originator_id, originator_version, topic, state)"
            f" VALUES (gen_random_uuid(), 1, 'suppliers.slot_booked', '{STATE.decode()}'),"
            f" (gen_random_uuid(), 1, 'suppliers.booked', '{STATE.decode()}');\n"
        )
        done = subprocess.run(
            [
                *(server_programs() / "pgbench", "-n", "-M", "prepared", "-c", "8", "-j", "2"),
                *("-T", "4", "-f", script, "-h", parse_qs(parts.query)["host"][0]),
                *("-U", "postgres", parts.path.removeprefix("/")),
            ],
            check=True,
            capture_output=True,
            text=True,
        )
    line = next(each for each in done.stdout.splitlines() if each.startswith("tps"))
    return float(line.split()[2])


def _beside(name: str, ours: Figure, theirs: float, against: str) -> Figure:
    return Figure(name, ours.ours, theirs, ours.ours / theirs, "/s", against, rounds=1)
