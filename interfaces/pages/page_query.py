"""How the address of a page is read and written: what is usual is left out, the unknown refused."""

from collections.abc import Iterable, Mapping
from typing import Literal, cast, get_args
from urllib.parse import quote, urlencode

from domain.errors import Invalid
from domain.names import shown

Order = Literal["asc", "desc"]
MAX_FILTER_CHARACTERS = 200
_MAX_NUMBER = 2**63 - 1


def said_fields(pairs: Iterable[tuple[str, str]], known: tuple[str, ...]) -> dict[str, str]:
    """Return what an address says; a field of a form that is empty says nothing. Raises Invalid."""
    said: dict[str, str] = {}
    for name, text in pairs:
        if name not in known:
            raise Invalid(("/query", f"found {shown(name)}, known here: {', '.join(known)}"))
        if name in said:
            raise Invalid((f"/{name}", "stands twice in the query"))
        if text:
            said[name] = text
    return said


def number_in(said: Mapping[str, str], name: str, *, least: int = 1) -> int | None:
    """Return a whole number, None if none is said. Raises Invalid."""
    text = said.get(name)
    if text is None:
        return None
    if text.isascii() and text.isdecimal() and len(text) <= len(str(_MAX_NUMBER)):
        number = int(text)
        if least <= number <= _MAX_NUMBER:
            return number
    detail = f"found {shown(text)}, a whole number from {least} to {_MAX_NUMBER} is needed"
    raise Invalid((f"/{name}", detail))


def one_of(said: Mapping[str, str], name: str, allowed: tuple[str, ...], default: str) -> str:
    """Return one of the texts that are allowed. Raises Invalid."""
    found = said.get(name, default)
    if found not in allowed:
        detail = f"found {shown(found)}, one of {', '.join(allowed)} is needed"
        raise Invalid((f"/{name}", detail))
    return found


def order_in(said: Mapping[str, str], default: Order) -> Order:
    """Return in which order rows are wanted. Raises Invalid."""
    return cast(Order, one_of(said, "order", get_args(Order), default))


def filter_in(said: Mapping[str, str], name: str) -> str:
    """Return a text that is looked for. Raises Invalid."""
    found = said.get(name, "")
    if len(found) > MAX_FILTER_CHARACTERS:
        detail = f"found {len(found)} characters, at most {MAX_FILTER_CHARACTERS} are looked for"
        raise Invalid((f"/{name}", detail))
    return found


def address_of(path: str, said: Mapping[str, object], usual: Mapping[str, object]) -> str:
    """Return the address that says this, without what is usual or empty."""
    told = {
        name: str(value)
        for name, value in said.items()
        if value not in (None, "") and value != usual.get(name)
    }
    query = urlencode(told, safe=",:")
    return f"{path}?{query}" if query else path


def path_of(*segments: str) -> str:
    """Return a path made of segments that may hold any character."""
    return "/" + "/".join(quote(segment, safe="") for segment in segments)
