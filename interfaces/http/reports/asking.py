"""What a report's query says: the same parameters mean the same on every route."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import date
from typing import Any, cast

from msgspec import DecodeError, json

from domain.errors import Invalid
from domain.names import shown
from interfaces.http.asked import MAX_POSITION, Asked, flag, whole_number
from interfaces.http.parameters import query_flag, query_number, query_text
from interfaces.role_capacity import (
    DEFAULT_WEEKS,
    MAX_WEEKS,
    hidden_words,
    read_start,
    weeks_from,
)
from projections.role_capacity import GATINGS, Gating, Question, week_of

MAX_ROLES = 1_000

DEPARTMENT = query_number("department", 0, MAX_POSITION, "Only people of this department")
ROLE_IDS = query_text("role_ids", "Only these roles, with commas between; unknown ones have no row")
FILTER = query_flag(
    "filter_out_lt5h", "Without people who have less than 5 h in each of the 4 weeks"
)
SPAN = (
    query_number("weeks", 1, MAX_WEEKS, f"How many weeks; {DEFAULT_WEEKS} if nothing is said"),
    query_text("start", "The first week, by its Sunday as YYYY-MM-DD; the current one if not said"),
    query_text("gating", f"From when people count: {' or '.join(GATINGS)}; else by the settings"),
    query_flag("include_tentative", "With assignments that are less than certain, in full"),
    query_flag("include_time_off", "Take time off from the capacity; true if nothing is said"),
)


def vertical_query(meaning: str) -> dict[str, Any]:
    """Return the parameter that says a vertical, which a person's key cannot choose."""
    chosen = "a key of a person has that person's, whatever is asked"
    return query_number("vertical", 0, MAX_POSITION, f"{meaning}; {chosen}")


def question_in(query: dict[str, str], asked: Asked) -> Question:
    """Return what is asked, of whichever parameters a route takes. Raises Invalid."""
    settings = asked.service.settings
    many = number(query, "weeks", 1, MAX_WEEKS)
    return Question(
        weeks=weeks_from(_start(query, asked), DEFAULT_WEEKS if many is None else many),
        department_id=number(query, "department", 0, MAX_POSITION),
        vertical_id=number(query, "vertical", 0, MAX_POSITION),
        role_ids=_role_ids(query),
        gating=cast(Gating, one_of(query, "gating", GATINGS, settings.role_capacity_gating)),
        include_tentative=_flag(query, "include_tentative", False),
        include_time_off=_flag(query, "include_time_off", True),
        filter_out_lt5h=_flag(query, "filter_out_lt5h", False),
        hidden_words=hidden_words(settings),
    )


def number(query: dict[str, str], name: str, least: int, most: int) -> int | None:
    """Return a whole number, or None where nothing is said."""
    return whole_number(name, query[name], least=least, most=most) if name in query else None


def one_of(query: dict[str, str], name: str, allowed: tuple[str, ...], default: str) -> str:
    """Return one of some words."""
    found = query.get(name, default)
    if found not in allowed:
        detail = f"found {shown(found)}, one of {', '.join(allowed)} is needed"
        raise Invalid((f"/{name}", detail))
    return found


def _start(query: dict[str, str], asked: Asked) -> date:
    if "start" in query:
        return read_start(query["start"])
    return week_of(asked.service.clock().date())


def _flag(query: dict[str, str], name: str, default: bool) -> bool:
    return flag(name, query[name]) if name in query else default


def _role_ids(query: dict[str, str]) -> tuple[int, ...]:
    if "role_ids" not in query:
        return ()
    parts = query["role_ids"].split(",")
    if len(parts) > MAX_ROLES:
        raise Invalid(("/role_ids", f"found {len(parts)} roles, at most {MAX_ROLES} are taken"))
    found = {whole_number("role_ids", each, least=0, most=MAX_POSITION) for each in parts}
    return tuple(sorted(found))


# Pages.


def page_query(what: str, most: int, default: int) -> tuple[dict[str, Any], ...]:
    """Return the parameters of a list that comes in pages."""
    return (
        query_number("limit", 1, most, f"At most so many {what}; {default} if not said"),
        query_text("cursor", "From `next` of the page before", max_length=2_000),
    )


def cursor_text(place: object) -> str | None:
    """Return where a page ended as a cursor; None for the last page."""
    if place is None:
        return None
    return urlsafe_b64encode(json.encode(place)).decode().rstrip("=")


def cursor_in(query: dict[str, str], cursor_type: Any) -> Any:
    """Return where the page before ended; None if none is named. Raises Invalid."""
    if "cursor" not in query:
        return None
    needed = "this is no cursor; the `next` of the page before is needed"
    try:
        text = urlsafe_b64decode(query["cursor"] + "=" * (-len(query["cursor"]) % 4))
    except ValueError:
        raise Invalid(("/cursor", needed)) from None
    try:
        return json.decode(text, type=cursor_type)
    except (UnicodeDecodeError, DecodeError):
        raise Invalid(("/cursor", needed)) from None
