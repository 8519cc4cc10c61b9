"""How people write spans and ends of time: `24h`, `90d`, or a moment with its zone."""

import re
from datetime import datetime, timedelta

from domain.errors import Invalid
from domain.names import shown

_UNITS = {"m": "minutes", "h": "hours", "d": "days"}
_SPAN = re.compile(r"(0|[1-9][0-9]{0,4})([mhd])")


def span(field: str, text: str) -> timedelta:
    """Read a span. Raises Invalid."""
    if found := _SPAN.fullmatch(text):
        return timedelta(**{_UNITS[found[2]]: int(found[1])})
    raise Invalid((f"/{field}", f"found {shown(text)}, such as 30m, 24h or 90d is needed"))


def end(field: str, text: str, *, now: datetime) -> datetime:
    """Read when something ends: after a span, or at a moment. Raises Invalid."""
    if _SPAN.fullmatch(text):
        return now + span(field, text)
    needed = "90d or a moment with its zone such as 2027-01-01T00:00Z is needed"
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise Invalid((f"/{field}", f"found {shown(text)}, {needed}")) from None
    if at.tzinfo is None:
        raise Invalid((f"/{field}", f"found {shown(text)}, which has no zone; {needed}"))
    return at
