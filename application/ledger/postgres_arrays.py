"""Arrays in PostgreSQL's binary form, built by hand.

psycopg dumps lists item by item, which costs more than deciding what is in them.
"""

from collections.abc import Sequence
from struct import Struct
from uuid import UUID

from psycopg.abc import AdaptContext, Buffer
from psycopg.adapt import Dumper
from psycopg.pq import Format

_HEADER, _EMPTY, _LENGTH = Struct("!iiIii"), Struct("!iiI"), Struct("!i")
_BIGINT, _INTEGER = Struct("!q").pack, Struct("!i").pack


class Array:
    """The bytes of one array parameter; a subclass for each type, as dumpers go by class."""

    __slots__ = ("bytes",)
    oid = 0  # of the array's type, and of its items': fixed in PostgreSQL's catalogue
    item_oid = 0

    def __init__(self, items: Sequence[bytes]) -> None:
        length, oid = _LENGTH.pack, self.item_oid
        parts = [_HEADER.pack(1, 0, oid, len(items), 1) if items else _EMPTY.pack(0, 0, oid)]
        for item in items:
            parts.append(length(len(item)))
            parts.append(item)
        self.bytes = b"".join(parts)


class UuidArray(Array):
    __slots__ = ()
    oid, item_oid = 2951, 2950


class BigintArray(Array):
    __slots__ = ()
    oid, item_oid = 1016, 20


class IntegerArray(Array):
    __slots__ = ()
    oid, item_oid = 1007, 23


class TextArray(Array):
    __slots__ = ()
    oid, item_oid = 1009, 25


class BytesArray(Array):
    __slots__ = ()
    oid, item_oid = 1001, 17


def uuids(ids: Sequence[UUID]) -> Array:
    """Return a parameter of type uuid[]."""
    return UuidArray([each.bytes for each in ids])


def bigints(numbers: Sequence[int]) -> Array:
    """Return a parameter of type bigint[]."""
    return BigintArray([_BIGINT(each) for each in numbers])


def integers(numbers: Sequence[int]) -> Array:
    """Return a parameter of type integer[]."""
    return IntegerArray([_INTEGER(each) for each in numbers])


def texts(values: Sequence[str]) -> Array:
    """Return a parameter of type text[]."""
    return TextArray([each.encode() for each in values])


def blobs(values: Sequence[bytes]) -> Array:
    """Return a parameter of type bytea[]."""
    return BytesArray(values)


def bigint(number: int) -> bytes:
    """Return the bytes of one bigint."""
    return _BIGINT(number)


def register_arrays(context: AdaptContext) -> None:
    """Let a connection's own statements take these arrays as parameters."""
    adapters = context.adapters
    assert adapters is not None
    for array_class in (UuidArray, BigintArray, IntegerArray, TextArray, BytesArray):
        adapters.register_dumper(array_class, _dumper(array_class))


def _dumper(array_class: type[Array]) -> type[Dumper]:
    class ArrayDumper(Dumper):
        format = Format.BINARY
        oid = array_class.oid

        def dump(self, obj: Array) -> Buffer | None:
            return obj.bytes

    return ArrayDumper
