"""In which weeks a person counts, by each gating policy; weeks begin on Sundays."""

from datetime import date, timedelta
from typing import Literal

Gating = Literal["hire_week", "strict"]
GATINGS: tuple[Gating, ...] = ("hire_week", "strict")
EVER, NEVER = "", "9999-99-99"  # before and after every week, as text

_SATURDAY = timedelta(days=6)
_WEEK = timedelta(days=7)


def week_of(day: date) -> date:
    """Return the Sunday on or before a day. Raises OverflowError in the calendar's first week."""
    return day - timedelta(days=day.isoweekday() % 7)


def weeks_counted(hire_date: str, leaving_date: str, gating: Gating) -> tuple[str, str]:
    """Return the first week that counts, and the first that does not any more.

    `hire_week`: weeks of which any day lies between hiring and leaving; `strict`: of which all do.
    Empty dates are open ends.
    """
    strict = gating == "strict"
    first = _moved(hire_date, _SATURDAY if strict else timedelta(), beyond=EVER)
    last = _moved(leaving_date, _WEEK - _SATURDAY if strict else _WEEK, beyond=NEVER)
    return first, last


def _moved(day: str, by: timedelta, *, beyond: str) -> str:
    """Return the Sunday on or before a day that is some days later; `beyond` without a day."""
    if not day:
        return beyond
    try:
        return week_of(date.fromisoformat(day) + by).isoformat()
    except OverflowError:  # one end of the calendar or the other
        return EVER if day < "5000" else NEVER
