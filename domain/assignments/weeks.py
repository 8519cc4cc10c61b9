"""Weeks begin on Sunday and are named by that day; hours are whole numbers of 1/10 000 hour."""

import math
import re
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation
from functools import lru_cache

from domain.names import shown

UNITS_PER_HOUR = 10_000
MAX_WEEK_HOURS = 168  # a setting may say otherwise
# Sums over a hundred million of these still fit 64 bits, in every store.
MAX_UNITS = 1_000_000 * UNITS_PER_HOUR

# Pairs of a week's Sunday, `YYYY-MM-DD`, and units; by week, none of them zero.
WeekUnits = tuple[tuple[str, int], ...]

_DAY = re.compile(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}")
_DECIMAL = re.compile(r"[0-9]{1,15}(\.[0-9]{1,15})?")
_SMALLEST = Decimal(1) / UNITS_PER_HOUR


class NoDay(ValueError):
    """A text names no day of the calendar, or none that stands in a whole week of it."""


class NoHours(ValueError):
    """A value cannot stand for the hours of one week; the message says what was found."""


# Weeks.


def day_of(text: object) -> date:
    """Return the day that a text names. Raises NoDay."""
    if isinstance(text, str) and _DAY.fullmatch(text):
        try:
            return date(*map(int, text.split("-")))
        except ValueError:
            pass
    raise NoDay(f"found {shown(text)}, a day is needed as YYYY-MM-DD")


def week_of(day: date) -> str:
    """Return the Sunday on or before a day, as text. Raises NoDay in the calendar's first week."""
    try:
        return (day - timedelta(days=(day.weekday() + 1) % 7)).isoformat()
    except OverflowError:
        detail = f"found {shown(day.isoformat())}, whose week begins before the calendar does"
        raise NoDay(detail) from None


@lru_cache(maxsize=16_384)  # a document names few weeks, and each of them thousands of times
def week_start(text: str) -> str:
    """Return the week that the day named by a text stands in. Raises NoDay."""
    return week_of(day_of(text))


def is_week_start(text: str) -> bool:
    """Whether a text is a Sunday, written exactly as weeks are."""
    try:
        return week_start(text) == text
    except NoDay:
        return False


def hire_week(hire_date: str | None) -> str:
    """Return the first week in which somebody hired on that day can have hours."""
    return week_start(hire_date) if hire_date else ""


# Hours.


def hours_units(value: object, *, limit_hours: int = MAX_WEEK_HOURS) -> int:
    """Return the units of the hours that a value says exactly. Raises NoHours.

    A number, or a text that is a plain decimal. Binary floats are read as they are printed.
    """
    if type(value) is int and 0 <= value <= limit_hours:  # nearly every cell of a document
        return value * UNITS_PER_HOUR
    if type(value) is Decimal or type(value) is str:  # and nearly all others, of which few differ
        return _exact_units(value, limit_hours)
    return _units_of(value, limit_hours)


def _units_of(value: object, limit_hours: int) -> int:
    hours = _decimal(value)
    if hours.is_signed() and hours:
        raise NoHours(f"found {shown_hours(value)}, hours cannot be negative")
    if hours > limit_hours:
        raise NoHours(f"found {shown_hours(value)}, at most {limit_hours} hours are allowed")
    if not hours:
        return 0
    _, digits, exponent = hours.as_tuple()
    assert isinstance(exponent, int)
    # By the digits: arithmetic rounds to 28 of them, and more could have been written.
    finer = max(0, -4 - exponent)
    if finer and any(digits[-finer:]):
        raise NoHours(f"found {shown_hours(value)}, at most 4 decimals are allowed")
    kept = digits[: len(digits) - finer] if finer else digits
    return int("".join(map(str, kept)) + "0" * (max(exponent, -4) + 4) or "0")


_exact_units = lru_cache(maxsize=16_384)(_units_of)


def _decimal(value: object) -> Decimal:
    if type(value) is int or isinstance(value, Decimal):
        hours = Decimal(value)
    elif isinstance(value, float):
        hours = Decimal(repr(value))
    elif isinstance(value, str) and _DECIMAL.fullmatch(value):
        hours = Decimal(value)
    else:
        raise NoHours(f"found {shown_hours(value)}, {_needed(value)}")
    if not hours.is_finite():
        raise NoHours(f"found {shown_hours(value)}, a finite number of hours is needed")
    return hours


def _needed(value: object) -> str:
    point = " with a decimal point" if isinstance(value, str) and "," in value else ""
    return f"a number of hours{point} is needed"


def lenient_hours_units(value: object) -> int:
    """Return the units of whatever stands for hours, as the original's report reads it.

    What is no positive finite number counts nothing; anything else is rounded to four decimals.
    Raises NoHours only beyond what can be counted at all.
    """
    if value is None or isinstance(value, list | dict):
        return 0
    try:
        hours = value if isinstance(value, Decimal) else Decimal(repr(float(value)))  # type: ignore[arg-type] # what float() cannot read, it refuses
    except (TypeError, ValueError, InvalidOperation):
        return 0
    except OverflowError:  # an integer beyond every float
        hours = Decimal("Infinity")
        if not isinstance(value, int) or value < 0:
            return 0
        raise NoHours(_beyond(value)) from None
    if not hours.is_finite() or hours <= 0:
        return 0
    if hours > MAX_UNITS // UNITS_PER_HOUR:
        raise NoHours(_beyond(value))
    return int(hours.quantize(_SMALLEST, rounding=ROUND_HALF_EVEN) * UNITS_PER_HOUR)


def _beyond(value: object) -> str:
    return f"found {shown_hours(value)}, at most {MAX_UNITS // UNITS_PER_HOUR} hours can be counted"


def shown_hours(value: object) -> str:
    """Return a value as a message shows it: numbers as they were written, nothing of a list."""
    if isinstance(value, Decimal):
        return str(value)[:40]
    if isinstance(value, float) and not math.isfinite(value):
        return {"nan": "NaN", "inf": "Infinity"}.get(repr(value), "-Infinity")
    if isinstance(value, list | dict):
        return "a list" if isinstance(value, list) else "an object"
    return shown(value)


def hours_of(units: int) -> Decimal:
    """Return units as hours, exactly, without trailing zeros."""
    hours = (Decimal(units) / UNITS_PER_HOUR).normalize()
    return hours.quantize(Decimal(1)) if hours == int(hours) else hours


def hours_text(units: int) -> str:
    """Return units as hours, as people and JSON read them: `7.5`."""
    return str(hours_of(units))


# Weeks and their units.


def merged(weeks: WeekUnits, changes: Iterable[tuple[str, int]]) -> WeekUnits:
    """Return the weeks with changes made; a change to zero takes the week out."""
    units = dict(weeks)
    units.update(changes)
    return tuple(sorted([(week, each) for week, each in units.items() if each]))


def changes_to(weeks: WeekUnits, wanted: Mapping[str, int]) -> WeekUnits:
    """Return what must change so that exactly the wanted weeks stand there; zero takes out."""
    if not weeks:
        return tuple(sorted([(week, units) for week, units in wanted.items() if units]))
    known = dict(weeks)
    gone = [(week, 0) for week in known if not wanted.get(week)]
    changed = [(week, units) for week, units in wanted.items() if units != known.get(week, 0)]
    return tuple(sorted({*gone, *changed}))
