"""A large ledger of mixed contexts: bookings by the thousand among changes of a plan's hours."""

import asyncio
from datetime import timedelta

from application.assignments import HoursChange, Planning
from application.ledger import Ledger
from application.suppliers import Match, Suppliers
from interfaces.service import person_names
from interfaces.settings import Settings
from tests.bench.booking import LINE, SCENARIO, command, open_ledger, open_scenario
from tests.bench.planning import FIRST_WEEK, planning_seed

SUPPLIERS = 2_000
WEEKS = 26
BOOKED_AT_ONCE = 1_000
CHANGED_AT_ONCE = 500  # beside so many bookings, which are two events each: a fifth of all events
EVENTS_FOR_AN_ASSIGNMENT = 33  # a million events are about 30 000 assignments


def seed_mixed(settings: Settings, events: int) -> None:
    """Fill a ledger with about so many events: four fifths bookings, the rest hours of a plan.

    A change of hours has 26 weeks, all of them new; every assignment is changed in turn.
    """

    async def fill() -> None:
        ledger = await open_ledger(settings)
        try:
            await _fill(ledger, Planning(ledger, person_names(settings)), events)
        finally:
            await ledger.close()

    asyncio.run(fill())


async def _fill(ledger: Ledger, planning: Planning, events: int) -> None:
    suppliers, assignments = Suppliers(ledger), events // EVENTS_FOR_AN_ASSIGNMENT
    await open_scenario(suppliers, count=SUPPLIERS)
    await planning.import_document(command(), document=planning_seed(assignments, WEEKS))
    left = events - SUPPLIERS - 2 * assignments
    for turn in range(left // (2 * BOOKED_AT_ONCE + CHANGED_AT_ONCE)):
        first = turn * BOOKED_AT_ONCE
        matches = [
            Match(f"R{each}", f"S{each % SUPPLIERS}")
            for each in range(first, first + BOOKED_AT_ONCE)
        ]
        await suppliers.book_all(command(), line=LINE, scenario=SCENARIO, matches=matches)
        first = turn * CHANGED_AT_ONCE
        changes = [_change(each, assignments) for each in range(first, first + CHANGED_AT_ONCE)]
        await planning.change_all_hours(command(), changes=changes)


def _change(number: int, assignments: int) -> HoursChange:
    """Return a change of all weeks of one assignment, other than what it had before."""
    time, which = divmod(number, assignments)
    units = {
        (FIRST_WEEK + timedelta(weeks=each)).isoformat(): ((which + each + time + 1) % 16) * 5_000
        for each in range(WEEKS)
    }
    return HoursChange(which + 1, units)
