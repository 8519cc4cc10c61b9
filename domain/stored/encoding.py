"""Writing an event: plain JSON for the library's `state` column; identity has its own columns."""

from collections.abc import Callable, Iterable, Iterator
from functools import cache
from operator import attrgetter
from typing import Any, get_args, get_type_hints

import msgspec
from msgspec import UNSET, Struct
from msgspec.structs import replace

from domain.aggregate import Event, Provenance

LEAST_INTEGER, GREATEST_INTEGER = -(2**63), 2**63 - 1  # what every store and reader can hold
BARE: dict[str, Any] = {"originator_id": UNSET, "originator_version": UNSET}
_encoder = msgspec.json.Encoder()


class UnfilledEvent(ValueError):
    """An event that was never recorded by an aggregate cannot be stored."""


class UnstorableEvent(ValueError):
    """An event holds a value that other readers of the store would misread."""


@cache
def stored_topics(event_class: type[Event]) -> tuple[str, ...]:
    """Return every topic under which this event was ever stored, that of the first shape first."""
    later = range(2, event_class.class_version + 1)
    return event_class.topic, *(f"{event_class.topic}.v{version}" for version in later)


@cache
def stored_topic(event_class: type[Event]) -> str:
    """Return the topic under which today's shape of this event is stored."""
    return stored_topics(event_class)[-1]


def encode(event: Event) -> bytes:
    """Return the bytes of one recorded event. Raises UnfilledEvent or UnstorableEvent."""
    for number in _integers_of(event):
        if number is not None and not LEAST_INTEGER <= number <= GREATEST_INTEGER:
            name = type(event).__qualname__
            raise UnstorableEvent(f"{name}: it holds {number}, which is beyond 64 bits")
    return _encoder.encode(replace(event, **BARE, provenance=_encoded(event)))


_last_encoded: tuple[Provenance | None, msgspec.Raw] = (None, msgspec.Raw())


def _encoded(event: Event) -> Any:
    """Return the provenance as bytes; all events of a command share one, so the last is kept."""
    global _last_encoded
    known, encoded = _last_encoded
    if event.provenance is known:
        return encoded
    name, provenance = type(event).__qualname__, event.provenance
    if not isinstance(provenance, Provenance):
        raise UnfilledEvent(f"{name} was not recorded: it has no provenance")
    if provenance.recorded_at.tzinfo is None:
        raise UnstorableEvent(f"{name}: recorded_at has no time zone")
    encoded = msgspec.Raw(_encoder.encode(provenance))
    _last_encoded = provenance, encoded
    return encoded


# Where integers stand in an event is found out once for each class: fields that hold one integer
# or none are read all at once, and any other in a way of its own.

_SINGLE: tuple[Any, ...] = (int, int | None)
_Singles = Callable[[Any], tuple[int | None, ...]]
_Reader = Callable[[Any], Iterable[int | None]]


def _integers_of(value: Struct) -> list[int | None]:
    singles, readers = _integer_fields(type(value))
    numbers = [*singles(value)]
    for read in readers:
        numbers += read(value)
    return numbers


@cache
def _integer_fields(struct_class: type[Struct]) -> tuple[_Singles, tuple[_Reader, ...]]:
    paths = list(_integer_paths(struct_class))
    single = [path for path, hint in paths if hint in _SINGLE]
    # One path is read twice, because of one alone the value would come bare.
    singles = attrgetter(*single, single[0]) if single else _no_integers
    return singles, tuple(_reader(path, hint) for path, hint in paths if hint not in _SINGLE)


def _no_integers(_value: Any) -> tuple[()]:
    return ()


def _reader(path: str, hint: Any) -> _Reader:
    read = attrgetter(path)
    if hint == tuple[tuple[str, int], ...]:  # hours by week: very many of them, and these
        return lambda event: [number for _, number in read(event)]
    return lambda event: _integers_in(read(event))


def _integer_paths(struct_class: type[Struct]) -> Iterator[tuple[str, Any]]:
    hints = get_type_hints(struct_class)
    for name in struct_class.__struct_fields__:
        hint = hints[name]
        if name in BARE or name == "provenance":
            continue
        if isinstance(hint, type) and issubclass(hint, Struct):
            yield from ((f"{name}.{path}", inner) for path, inner in _integer_paths(hint))
        elif _holds_integers(hint):
            yield name, hint


def _holds_integers(hint: Any) -> bool:
    if isinstance(hint, type) and issubclass(hint, Struct):
        return any(True for _ in _integer_paths(hint))
    return hint is int or any(_holds_integers(each) for each in get_args(hint))


def _integers_in(value: object) -> Iterable[int | None]:
    if isinstance(value, int):
        return (value,)
    if isinstance(value, tuple):
        return [number for each in value for number in _integers_in(each)]
    if isinstance(value, Struct):
        return _integers_of(value)
    return ()
