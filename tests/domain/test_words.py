"""Every event can be told in words that leave no value out."""

import re
from datetime import datetime
from typing import Any

import pytest
from msgspec import Struct

from domain.aggregate import Aggregate, Event, evolves, identify
from domain.assignments import Assignment, Person
from domain.assignments.weeks import hours_text
from domain.catalogue import AGGREGATES
from domain.differences import MAX_ITEMS, differences
from domain.suppliers import Booking, SupplierAliases, SupplierCapacity
from domain.words import UnknownField, event_fields, sentence, words
from tests.support.given import SOMEBODY
from tests.support.stored import SOME_ID, example, lived

EVENTS = [each for aggregate in AGGREGATES for each in aggregate.evolutions]


def _values(value: Any) -> list[str]:
    """Return everything in a value that people would miss."""
    if isinstance(value, bytes):
        return [f"{len(value)} bytes"]
    if isinstance(value, bool):
        return ["yes" if value else "no"]
    if isinstance(value, datetime):
        return [value.isoformat()]
    if isinstance(value, Struct):
        return [text for name in value.__struct_fields__ for text in _values(getattr(value, name))]
    if isinstance(value, tuple):
        return [text for each in value for text in _values(each)]
    return [] if value in ("", None) else [str(value)]


def _hours(value: Any) -> list[str]:
    """Return what stands for units where they are told as hours."""
    if isinstance(value, int):
        return [f"{hours_text(value)} h"]
    return [f"{week} {hours_text(units)} h" for week, units in value]


def _missing(event: Event, told: str) -> list[str]:
    in_hours = re.findall(r"{(\w+):hours}", vars(type(event)).get("__doc__") or "")
    values = [
        text
        for name in event_fields(type(event))
        for text in (_hours if name in in_hours else _values)(getattr(event, name))
    ]
    return [text for text in values if text not in told]


@pytest.mark.parametrize("event_class", EVENTS, ids=lambda each: each.topic)
def test_the_words_of_every_event_say_every_value(event_class: type[Event]) -> None:
    event = example(event_class)
    told = words(event)
    assert _missing(event, told) == []
    assert told[0].isupper()
    assert not told.endswith(".")
    assert "{" not in told


def test_a_value_left_out_would_be_noticed() -> None:
    event = example(SupplierCapacity.SlotBooked)
    assert _missing(event, "Booked a slot for SPUS55557") != []


@pytest.mark.parametrize("aggregate_class", AGGREGATES, ids=lambda each: each.__name__)
def test_every_aggregate_can_say_what_each_event_changed(aggregate_class: type[Aggregate]) -> None:
    born = aggregate_class(SOME_ID)
    changed = {each.field: each for each in differences(born, lived(aggregate_class))}
    assert changed
    assert all(each.before in (None, []) for each in changed.values())


def test_an_event_without_a_docstring_is_told_by_its_name() -> None:
    class Lamp(Aggregate):
        bright: bool = False

        class TurnedOn(Event, topic="lamps.turned_on"):
            by: str
            rooms: tuple[str, ...]

        @evolves(TurnedOn)
        def _turned_on(self, event: TurnedOn) -> None:
            self.bright = True

    event = Lamp.TurnedOn(by="Ada", rooms=tuple("ABCDEFG"))
    assert words(event) == "Turned on; by Ada, rooms A, B, C, D, E and 2 more"
    assert words(Lamp.TurnedOn(by="", rooms=())) == "Turned on"


def test_words_that_name_an_unknown_field_are_refused() -> None:
    class Odd(Event, topic="odd.odd"):
        """Something odd about {nothing_here}."""

        named: str

    with pytest.raises(UnknownField, match="name nothing_here"):
        words(Odd(named="x"))


def test_units_are_told_as_hours() -> None:
    weeks = tuple((f"2026-11-{day:02}", 75_000) for day in range(1, 8))
    assert words(Assignment.HoursSet(assignment_id=4, weeks=weeks[:2])) == (
        "Set hours of the assignment 4 by week: 2026-11-01 7.5 h, 2026-11-02 7.5 h"
    )
    many = words(Assignment.HoursSet(assignment_id=4, weeks=weeks))
    assert many.endswith("2026-11-05 7.5 h and 2 more")
    assert words(Assignment.HoursSet(assignment_id=4, weeks=())).endswith("by week: nothing")
    changed = Person.WeeklyCapacityChanged(person_id=1, weekly_capacity_units=380_000)
    assert words(changed) == "Changed the capacity of the person 1 to 38 h"
    assert sentence(type(changed)).endswith("to {weekly_capacity_units}")


def test_words_that_name_an_unknown_form_are_refused() -> None:
    class Odd(Event, topic="odd.formed"):
        """Something in {units:days}."""

        units: int

    with pytest.raises(UnknownField, match="name days"):
        words(Odd(units=5))


def test_what_an_event_changed_is_told_field_by_field() -> None:
    capacity = lived(SupplierCapacity)
    changed = SupplierCapacity.CapacityChanged(
        capacity_slots=7,
        publication=5,
        originator_id=SOME_ID,
        originator_version=capacity.version + 1,
        provenance=SOMEBODY,
    )
    before = _copied(capacity)
    changes = {each.field: each for each in differences(before, capacity.fold((changed,)))}
    assert set(changes) == {"capacity_slots", "listed"}
    assert changes["capacity_slots"].after == 7
    assert changes["capacity_slots"].words.endswith(" -> 7")


def test_what_changed_in_hours_is_told_in_hours() -> None:
    assignment, person = lived(Assignment), lived(Person)
    hours = Assignment.HoursSet(assignment_id=4, weeks=(("2026-03-01", 82_500),))
    assert changed_words(assignment, hours)["weeks"] == (
        "weeks 2026-03-01 7.5 h -> 2026-03-01 8.25 h"
    )
    capacity = Person.WeeklyCapacityChanged(person_id=1, weekly_capacity_units=380_000)
    assert changed_words(person, capacity)["weekly_capacity_units"].endswith(" h -> 38 h")


def changed_words(aggregate: Aggregate, event: Event) -> dict[str, str]:
    identify(event, SOME_ID, aggregate.version + 1)
    before = _copied(aggregate)
    return {each.field: each.words for each in differences(before, aggregate.fold((event,)))}


def _copied(aggregate: Aggregate) -> Aggregate:
    return aggregate.bound_to(SOMEBODY)


def test_before_its_birth_an_aggregate_says_nothing_whatever_its_defaults() -> None:
    aliases = SupplierAliases(SOME_ID)
    event = _aliases_set(1, ())
    changes = differences(SupplierAliases(SOME_ID), aliases.fold((event,)))
    assert [(each.field, each.before) for each in changes] == [
        ("line", None),
        ("supplier_by_alias", None),
    ]


def test_of_a_long_list_only_what_differs_is_told() -> None:
    pairs = tuple((f"a{number:04}", "S") for number in range(1_000))
    before = SupplierAliases(SOME_ID).fold((_aliases_set(1, pairs),))
    after = SupplierAliases(SOME_ID).fold((_aliases_set(1, (*pairs[1:], ("b", "S"))),))
    (change,) = differences(before, after)
    assert (change.before, change.after, change.same_items) == ([("a0000", "S")], [("b", "S")], 999)
    (change,) = differences(before, SupplierAliases(SOME_ID).fold((_aliases_set(1, ()),)))
    assert (len(change.before), change.left_out_items) == (MAX_ITEMS, 900)


def _aliases_set(version: int, pairs: tuple[tuple[str, str], ...]) -> SupplierAliases.Set:
    return SupplierAliases.Set(
        line="sbus",
        supplier_by_alias=pairs,
        originator_id=SOME_ID,
        originator_version=version,
        provenance=SOMEBODY,
    )


def test_an_event_stored_before_a_field_was_added_is_told() -> None:
    event = Booking.Reassigned(from_supplier="A", supplier="B")
    assert words(event) == "Moved from A to B"
