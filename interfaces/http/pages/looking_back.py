"""The day that a page looks back to: its end is meant, as far as there is one yet."""

from datetime import UTC, date, datetime, time, timedelta

from domain.errors import Invalid
from interfaces.http.asked import Asked

_DAY_CHARACTERS = len("2026-11-15")
_DAY = timedelta(days=1)


def moment_of(as_of: str, asked: Asked) -> dict[str, str]:
    """Return what a question is asked to look back; nothing for today. Raises Invalid."""
    if len(as_of) != _DAY_CHARACTERS or as_of.isdecimal():
        return {"as_of": as_of} if as_of else {}
    try:
        day = date.fromisoformat(as_of)
        end = datetime.combine(day + _DAY, time(), UTC)
    except (ValueError, OverflowError):
        raise Invalid(("/as_of", f"found {as_of!r}, a day is needed as YYYY-MM-DD")) from None
    now = asked.service.clock()
    if day > now.date():
        raise Invalid(("/as_of", f"found {day}, which is in the future: it is {now.date()}"))
    return {"as_of": end.isoformat()} if end <= now else {}
