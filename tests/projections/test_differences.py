"""Differences between two moments: exactly the rows that are not what they were, and why."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection

from projections.differences import (
    EVENTS_NAMED,
    Change,
    count_differences,
    read_differences,
)
from projections.past import PastFailed, open_past
from projections.past_files import PastFiles, PastLimits
from projections.row_places import as_people_see
from tests.projections.conftest import PROJECTIONS, BareLedger, Life
from tests.projections.pasts import Rows, lived, small_disk
from tests.projections.test_projector import FEW, wishes

TABLES = {table.name: table for each in PROJECTIONS for table in each.rows}


def differences(
    ledger: BareLedger, folder: Path, begin: int, end: int, **limits: int
) -> list[Change]:
    files = PastFiles(ledger.log, PROJECTIONS, folder, limits=PastLimits(**limits))
    with reading(files.differences(begin, end)) as connection:
        return read_differences(connection, ledger.log, after_number=0, limit=10_000)


@contextmanager
def reading(path: Path) -> Iterator[Connection]:
    engine = open_past(path)
    with engine.connect() as connection:
        yield connection
    engine.dispose()


def compared_by_hand(before: Rows, after: Rows) -> dict[tuple[str, str], tuple[Any, Any]]:
    """Return every row that is not the same in two whole read sides, by table and key."""
    found = {}
    for name, table in TABLES.items():
        old, new = (_by_key(table, rows[name]) for rows in (before, after))
        for key in old.keys() | new.keys():
            if old.get(key) != new.get(key):
                found[name, key] = (old.get(key), new.get(key))
    return found


def _by_key(table: Any, rows: list[tuple[Any, ...]]) -> dict[str, dict[str, Any]]:
    names = [column.name for column in table.columns]
    keys = [column.name for column in table.primary_key.columns]
    seen = [as_people_see(dict(zip(names, row, strict=True))) for row in rows]
    return {repr({name: each[name] for name in keys}): each for each in seen}


@FEW
@given(wanted=wishes, ends=st.tuples(st.integers(0, 30), st.integers(0, 30)))
def test_differences_are_those_of_a_whole_comparison(
    ledger: BareLedger, wanted: list[tuple[str, str, str]], ends: tuple[int, int]
) -> None:
    engine = ledger.engine()
    shown = lived(ledger, engine, wanted)
    engine.dispose()
    positions = sorted(shown)
    begin, end = sorted(positions[each % len(positions)] for each in ends)
    with tempfile.TemporaryDirectory() as folder:
        found = differences(ledger, Path(folder), begin, end)
    expected = compared_by_hand(shown[begin], shown[end])
    assert {(each.table, repr(each.key)) for each in found} == set(expected)
    for each in found:
        old, new = expected[each.table, repr(each.key)]
        assert each.kind == ("added" if old is None else "removed" if new is None else "changed")
        if each.kind == "changed":
            assert each.before is not None
            other = {name: value for name, value in old.items() if new[name] != value}
            assert (each.before, each.after) == (other, {name: new[name] for name in other})
        else:
            assert (each.before, each.after) == (old, new)
        assert all(begin < event.position <= end for event in each.events)
        assert each.event_count >= 1


def test_the_events_behind_a_change_are_named(
    ledger: BareLedger, life: Life, tmp_path: Path
) -> None:
    begin = ledger.append(life.open())
    ledger.append(life.book("R-1", "ACME"))
    end = ledger.append(life.release("R-1"))
    by_table = {each.table: each for each in differences(ledger, tmp_path, begin, end)}
    match = by_table["matches"]
    assert (match.kind, match.before) == ("added", None)
    assert [each.event.topic for each in match.events] == [
        "suppliers.released",
        "suppliers.booked",
    ]
    count = by_table["supplier_capacity"]
    assert count.before is not None
    assert "used_slots" not in count.before  # taken and given back: only the version tells
    assert {"version", "position"} == set(count.before)


def test_of_many_events_the_newest_are_named(
    ledger: BareLedger, life: Life, tmp_path: Path
) -> None:
    begin = ledger.append(life.open())
    many = range(EVENTS_NAMED + 5)
    end = [ledger.append(life.book(f"R-{each}", "ACME")) for each in many][-1]
    found = differences(ledger, tmp_path, begin, end)
    count = next(each for each in found if each.table == "supplier_capacity")
    assert count.event_count == EVENTS_NAMED + 5
    assert len(count.events) == EVENTS_NAMED
    assert [each.position for each in count.events] == list(range(end - 1, begin, -2))[:20]


def test_differences_are_read_page_by_page(ledger: BareLedger, life: Life, tmp_path: Path) -> None:
    begin = ledger.append(life.open())
    end = [ledger.append(life.book(f"R-{each}", "ACME")) for each in range(4)][-1]
    files = PastFiles(ledger.log, PROJECTIONS, tmp_path)
    paged: list[Change] = []
    with reading(files.differences(begin, end)) as connection:
        whole = read_differences(connection, ledger.log, after_number=0, limit=100)
        while page := read_differences(
            connection, ledger.log, after_number=paged[-1].number if paged else 0, limit=2
        ):
            paged += page
        assert paged == whole
        assert count_differences(connection) == len(whole) == 5
        assert count_differences(connection, projection="supplier_capacity") == 5
        assert count_differences(connection, projection="other") == 0


def test_differences_are_made_once(ledger: BareLedger, life: Life, tmp_path: Path) -> None:
    begin = ledger.append(life.open())
    end = ledger.append(life.book("R-1", "ACME"))
    files = PastFiles(ledger.log, PROJECTIONS, tmp_path)
    first = files.differences(begin, end).stat().st_ino
    assert files.differences(begin, end).stat().st_ino == first
    assert files.differences(end, end) != files.differences(begin, end)


def test_differences_survive_a_cache_that_is_too_small(
    ledger: BareLedger, life: Life, tmp_path: Path
) -> None:
    """Each past is removed as soon as the next is made, and is read to its end all the same."""
    begin = ledger.append(life.open())
    end = ledger.append(life.book("R-1", "ACME"))
    assert len(differences(ledger, tmp_path, begin, end, cache_bytes=1)) == 2


def test_a_full_disk_leaves_no_half_differences(
    ledger: BareLedger, life: Life, tmp_path: Path
) -> None:
    begin = ledger.append(life.open())
    end = ledger.append(life.book("R-1", "ACME"))
    files = PastFiles(ledger.log, PROJECTIONS, tmp_path)
    kept = {files.at(begin), files.at(end)}
    with small_disk(6_000), pytest.raises(PastFailed):
        files.differences(begin, end)
    assert set(tmp_path.glob("*past*")) | set(tmp_path.glob("*diff*")) == kept
    assert len(differences(ledger, tmp_path, begin, end)) == 2
