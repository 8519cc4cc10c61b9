"""Derived rows are explained: their events, replayed alone, make the same row."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from sqlalchemy import Table

from domain.assignments import Assignment
from domain.stored import encode, stored_topic
from projections.explaining import Explained, explain
from projections.projection import Key
from projections.role_capacity import provenance, role_capacity
from projections.role_capacity.totals import hour_totals, week_hours
from projections.row_places import NoSuchRow, Place, read_place
from tests.projections.role_capacity.documents import WEEKS, Planning, documents
from tests.projections.role_capacity.life import Life
from tests.projections.role_capacity.reference import Document
from tests.projections.role_capacity.test_parking import BEGUN, LATER

ANYWHERE = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large]
ALL = 10_000
assert role_capacity.derivation is not None
DERIVED = role_capacity.derivation.tables


def lived(life: Life, *plans: Document) -> None:
    life.begin(page_events=1_000)
    planning = Planning()
    for plan in plans:
        life.append(planning.declare(plan), 1_000)
    life.projector.catch_up()


def derived_rows(life: Life) -> list[tuple[Table, Key, Any]]:
    with life.engine.connect() as connection:
        return [
            (table, tuple(row[: len(table.primary_key.columns)]), tuple(row))
            for table in DERIVED
            for row in connection.execute(table.select())
        ]


def explained(life: Life, table: Table, key: Key, limit: int = ALL) -> list[Explained]:
    place = Place(role_capacity, table, key, {})
    with life.engine.connect() as connection:
        return explain(connection, life.ledger.log, place, limit=limit).events


def replayed(life: Life, table: Table, key: Key, events: list[Explained]) -> Any:
    """Return the row that these events alone make, in a ledger that holds no others."""
    other = Life(life.ledger)
    rows: list[Any] = [
        (event.originator_id, event.originator_version, stored_topic(type(event)), encode(event))
        for _, event in reversed(events)
    ]
    other.begin(page_events=1_000)
    life.ledger.append_rows(rows)
    other.projector.catch_up()
    found: dict[Key, Any] = {
        its_key: row for its_table, its_key, row in derived_rows(other) if its_table is table
    }
    return found.get(key)


def check(life: Life, *plans: Document) -> None:
    lived(life, *plans)
    told = [
        (table, key, row, explained(life, table, key)) for table, key, row in derived_rows(life)
    ]
    for table, key, row, events in told[:: max(1, len(told) // 8)]:  # each replay takes a while
        assert replayed(life, table, key, events) == row, (table.name, key)


def test_the_explained_events_alone_make_the_row(life: Life) -> None:
    @settings(max_examples=6, suppress_health_check=ANYWHERE)
    @given(documents(), documents())
    def agree(first: Document, then: Document) -> None:
        check(life, first, then)

    agree()


def test_a_row_of_planning_that_is_left_out_is_found(
    life: Life, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control: totals of which nobody is asked who works."""
    check(life, BEGUN, LATER)
    rows = provenance._rows
    monkeypatch.setattr(
        provenance,
        "_rows",
        lambda found: {t: k for t, k in rows(found).items() if t.name != "people"},
    )
    with pytest.raises(AssertionError, match=r"role_week_totals|assignment_week_hours"):
        check(life, BEGUN, LATER)


def test_a_total_is_explained_by_the_hours_of_its_week_newest_first(life: Life) -> None:
    lived(life, BEGUN, LATER)
    events = explained(life, hour_totals, ("all", WEEKS[0], 2))
    positions = [each.position for each in events]
    assert positions == sorted(positions, reverse=True)
    weeks = [
        dict(each.event.weeks) for each in events if isinstance(each.event, Assignment.HoursSet)
    ]
    assert weeks
    assert all(WEEKS[0] in each for each in weeks)
    whole = explained(life, week_hours, (1, WEEKS[0]))
    assert any(isinstance(each.event, Assignment.Made) for each in whole)


def test_a_total_of_many_events_comes_page_by_page(life: Life) -> None:
    lived(life, BEGUN, LATER)
    place = read_place(role_capacity, ["role_week_totals", "all", WEEKS[0], "2"])
    with life.engine.connect() as connection:
        whole = explain(connection, life.ledger.log, place, limit=ALL)
        pages: list[Explained] = []
        before, more = None, True
        while more:
            page = explain(connection, life.ledger.log, place, limit=2, before=before)
            pages += page.events
            before, more = page.events[-1].position, page.more
    assert len(whole.events) > 4
    assert pages == whole.events
    assert whole.row is not None
    assert whole.row["firm_strict_units"] == 60_000


def test_a_total_that_is_none_is_not_found(life: Life) -> None:
    lived(life, BEGUN)
    place = read_place(role_capacity, ["role_week_totals", "all", WEEKS[7], "1"])
    with life.engine.connect() as connection, pytest.raises(NoSuchRow) as refused:
        explain(connection, life.ledger.log, place, limit=1)
    assert "never" not in str(refused.value)
