"""What the address of the report page says: everything that is chosen on it, and nothing else."""

from collections.abc import Iterable
from datetime import date
from typing import Literal
from urllib.parse import urlencode

from msgspec import Struct

from domain.errors import Invalid
from domain.names import shown
from interfaces.pages.chart_parts import ChartUnit
from interfaces.role_capacity import read_start
from projections.role_capacity import week_of

TIMEFRAMES = (4, 8, 12, 16, 20, 26, 52)
DEFAULT_TIMEFRAME = 12
NO_ROLE = "none"
MAX_ROLES = 1_000
_MAX_ID = 2**63 - 1
_FLAGS = {"": False, "false": False, "true": True, "on": True}

Layout = Literal["each", "together"]


class ReportQuery(Struct, frozen=True):
    """What is chosen; `role_ids` None means all roles, the empty tuple none.

    `as_of` is a day, whose end is meant, or a moment as everywhere else.
    """

    department: int | None = None
    vertical: int | None = None
    weeks: int = DEFAULT_TIMEFRAME
    start: date | None = None
    unit: ChartUnit = "hours"
    layout: Layout = "each"
    role_ids: tuple[int, ...] | None = None
    include_tentative: bool = False
    as_of: str = ""
    people: str = ""  # from which person on they are listed, as a cursor

    def address(self, path: str) -> str:
        """Return the address that says this, in one way only."""
        said = {
            "department": _text(self.department),
            "vertical": _text(self.vertical),
            "weeks": "" if self.weeks == DEFAULT_TIMEFRAME else str(self.weeks),
            "start": self.start.isoformat() if self.start else "",
            "unit": "" if self.unit == "hours" else self.unit,
            "layout": "" if self.layout == "each" else self.layout,
            "role_ids": "" if self.role_ids is None else _roles_text(self.role_ids),
            "include_tentative": "true" if self.include_tentative else "",
            "as_of": self.as_of,
            "people": self.people,
        }
        query = urlencode({name: text for name, text in said.items() if text}, safe=",:")
        return f"{path}?{query}" if query else path


def read_query(pairs: Iterable[tuple[str, str]]) -> ReportQuery:
    """Return what an address says; what is empty is not said. Raises Invalid."""
    said: dict[str, str] = {}
    roles: list[str] = []
    for name, text in pairs:
        if name not in ReportQuery.__struct_fields__:
            known = ", ".join(ReportQuery.__struct_fields__)
            raise Invalid(("/query", f"found {shown(name)}, known here: {known}"))
        if name == "role_ids":  # a form says each by itself
            roles += text.split(",")
        elif name in said:
            raise Invalid((f"/{name}", "stands twice in the query"))
        elif text:
            said[name] = text
    return ReportQuery(
        department=_id(said, "department"),
        vertical=_id(said, "vertical"),
        weeks=_timeframe(said.get("weeks", "")),
        start=_start(said.get("start", "")),
        unit="percent" if _one_of(said, "unit", ("hours", "percent")) == "percent" else "hours",
        layout="together"
        if _one_of(said, "layout", ("each", "together")) == "together"
        else "each",
        role_ids=_roles(roles),
        include_tentative=_flag(said, "include_tentative"),
        as_of=said.get("as_of", ""),
        people=said.get("people", ""),
    )


def _id(said: dict[str, str], name: str) -> int | None:
    return _number(name, said[name]) if name in said else None


def _number(name: str, text: str) -> int:
    if text.isascii() and text.isdecimal() and len(text) <= 19 and int(text) <= _MAX_ID:
        return int(text)
    raise Invalid((f"/{name}", f"found {shown(text)}, a whole number up to {_MAX_ID} is needed"))


def _timeframe(text: str) -> int:
    if not text:
        return DEFAULT_TIMEFRAME
    if text not in map(str, TIMEFRAMES):
        allowed = ", ".join(map(str, TIMEFRAMES))
        raise Invalid(("/weeks", f"found {shown(text)}, one of {allowed} is needed"))
    return int(text)


def _start(text: str) -> date | None:
    """Return the Sunday of the week in which a day lies: who picks a day means its week."""
    if not text:
        return None
    try:
        day = date.fromisoformat(text)
        return read_start(week_of(day).isoformat())
    except (ValueError, OverflowError):
        raise Invalid(("/start", f"found {shown(text)}, a day is needed as YYYY-MM-DD")) from None


def _one_of(said: dict[str, str], name: str, allowed: tuple[str, ...]) -> str:
    found = said.get(name, allowed[0])
    if found not in allowed:
        detail = f"found {shown(found)}, one of {', '.join(allowed)} is needed"
        raise Invalid((f"/{name}", detail))
    return found


def _flag(said: dict[str, str], name: str) -> bool:
    found = said.get(name, "")
    if found not in _FLAGS:
        raise Invalid((f"/{name}", f"found {shown(found)}, true or false is needed"))
    return _FLAGS[found]


def _roles(said: list[str]) -> tuple[int, ...] | None:
    """Return the roles; a form says `none` beside those that are ticked, so that none can be."""
    if len(said) > MAX_ROLES:
        raise Invalid(("/role_ids", f"found {len(said)} roles, at most {MAX_ROLES} are taken"))
    found = {_number("role_ids", each) for each in said if each not in ("", NO_ROLE)}
    return tuple(sorted(found)) if found or NO_ROLE in said else None


def _roles_text(role_ids: tuple[int, ...]) -> str:
    return ",".join(map(str, role_ids)) or NO_ROLE


def _text(number: int | None) -> str:
    return "" if number is None else str(number)
