"""The moment that a question is asked about: a position of the ledger, or a time with its zone."""

from datetime import UTC, datetime

from domain.errors import Invalid
from domain.names import shown

Moment = int | datetime

MAX_POSITION = 2**63 - 1
_MAX_CHARACTERS = 40
_NEEDED = "a position or a time with its zone, such as 2026-03-02T09:30:00Z, is needed"


def read_moment(field: str, text: str) -> Moment:
    """Return the moment that a text says. Raises Invalid naming the field."""
    if text.isascii() and text.isdecimal():
        if len(text) > len(str(MAX_POSITION)) or int(text) > MAX_POSITION:
            detail = f"found {shown(text)}, a position is at most {MAX_POSITION}"
            raise Invalid((f"/{field}", detail))
        return int(text)
    if len(text) > _MAX_CHARACTERS:
        raise Invalid((f"/{field}", f"found {len(text)} characters, {_NEEDED}"))
    return _zoned(field, text)


def _zoned(field: str, text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise Invalid((f"/{field}", f"found {shown(text)}, {_NEEDED}{_hint(text)}")) from None
    if moment.tzinfo is None:
        detail = f"found {shown(text)}, a time without its zone; add Z or an offset such as +01:00"
        raise Invalid((f"/{field}", detail))
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise Invalid((f"/{field}", f"found {shown(text)}, which is beyond all times")) from None


def _hint(text: str) -> str:
    """Say so where a plus was lost on its way: in a query it stands for a space."""
    front, space, offset = text.rpartition(" ")
    if space and "T" in front and offset.replace(":", "").isdecimal():
        return "; in a URL the plus of an offset is written %2B"
    return ""


def check_moment(field: str, moment: Moment, *, head: int, now: datetime) -> None:
    """Raise Invalid for a position beyond the ledger, and for a time that is still to come."""
    if isinstance(moment, int):
        if moment > head:
            raise Invalid((f"/{field}", f"found {moment}, the ledger ends at {head}"))
    elif moment > now:
        detail = f"found {moment.isoformat()}, which is in the future: it is {now.isoformat()}"
        raise Invalid((f"/{field}", detail))
