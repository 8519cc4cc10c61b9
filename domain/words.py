"""Events in words: what happened, as one sentence that leaves no field out.

The sentence is the first line of the event class's docstring, with `{field}` where a value goes, or
`{field:hours}` where the value is in units of hours; what it does not name follows it. So an event
without a docstring can be told too, and one that was stored before a field was added, or before
the sentence was written, is told as today's are.
"""

from collections.abc import Iterable, Sequence
from datetime import date
from functools import cache
from string import Formatter
from typing import Any, NamedTuple

from msgspec import Struct

from domain.aggregate import Event
from domain.assignments.weeks import hours_text

_BOOKKEEPING = frozenset(Event.__struct_fields__)
_ITEMS_TOLD = 5
NOTHING = "nothing"
HOURS = "hours"  # units of 1/10 000 hour, told as hours


class UnknownField(TypeError):
    """The sentence of an event names a field that the event does not have."""


def words(event: Event) -> str:
    """Return what happened, in one line that ends without a period."""
    parts, named = _sentence(type(event))
    told = "".join(
        each.text if not each.field else _told_as(each.form, getattr(event, each.field))
        for each in parts
    )
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
    parts, _ = _sentence(event_class)
    return "".join(each.text or f"{{{each.field}}}" for each in parts)


class _Part(NamedTuple):
    """A text, or a field whose value goes there, in this form."""

    text: str = ""
    field: str = ""
    form: str = ""


@cache
def _sentence(event_class: type[Event]) -> tuple[tuple[_Part, ...], frozenset[str]]:
    """Return the sentence of an event class, and the fields that it names. Raises UnknownField."""
    written = (vars(event_class).get("__doc__") or "").strip().partition("\n")[0].rstrip(".")
    if not written:
        return (_Part(_from_name(event_class.__name__)),), frozenset()
    parts: list[_Part] = []
    for text, name, form, _ in Formatter().parse(written):
        parts += [_Part(text)] if text else []
        parts += [_Part(field=name, form=form or "")] if name is not None else []
    named = frozenset(each.field for each in parts if each.field)
    unknown = sorted(named - set(event_fields(event_class)))
    unknown += sorted({each.form for each in parts} - {"", HOURS})
    if unknown:
        raise UnknownField(f"The words of {event_class.__qualname__} name {', '.join(unknown)}")
    return tuple(parts), named


def _told_as(form: str, value: Any) -> str:
    return told_hours(value) if form == HOURS else told_value(value)


def told_hours(value: Any) -> str:
    """Return units as hours, `7.5 h`; of pairs of a week and units, each week with its hours."""
    if isinstance(value, int):
        return f"{hours_text(value)} h"
    if not value:
        return NOTHING
    told = ", ".join(f"{week} {hours_text(units)} h" for week, units in value[:_ITEMS_TOLD])
    return told + _more(value)


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
    return ", ".join(told) + _more(items)


def _more(items: Sequence[Any]) -> str:
    return f" and {len(items) - _ITEMS_TOLD} more" if len(items) > _ITEMS_TOLD else ""


def spaced(name: object) -> str:
    """Return the name of a field as words."""
    return str(name).replace("_", " ")


def _is_empty(value: Any) -> bool:
    return value is None or value == "" or (isinstance(value, tuple | dict) and not value)
