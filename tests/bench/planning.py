"""Importing a planning document, against one upsert for each of its week cells."""

import asyncio
import gc
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import date, timedelta
from io import BytesIO

import psycopg

from application.assignments import Planning
from application.ledger import Ledger
from domain.assignments.records import LISTS
from interfaces.planning_sheets import Format, given_records, write_document
from interfaces.service import person_names, store_of, utc_now
from interfaces.settings import Settings
from tests.bench.measuring import (
    Figure,
    Report,
    memory_peak_begun,
    memory_peak_megabytes,
    stopwatch,
)
from tests.bench.stores import Stores
from tests.support.ledgers import command

PEOPLE, ROLES, DEPARTMENTS, PROJECTS = 5_000, 40, 50, 300
ASSIGNMENTS, WEEKS = 30_000, 26
FIRST_WEEK = date(2026, 1, 4)
CELLS_AT_ONCE = 1_000
FORMATS: tuple[Format, ...] = ("json", "csv", "xlsx")
UNPACKED_BYTES = 2**28

_TABLE = """
CREATE TABLE IF NOT EXISTS cells (
    assignment bigint, week text, hours numeric, PRIMARY KEY (assignment, week)
)
"""
_UPSERT = """
INSERT INTO cells VALUES ({0}, {0}, {0})
ON CONFLICT (assignment, week) DO UPDATE SET hours = excluded.hours
"""


def imports(report: Report, stores: Stores) -> None:
    """Take over 780 000 cells on each store, as JSON and as sheets; a quarter for its memory."""
    document, quarter = (planning_seed(ASSIGNMENTS // each, WEEKS) for each in (1, 4))
    for kind in ("pg", "sqlite"):
        theirs = _upserts(stores, kind, document)
        for format_ in FORMATS:
            whole, part = (_file(each, format_) for each in (document, quarter))
            _, megabytes_of_part = _import(stores, kind, quarter, part, format_)
            ours, megabytes = _import(stores, kind, document, whole, format_)
            held = f"the file has {len(whole) >> 20}"
            report.add(
                Figure(
                    name=f"import_780k_{format_}_{kind}",
                    ours=ours,
                    theirs=theirs,
                    ratio=ours / theirs,
                    unit="cells/s",
                    against=f"one upsert a cell, {CELLS_AT_ONCE} in a transaction",
                    rounds=1,
                    note=f"{megabytes} MB more than before, a quarter {megabytes_of_part}; {held}",
                )
            )


def _file(document: bytes, format_: Format) -> bytes:
    """Return the assignments of a document in another format."""
    if format_ == "json":
        return document
    file = BytesIO()
    lists = {key: [] for key in LISTS} | {"assignments": json.loads(document)["assignments"]}
    write_document(file, lists, format_, key="assignments", details=[])
    return file.getvalue()


def planning_seed(assignments: int, weeks: int) -> bytes:
    """Return a planning document of this size."""
    days = [(FIRST_WEEK + timedelta(weeks=each)).isoformat() for each in range(weeks)]
    document = {
        "departments": [{"id": each, "name": f"D{each}"} for each in range(1, DEPARTMENTS + 1)],
        "roles": [{"id": each, "name": f"R{each}"} for each in range(1, ROLES + 1)],
        "people": [
            {
                "id": each,
                "name": f"Person of number {each}",
                "role_id": each % ROLES + 1,
                "department_id": each % DEPARTMENTS + 1,
            }
            for each in range(1, PEOPLE + 1)
        ],
        "projects": [{"id": each, "name": f"P{each}"} for each in range(1, PROJECTS + 1)],
        "assignments": [
            {
                "id": each,
                "person_id": each % PEOPLE + 1,
                "project_id": each % PROJECTS + 1,
                "weekly_hours": {day: (each + place) % 16 / 2 for place, day in enumerate(days)},
            }
            for each in range(1, assignments + 1)
        ],
    }
    return json.dumps(document).encode()


def _import(
    stores: Stores, kind: str, document: bytes, file: bytes, format_: Format
) -> tuple[float, int]:
    """Return how many cells a second were taken over, and how many megabytes it took at most."""
    settings = stores.settings(kind)
    others = json.dumps({**json.loads(document), "assignments": []}).encode()

    async def measured() -> tuple[float, int]:
        ledger = Ledger(store_of(settings), clock=utc_now, limits=settings.limits)
        await ledger.open()
        try:
            planning = Planning(ledger, person_names(settings))
            if format_ != "json":
                await planning.import_document(command(), document=others)
            gc.collect()
            before = memory_peak_begun()
            with stopwatch() as elapsed:
                records = given_records(
                    BytesIO(file), format_, key="assignments", limit_bytes=UNPACKED_BYTES
                )
                done = await planning.import_records(command(), records=records)
                rate = done.result.week_cells / elapsed()
            return rate, memory_peak_megabytes() - before
        finally:
            await ledger.close()

    return asyncio.run(measured())


def _upserts(stores: Stores, kind: str, document: bytes) -> float:
    settings = stores.settings(kind)
    with stopwatch() as elapsed:
        return upserted(settings, list(_cells(document))) / elapsed()


def upserted(settings: Settings, cells: list[tuple[int, str, float]]) -> int:
    """Write hours as somebody would who keeps no history; return how many."""
    return sum(_written(settings, cells))


def _cells(document: bytes) -> Iterator[tuple[int, str, float]]:
    for each in json.loads(document)["assignments"]:
        for week, hours in each["weekly_hours"].items():
            yield each["id"], week, hours


def _written(settings: Settings, cells: list[tuple[int, str, float]]) -> Iterator[int]:
    pages = [cells[at : at + CELLS_AT_ONCE] for at in range(0, len(cells), CELLS_AT_ONCE)]
    if settings.database_url:
        with psycopg.connect(settings.database_url) as server, server.cursor() as cursor:
            cursor.execute(_TABLE.encode())
            for page in pages:
                cursor.executemany(_UPSERT.format("%s").encode(), page)
                server.commit()
                yield len(page)
        return
    with closing(sqlite3.connect(settings.ledger_file.with_suffix(".cells"))) as file:
        file.execute("PRAGMA journal_mode=WAL")
        file.execute(_TABLE)
        for page in pages:
            with file:
                file.executemany(_UPSERT.format("?"), page)
            yield len(page)
