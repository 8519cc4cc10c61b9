"""Events in words: what happened, as one sentence that leaves no field out.

The sentence is the first line of the event class's docstring, with `{field}` where a value goes;
what it does not name follows it. So an event without a docstring can be told too, and one that was
stored before a field was added, or before the sentence was written, is told as today's are.
"""

from collections.abc import Iterable
from datetime import date
from functools import cache
from string import Formatter
from typing import Any

from msgspec import Struct

from domain.aggregate import Event

_BOOKKEEPING = frozenset(Event.__struct_fields__)
_ITEMS_TOLD = 5
NOTHING = "nothing"


class UnknownField(TypeError):
    """The sentence of an event names a field that the event does not have."""


def words(event: Event) -> str:
    """Return what happened, in one line that ends without a period."""
    written, named = _sentence(type(event))
    told = written.format_map({name: told_value(getattr(event, name)) for name in named})
    rest = [
        f"{spaced(name)} {value}"
        for name in event_fields(type(event))
        if name not in named and (value := told_value(getattr(event, name))) != NOTHING
    ]
    return f"{told}; {', '.join(rest)}" if rest else told


@cache
def event_fields(event_class: type[Event]) -> tuple[str, ...]:
    """Return the fields of an event that are its own."""
    return tuple(name for name in event_class.__struct_fields__ if name not in _BOOKKEEPING)


def sentence(event_class: type[Event]) -> str:
    """Return the words of an event class, with `{field}` where a value goes."""
    return _sentence(event_class)[0]


@cache
def _sentence(event_class: type[Event]) -> tuple[str, frozenset[str]]:
    """Return the sentence of an event class, and the fields that it names. Raises UnknownField."""
    written = (vars(event_class).get("__doc__") or "").strip().partition("\n")[0].rstrip(".")
    if not written:
        return _from_name(event_class.__name__), frozenset()
    named = frozenset(name for _, name, _, _ in Formatter().parse(written) if name is not None)
    if unknown := sorted(named - set(event_fields(event_class))):
        raise UnknownField(f"The words of {event_class.__qualname__} name {', '.join(unknown)}")
    return written, named


def _from_name(name: str) -> str:
    """Return `Slot booked` for `SlotBooked`."""
    text = "".join(f" {each.lower()}" if each.isupper() else each for each in name).strip()
    return text.capitalize()


def told_value(value: Any) -> str:
    """Return a value as people read it; of a long list the first few, and how many there are."""
    if _is_empty(value):
        return NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, bytes):
        return f"{len(value)} bytes"
    if isinstance(value, date):  # a datetime is one too
        return value.isoformat()
    if isinstance(value, Struct):
        return _told_pairs((name, getattr(value, name)) for name in value.__struct_fields__)
    if isinstance(value, dict):
        return _told_pairs(value.items())
    if isinstance(value, tuple | list | frozenset | set):
        return _told_items(list(value))
    return str(value)


def _told_pairs(pairs: Iterable[tuple[Any, Any]]) -> str:
    told = (f"{spaced(name)} {told_value(each)}" for name, each in pairs if not _is_empty(each))
    return ", ".join(told) or NOTHING


def _told_items(items: list[Any]) -> str:
    told = [
        f"({told_value(each)})" if isinstance(each, tuple | Struct | dict) else told_value(each)
        for each in items[:_ITEMS_TOLD]
    ]
    more = f" and {len(items) - _ITEMS_TOLD} more" if len(items) > _ITEMS_TOLD else ""
    return ", ".join(told) + more


def spaced(name: object) -> str:
    """Return the name of a field as words."""
    return str(name).replace("_", " ")


def _is_empty(value: Any) -> bool:
    return value is None or value == "" or (isinstance(value, tuple | dict) and not value)
