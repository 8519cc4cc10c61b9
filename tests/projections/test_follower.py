"""The pace of following: a lone write is shown at once, many in a row share a page."""

import asyncio

import pytest

from projections.projector import Projector
from tests.projections.conftest import BareLedger, Life

TIMEOUT_SECONDS = 30.0
ENDLESS_SECONDS = 3_600.0  # a pause that no test outlives


def passed(projector: Projector, position: int) -> bool:
    return asyncio.run(projector.passed(position, timeout_seconds=TIMEOUT_SECONDS))


def pages_of_four_writes(ledger: BareLedger, life: Life, pause_seconds: float) -> list[int]:
    """Return where each page ended; the last two writes come while the second is fresh."""
    projector = ledger.projector(live_pause_seconds=pause_seconds)
    pages: list[int] = []
    projector.on_applied.append(lambda position, _: pages.append(position))
    projector.start()
    written = [ledger.append(life.open())]
    for number in range(3):
        if number < 2 or not pause_seconds:
            ledger.log.wake()
            assert passed(projector, written[-1])
        written.append(ledger.append(life.book(f"R-{number}", "ACME")))
    projector.hurry(written[-1])
    ledger.log.wake()
    assert passed(projector, written[-1])
    projector.stop()
    return [written.index(page) for page in pages]


def test_writes_that_follow_each_other_closely_share_a_page(ledger: BareLedger, life: Life) -> None:
    assert pages_of_four_writes(ledger, life, ENDLESS_SECONDS) == [0, 1, 3]


def test_without_a_pause_each_has_a_page_of_its_own(ledger: BareLedger, life: Life) -> None:
    assert pages_of_four_writes(ledger, life, 0) == [0, 1, 2, 3]


@pytest.mark.parametrize("page_events", [16, 20])
def test_who_catches_up_with_a_ledger_that_stands_still_takes_no_breath(
    ledger: BareLedger, life: Life, page_events: int
) -> None:
    ledger.append(life.open())
    for number in range(60):
        ledger.append(life.book(f"R-{number}", "ACME"))
    head = ledger.log.head()
    projector = ledger.projector(live_page_events=page_events, live_pause_seconds=ENDLESS_SECONDS)
    projector.start()
    assert passed(projector, head)
    projector.stop()


def test_who_waits_is_not_kept_by_a_breath(ledger: BareLedger, life: Life) -> None:
    """Two breaths lie before what is waited for, and both are left out."""
    ledger.append(life.open())
    for number in range(40):
        ledger.append(life.book(f"R-{number}", "ACME"))
    head = ledger.log.head()
    projector = ledger.projector(live_page_events=30, live_pause_seconds=ENDLESS_SECONDS)
    # Somebody goes on writing, so one who is far behind does breathe.
    more = iter(range(40, 100))
    projector.on_applied.append(
        lambda position, _: ledger.append(life.book(f"R-{next(more)}", "ACME"))
    )
    projector.hurry(head)
    projector.start()
    assert passed(projector, head)
    projector.stop()
