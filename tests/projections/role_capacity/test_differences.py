"""Differences of derived rows: exactly those that are not what they were, with events behind."""

import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from projections import derived_differences
from projections.differences import Change, read_differences
from projections.past import make_past, open_past
from projections.past_files import PastFiles, PastLimits
from projections.role_capacity import role_capacity
from projections.row_places import as_people_see
from tests.projections.role_capacity.documents import Planning, documents
from tests.projections.role_capacity.life import Life
from tests.projections.role_capacity.reference import Document
from tests.projections.role_capacity.test_parking import BEGUN, LATER

ANYWHERE = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large]
assert role_capacity.derivation is not None
DERIVED = {table.name: table for table in role_capacity.derivation.tables}

Rows = dict[tuple[str, str], dict[str, Any]]


def rows_at(life: Life, position: int, folder: Path) -> Rows:
    path = folder / f"{position}.db"
    make_past(life.ledger.log, [role_capacity], path, position=position)
    engine = open_past(path)
    found: Rows = {}
    with engine.connect() as connection:
        for name, table in DERIVED.items():
            keys = [column.name for column in table.primary_key.columns]
            for row in connection.execute(table.select()):
                fields = as_people_see(dict(row._mapping))
                found[name, repr({key: fields[key] for key in keys})] = fields
    engine.dispose()
    return found


def differences(life: Life, begin: int, end: int, folder: Path) -> list[Change]:
    files = PastFiles(life.ledger.log, [role_capacity], folder / "past", limits=PastLimits())
    engine = open_past(files.differences(begin, end))
    with engine.connect() as connection:
        found = read_differences(connection, life.ledger.log, after_number=0, limit=100_000)
    engine.dispose()
    return [each for each in found if each.table in DERIVED]


def check(life: Life, first: Document, then: Document) -> list[Change]:
    life.begin(page_events=1_000)
    planning = Planning()
    life.append(planning.declare(first), 7)
    begin = life.ledger.log.head()
    life.append(planning.declare(then), 7)
    end = life.ledger.log.head()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        before, after = (rows_at(life, position, folder) for position in (begin, end))
        found = differences(life, begin, end, folder)
    expected = {key for key in {*before, *after} if before.get(key) != after.get(key)}
    assert {(each.table, repr(each.key)) for each in found} == expected
    for each in found:
        assert each.events, each
        assert all(begin < named.position <= end for named in each.events)
    return found


def test_exactly_what_differs_is_told(life: Life) -> None:
    @settings(max_examples=6, suppress_health_check=ANYWHERE)
    @given(documents(), documents())
    def agree(first: Document, then: Document) -> None:
        check(life, first, then)

    agree()


def test_a_total_names_the_events_behind_it(life: Life) -> None:
    found = check(life, BEGUN, LATER)
    totals = [each for each in found if each.table == "role_week_totals"]
    topics = {named.event.topic for each in totals for named in each.events}
    assert topics >= {"assignments.hours_set", "assignments.person_changed_role"}


def test_rows_that_are_not_followed_are_missed(life: Life, monkeypatch: pytest.MonkeyPatch) -> None:
    """The negative control: source rows that nothing follows from."""
    monkeypatch.setattr(derived_differences, "_changed", lambda *_: iter(()))
    with pytest.raises(AssertionError):
        check(life, BEGUN, LATER)
