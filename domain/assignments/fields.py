"""Fields of planning documents: how one JSON value becomes what the domain knows, or a fault."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from domain.assignments.weeks import UNITS_PER_HOUR, NoDay, day_of, shown_hours
from domain.errors import Invalid
from domain.names import name_fault, shown

MAX_ID = 2**53 - 1  # what every JSON reader keeps exactly
MAX_CAPACITY_HOURS = 10_000
MAX_SORT_ORDER = 2**31 - 1
MAX_FAULTS = 1_000

Faults = list[tuple[str, str]]


class Unusable(ValueError):
    """A value that a field cannot hold; the message says what was found and what is needed."""


class Field(NamedTuple):
    """How a field is read, and what it is where a record does not speak of it."""

    read: Callable[[Any], Any]
    default: Any = ...  # ...: it must be there


def identifier(value: object) -> int:
    """Return an id. Raises Unusable."""
    if type(value) is int and 1 <= value <= MAX_ID:
        return value
    raise Unusable(f"found {shown_hours(value)}, an id is a whole number from 1 to {MAX_ID}")


def optional_identifier(value: object) -> int | None:
    """Return an id, or None for null. Raises Unusable."""
    return None if value is None else identifier(value)


def name(value: object) -> str:
    """Return a name. Raises Unusable, which does not repeat a text: it may be a person's name."""
    if not isinstance(value, str):
        raise Unusable(f"found {shown_hours(value)}, text is needed")
    if fault := name_fault(value):
        raise Unusable(fault)
    return value


def optional_name(value: object) -> str:
    """Return a name that may be empty, or null. Raises Unusable."""
    return "" if value is None or value == "" else name(value)


def flag(value: object) -> bool:
    """Return true or false. Raises Unusable."""
    if isinstance(value, bool):
        return value
    raise Unusable(f"found {shown(value)}, true or false is needed")


def sort_order(value: object) -> int:
    """Return a place in an order. Raises Unusable."""
    if type(value) is int and abs(value) <= MAX_SORT_ORDER:
        return value
    raise Unusable(f"found {shown_hours(value)}, a whole number up to {MAX_SORT_ORDER} is needed")


def capacity_units(value: object) -> int:
    """Return a weekly capacity of whole hours, in units. Raises Unusable."""
    if type(value) is int and 0 <= value <= MAX_CAPACITY_HOURS:
        return value * UNITS_PER_HOUR
    allowed = f"whole hours from 0 to {MAX_CAPACITY_HOURS} are allowed"
    raise Unusable(f"found {shown_hours(value)}, {allowed}")


def optional_day(value: object) -> str | None:
    """Return a day as `YYYY-MM-DD`, or None for null. Raises Unusable."""
    if value is None:
        return None
    try:
        return day_of(value).isoformat()
    except NoDay as fault:
        raise Unusable(str(fault)) from None


def percent(value: object) -> int:
    """Return a probability: 100 is firm, below is tentative. Raises Unusable."""
    if type(value) is int and 1 <= value <= 100:
        return value
    raise Unusable(f"found {shown_hours(value)}, a whole number from 1 to 100 is needed")


def identifiers(value: object) -> tuple[int, ...]:
    """Return a set of ids, ascending. Raises Unusable."""
    if not isinstance(value, list):
        raise Unusable(f"found {shown_hours(value)}, a list of ids is needed")
    return tuple(sorted({identifier(each) for each in value}))


def read_fields(
    record: object, fields: Mapping[str, Field], faults: Faults, *, pointer: str = ""
) -> dict[str, Any] | None:
    """Return the values of a record's fields; None, with every fault told, if it has any."""
    if not isinstance(record, dict):
        faults.append((pointer, f"found {shown_hours(record)}, an object is needed"))
        return None
    before = len(faults)
    if record.keys() - fields.keys():
        faults += unknown(record, fields, pointer)
    values = {}
    for key, field in fields.items():
        if key in record:
            try:
                values[key] = field.read(record[key])
            except Unusable as fault:
                faults.append((f"{pointer}/{key}", str(fault)))
        elif field.default is ...:
            faults.append((f"{pointer}/{key}", "missing; it is needed"))
        else:
            values[key] = field.default
    return values if len(faults) == before else None


def unknown(record: Mapping[str, Any], known: Mapping[str, Any], pointer: str = "") -> Faults:
    """Return a fault for each field that nobody knows."""
    return [
        (f"{pointer}/{pointed(key)}", f"unknown; known here: {', '.join(known)}")
        for key in record
        if key not in known
    ]


def pointed(key: str) -> str:
    """Return a key as it stands in a JSON pointer, cut short."""
    return key[:40].replace("~", "~0").replace("/", "~1")


class FaultCount:
    """The faults of a document: all are counted, the first thousand kept."""

    def __init__(self, *, order: Sequence[str] = ()) -> None:
        """Take the pointers of lists in the order in which they are to be told."""
        self._order = {pointer: place for place, pointer in enumerate(order, 1)}
        self._count, self._kept = 0, Faults()

    def add(self, faults: Sequence[tuple[str, str]]) -> None:
        """Add what is wrong with one record."""
        self._count += len(faults)
        self._kept += faults[: MAX_FAULTS - len(self._kept)]

    def raise_if_any(self) -> None:
        """Raise Invalid if there are any; of very many, their number comes first."""
        kept = sorted(self._kept, key=self._place)
        if self._count > MAX_FAULTS:
            told = f"found {self._count} faults, of which the first {MAX_FAULTS} follow"
            raise Invalid(("", told), *kept)
        if kept:
            raise Invalid(*kept)

    def _place(self, fault: tuple[str, str]) -> int:
        _, key, *_ = (*fault[0].split("/", 2), "")
        return self._order.get(f"/{key}", 0)


def raise_faults(faults: Faults) -> None:
    """Raise Invalid if there are any; of very many, their number comes first."""
    found = FaultCount()
    found.add(faults)
    found.raise_if_any()
