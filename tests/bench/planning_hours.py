"""Changing hours in bulk until all read models show it, against one upsert for each cell."""

import asyncio
import json
from collections.abc import Callable
from datetime import timedelta

from application.assignments import HoursChange, Planning
from application.ledger import Ledger
from domain.assignments.weeks import UNITS_PER_HOUR
from interfaces.reading_side import open_reading_side
from interfaces.service import person_names, store_of, utc_now
from interfaces.settings import Settings
from projections.catalogue import PROJECTIONS
from projections.rebuilding import rebuild_here
from tests.bench.measuring import Report, stopwatch
from tests.bench.planning import CELLS_AT_ONCE, FIRST_WEEK, planning_seed, upserted
from tests.bench.stores import Stores
from tests.support.ledgers import command

ASSIGNMENTS, WEEKS_EACH = 5_000, 26
WEEKS_CHANGED = 4
CHANGES_AT_ONCE = 1_000


def hours_write(report: Report, stores: Stores) -> None:
    """Change some weeks of every assignment, a thousand assignments to a command."""
    document = planning_seed(ASSIGNMENTS, WEEKS_EACH)
    for kind in ("pg", "sqlite"):
        ours, theirs = stores.settings(kind), stores.settings(kind)
        seed(ours, document)
        cells = [
            (each["id"], week, hours)
            for each in json.loads(document)["assignments"]
            for week, hours in each["weekly_hours"].items()
        ]
        upserted(theirs, cells)
        turn = _turns()
        report.compare(
            f"hours_write_{kind}",
            lambda settings=ours, turn=turn: _changed(settings, turn()),  # type: ignore[misc] # bound now
            lambda settings=theirs, turn=turn: _upserts(settings, turn()),  # type: ignore[misc] # bound now
            against=f"one upsert a cell, {CELLS_AT_ONCE} at once: no history, no report",
            unit="cells/s",
            note=f"{WEEKS_CHANGED} of {WEEKS_EACH} weeks of {ASSIGNMENTS} assignments",
        )


def _turns() -> Callable[[], int]:
    numbers = iter(range(1, 1_000_000))
    return lambda: next(numbers)


def _units(assignment: int, turn: int) -> dict[str, int]:
    weeks = [(FIRST_WEEK + timedelta(weeks=each)).isoformat() for each in range(WEEKS_CHANGED)]
    # Never what it was the time before, so that every cell is a change.
    hours = {week: (assignment + place) % 7 + 1 for place, week in enumerate(weeks)}
    return {week: each * UNITS_PER_HOUR + turn for week, each in hours.items()}


def seed(settings: Settings, document: bytes) -> None:
    """Import a document, and make the read models of it."""

    async def imported() -> None:
        ledger = Ledger(store_of(settings), clock=utc_now, limits=settings.limits)
        await ledger.open()
        planning = Planning(ledger, person_names(settings))
        await planning.import_document(command(), document=document)
        await ledger.close()

    asyncio.run(imported())
    with open_reading_side(settings) as side:
        rebuild_here(side.log, side.engine, PROJECTIONS)
        side.projector.catch_up()


def _changed(settings: Settings, turn: int) -> float:
    changes = [HoursChange(number, _units(number, turn)) for number in range(1, ASSIGNMENTS + 1)]

    async def written() -> None:
        ledger = Ledger(store_of(settings), clock=utc_now, limits=settings.limits)
        await ledger.open()
        planning = Planning(ledger, person_names(settings))
        for at in range(0, len(changes), CHANGES_AT_ONCE):
            some = changes[at : at + CHANGES_AT_ONCE]
            done = (await planning.change_all_hours(command(), changes=some)).result
            assert all(each.status == "ok" for each in done), "every cell is a change"
        await ledger.close()

    with open_reading_side(settings) as side, stopwatch() as elapsed:
        asyncio.run(written())
        side.projector.catch_up()
        return len(changes) * WEEKS_CHANGED / elapsed()


def _upserts(settings: Settings, turn: int) -> float:
    cells = [
        (number, week, units / 10_000)
        for number in range(1, ASSIGNMENTS + 1)
        for week, units in _units(number, turn).items()
    ]
    with stopwatch() as elapsed:
        return upserted(settings, cells) / elapsed()
