"""A time means a position: the last before what was recorded after it."""

from datetime import datetime, timedelta
from typing import Any

from msgspec.structs import replace

from domain.aggregate import Event
from tests.projections.conftest import RECORDED_AT, BareLedger, Life


def append_at(ledger: BareLedger, moment: datetime, events: list[Event]) -> int:
    """Append events recorded at a moment, in a group that is closed a second later."""
    dated = [
        replace(each, provenance=replace(each.provenance, recorded_at=moment)) for each in events
    ]
    return ledger.append(dated, moment + timedelta(seconds=1))


def test_a_time_means_the_last_position_before_what_came_after_it(
    ledger: BareLedger, life: Life
) -> None:
    hour = timedelta(hours=1)
    opened = append_at(ledger, RECORDED_AT, life.open())
    first = append_at(ledger, RECORDED_AT + hour, life.book("R-1", "ACME"))
    second = append_at(ledger, RECORDED_AT + hour, life.book("R-2", "ACME"))  # the same moment
    head = append_at(ledger, RECORDED_AT + 2 * hour, life.book("R-3", "ACME"))
    moments = (
        (RECORDED_AT - hour, 0),
        (RECORDED_AT, opened),
        (RECORDED_AT + hour - timedelta(microseconds=1), opened),
        (RECORDED_AT + hour, second),
        (RECORDED_AT + 2 * hour, head),
        (RECORDED_AT + 9 * hour, head),
    )
    for moment, expected in moments:
        assert ledger.log.position_at(moment) == expected, moment
    assert first < second


def test_a_time_before_positions_that_were_never_used(postgres_ledger: Any, life: Life) -> None:
    opened = append_at(postgres_ledger, RECORDED_AT, life.open())
    postgres_ledger.skip_positions(5)
    append_at(postgres_ledger, RECORDED_AT + timedelta(hours=1), life.book("R-1", "ACME"))
    assert postgres_ledger.log.position_at(RECORDED_AT) == opened
