"""Weeks begin on Sunday, and hours never change their value on the way in."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.assignments.hours import HoursReader
from domain.assignments.weeks import (
    MAX_UNITS,
    UNITS_PER_HOUR,
    NoDay,
    NoHours,
    changes_to,
    hire_week,
    hours_text,
    hours_units,
    is_week_start,
    lenient_hours_units,
    merged,
    week_start,
)

SUNDAY = "2026-03-01"


@pytest.mark.parametrize("day", range(1, 8))
def test_every_day_belongs_to_the_sunday_before_it(day: int) -> None:
    assert week_start(f"2026-03-0{day}") == SUNDAY


def test_a_day_may_be_written_without_zeros() -> None:
    assert week_start("2026-3-1") == SUNDAY
    assert not is_week_start("2026-3-1")


@given(st.dates(min_value=date(1, 1, 7)))
def test_a_week_begins_on_a_sunday_and_holds_its_day(day: date) -> None:
    start = date.fromisoformat(week_start(day.isoformat()))
    assert start.isoweekday() == 7
    assert timedelta(0) <= day - start < timedelta(days=7)
    assert is_week_start(start.isoformat())


@pytest.mark.parametrize(
    "text", ["", "monday", "2026-02-29", "2026-13-01", "20260301", "2026-03-01T00:00", "२०२६-०३-०१"]
)
def test_refuses_what_is_no_day(text: str) -> None:
    with pytest.raises(NoDay) as caught:
        week_start(text)
    assert str(caught.value) == f"found {text!r}, a day is needed as YYYY-MM-DD"


def test_the_calendar_has_a_first_week_and_a_last_one() -> None:
    with pytest.raises(NoDay, match="'0001-01-06', whose week begins before the calendar does"):
        week_start("0001-01-06")
    assert week_start("0001-01-07") == "0001-01-07"
    assert week_start("9999-12-31") == "9999-12-26"


def test_the_hire_week_is_the_week_of_the_hire_date() -> None:
    assert hire_week("2026-03-04") == SUNDAY
    assert hire_week(None) == ""


@pytest.mark.parametrize(
    ("value", "units"),
    [
        (0, 0),
        (7.5, 75_000),
        ("7.5", 75_000),
        (0.1, 1_000),
        (Decimal("0.0001"), 1),
        (Decimal("7.50000"), 75_000),
        (Decimal("1E+2"), 1_000_000),
        (Decimal("0E+999999999"), 0),
        (168, 1_680_000),
    ],
)
def test_hours_are_read_exactly(value: Any, units: int) -> None:
    assert hours_units(value) == units


def test_a_tenth_and_two_tenths_are_three_tenths() -> None:
    faults: list[tuple[str, str]] = []
    read = HoursReader().read({"2026-03-01": 0.1, "2026-03-07": 0.2}, faults, pointer="")
    assert (read, faults) == ({SUNDAY: 3_000}, [])
    assert hours_text(3_000) == "0.3"


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (-1, "found -1, hours cannot be negative"),
        (168.5, "found 168.5, at most 168 hours are allowed"),
        (1e300, "found 1e+300, at most 168 hours are allowed"),
        (Decimal("1E+999999999"), "found 1E+999999999, at most 168 hours are allowed"),
        (Decimal("0.00001"), "found 0.00001, at most 4 decimals are allowed"),
        (Decimal("1E-999999999"), "found 1E-999999999, at most 4 decimals are allowed"),
        (float("nan"), "found NaN, a finite number of hours is needed"),
        (float("-inf"), "found -Infinity, a finite number of hours is needed"),
        (True, "found true, a number of hours is needed"),
        (None, "found null, a number of hours is needed"),
        ("abc", "found 'abc', a number of hours is needed"),
        (" 4 ", "found ' 4 ', a number of hours is needed"),
        ([8], "found a list, a number of hours is needed"),
    ],
)
def test_refuses_what_are_no_hours(value: Any, message: str) -> None:
    with pytest.raises(NoHours) as caught:
        hours_units(value)
    assert str(caught.value) == message


def test_more_digits_than_arithmetic_keeps_are_not_rounded_away() -> None:
    with pytest.raises(NoHours, match="at most 4 decimals"):
        hours_units(Decimal(f"1.{'0' * 40}1"))


@given(st.integers(0, 168 * UNITS_PER_HOUR))
def test_units_come_back_from_every_way_of_writing_them(units: int) -> None:
    text = hours_text(units)
    assert hours_units(text) == hours_units(Decimal(text)) == hours_units(float(text)) == units
    assert lenient_hours_units(text) == lenient_hours_units(float(text)) == units


@pytest.mark.parametrize(
    ("value", "units"),
    [
        (None, 0),
        ("", 0),
        ("abc", 0),
        ([8], 0),
        ({}, 0),
        (0, 0),
        (-3, 0),
        ("NaN", 0),
        (float("inf"), 0),
        ("7.5", 75_000),
        (" 4 ", 40_000),
        ("1e2", 1_000_000),
        ("1_000", 10_000_000),
        (True, 10_000),
        (500, 5_000_000),
        (0.1 + 0.2, 3_000),
        (Decimal("1.23456"), 12_346),
        (Decimal("1E-999999999"), 0),
        (-(10**400), 0),
    ],
)
def test_lenient_hours_are_read_as_the_originals_report_does(value: Any, units: int) -> None:
    assert lenient_hours_units(value) == units


@pytest.mark.parametrize("value", [1e300, Decimal("1E+999999999"), 10**400, "1e300"])
def test_what_no_sum_could_hold_is_refused_leniently_too(value: Any) -> None:
    with pytest.raises(NoHours, match=f"at most {MAX_UNITS // UNITS_PER_HOUR} hours"):
        lenient_hours_units(value)


@given(
    st.dictionaries(st.sampled_from("abcde"), st.integers(1, 9)),
    st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 9)),
)
def test_changes_lead_to_what_is_wanted(known: dict[str, int], wanted: dict[str, int]) -> None:
    weeks = tuple(sorted(known.items()))
    changes = changes_to(weeks, wanted)
    there = {week: units for week, units in wanted.items() if units}
    assert dict(merged(weeks, changes)) == there
    assert changes_to(merged(weeks, changes), wanted) == ()


# Weekly hours.


def read(value: Any, *, lenient: bool = False, limit_hours: int = 168) -> Any:
    reader, faults = HoursReader(lenient=lenient, limit_hours=limit_hours), []  # type: ignore[var-annotated] # of pairs
    units = reader.read(value, faults, pointer="/weekly_hours")
    told = [(each.pointer, each.found, each.read_as) for each in reader.cells]
    return units, faults, told


def test_days_are_folded_to_their_week_and_summed() -> None:
    assert read({"2026-03-01": 2, "2026-03-07": 3})[0] == {SUNDAY: 50_000}


def test_days_of_one_week_may_not_be_too_many_together() -> None:
    _, faults, _ = read({"2026-03-01": 100, "2026-03-02": 68.5})
    told = "found 168.5 in all, at most 168 are allowed"
    assert faults == [("/weekly_hours/2026-03-01", told)]


def test_the_limit_is_a_setting() -> None:
    assert read({"2026-03-01": 40.5}, limit_hours=40)[1] != []
    assert read({"2026-03-01": 500}, limit_hours=1_000)[1] == []


def test_every_cell_has_its_own_fault() -> None:
    _, faults, _ = read({"2026-03-01": "abc", "someday": 3, "2026-03-08": None, "a/b~": 1})
    assert [pointer for pointer, _ in faults] == [
        "/weekly_hours/2026-03-01",
        "/weekly_hours/someday",
        "/weekly_hours/2026-03-08",
        "/weekly_hours/a~1b~0",
    ]


def test_hours_that_are_no_object_are_refused() -> None:
    _, faults, _ = read([8])
    assert faults == [("/weekly_hours", "found a list, weekly hours are an object by week")]


def test_lenient_cells_are_listed_and_no_others() -> None:
    hours = {"2026-03-01": "7.5", "2026-03-02": 8, "2026-03-08": "abc", "2026-03-15": 200}
    units, faults, told = read(hours, lenient=True)
    assert units == {"2026-03-01": 75_000, "2026-03-08": 0, "2026-03-15": 2_000_000}
    assert faults == []
    assert told == [
        ("/weekly_hours/2026-03-02", "8", "not counted: no Sunday"),
        ("/weekly_hours/2026-03-08", "'abc'", "0"),
        ("/weekly_hours/2026-03-15", "200", "200"),
    ]
