"""What an event changed: the declared state of its aggregate, before and after, field by field."""

from typing import Any

from msgspec import UNSET, Struct, UnsetType, to_builtins

from domain.aggregate import Aggregate
from domain.stored import declared_fields
from domain.words import NOTHING, spaced, told_hours, told_value

MAX_ITEMS = 100


class Change(Struct, frozen=True):
    """One field of an aggregate's state; `null` where it was not there.

    Of a list both sides hold only the items that the other side lacks, at most a hundred;
    `same_items` says how many stayed, `left_out_items` how many are not shown.
    """

    field: str
    before: Any
    after: Any
    same_items: int | UnsetType = UNSET
    left_out_items: int | UnsetType = UNSET

    @property
    def words(self) -> str:
        """The change as people read it; empty if nothing was there, and nothing came."""
        after = self._told(self.after)
        if self.before is not None:
            return f"{self._name} {self._told(self.before)} -> {after}"
        return f"{self._name} {after}" if after != NOTHING else ""

    @property
    def _name(self) -> str:
        return spaced(self.field)

    def _told(self, value: Any) -> str:
        return told_value(value if not isinstance(value, list) else tuple(value))


class ChangeOfHours(Change, frozen=True):
    """A change of units, which are told as hours."""

    @property
    def _name(self) -> str:
        return spaced(self.field.removesuffix("_units"))

    def _told(self, value: Any) -> str:
        return told_hours(value)


_ABSENT = object()


def differences(before: Aggregate, after: Aggregate) -> tuple[Change, ...]:
    """Return the fields of the declared state in which two states of one aggregate differ."""
    changes: list[Change] = []
    for field in declared_fields(type(after)):
        old, new = _value(before, field), getattr(after, field, _ABSENT)
        if old is not new and old != new:
            made = ChangeOfHours if field in after.in_hours else Change
            changes.append(_change(made, field, old, new))
    return tuple(changes)


def _value(aggregate: Aggregate, field: str) -> Any:
    """Return what an aggregate says; before its birth it says nothing, whatever its defaults."""
    return getattr(aggregate, field, _ABSENT) if aggregate.exists else _ABSENT


def _change(made: type[Change], field: str, old: Any, new: Any) -> Change:
    if not isinstance(new, tuple):
        return made(field, _shown(old), _shown(new))
    olds = old if isinstance(old, tuple) else ()
    gone, come = _lacking(olds, new), _lacking(new, olds)
    if not gone and not come:  # the same items in another order
        gone, come = list(olds), list(new)
    left_out = max(0, len(gone) - MAX_ITEMS) + max(0, len(come) - MAX_ITEMS)
    return made(
        field,
        None if old is _ABSENT else _shown(gone[:MAX_ITEMS]),
        _shown(come[:MAX_ITEMS]),
        same_items=len(new) - len(come),
        left_out_items=left_out or UNSET,
    )


def _lacking(items: tuple[Any, ...], other: tuple[Any, ...]) -> list[Any]:
    there = set(other)  # state is immutable, and so can be hashed
    return [each for each in items if each not in there]


def _shown(value: Any) -> Any:
    """Return a value as JSON's own types; bytes are counted, not shown."""
    if value is _ABSENT:
        return None
    if isinstance(value, bytes):
        return told_value(value)
    return to_builtins(value)
