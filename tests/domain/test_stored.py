"""What is stored loads for ever, comes back equal, and never becomes what it was not."""

from datetime import datetime
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Meta, Struct
from msgspec.structs import replace

from domain.aggregate import Aggregate, Event
from domain.catalogue import AGGREGATES, EVENTS_BY_TOPIC, UnknownTopic
from domain.stored import UnfilledEvent, UnstorableEvent, decode, encode, stored_topic
from domain.suppliers import Booking, Scenario, SupplierTerms
from tests.support.given import SOMEBODY
from tests.support.stored import SOME_ID, example, stored_examples

EVENTS = sorted(EVENTS_BY_TOPIC.values(), key=stored_topic)


RESET = Scenario.Reset(
    originator_id=SOME_ID, originator_version=3, provenance=SOMEBODY, reset_number=1
)


# The stored examples.


@pytest.mark.parametrize("event_class", EVENTS, ids=stored_topic)
def test_every_topic_has_an_example(event_class: type[Event]) -> None:
    assert stored_topic(event_class) in stored_examples()


@pytest.mark.parametrize(("topic", "state"), stored_examples().items(), ids=stored_examples())
def test_the_bytes_of_yesterday_load(topic: str, state: bytes) -> None:
    event = decode(topic, state, SOME_ID, 5)
    assert (event.originator_id, event.originator_version) == (SOME_ID, 5)
    if topic == stored_topic(type(event)):
        assert encode(event) + b"\n" == state
    assert decode(stored_topic(type(event)), encode(event), SOME_ID, 5) == event


@pytest.mark.parametrize("event_class", EVENTS, ids=stored_topic)
def test_a_topic_begins_with_its_context(event_class: type[Event]) -> None:
    assert event_class.topic.split(".")[0] == event_class.__module__.split(".")[1]


# Round trips.


def values_of(hint: Any) -> st.SearchStrategy[Any]:
    """Return a strategy for everything that a field of this type may hold."""
    if get_origin(hint) is Annotated:
        hint = get_args(hint)[0]
    if get_origin(hint) in (Union, UnionType):
        return st.one_of(*map(values_of, get_args(hint)))
    if get_origin(hint) is tuple:
        members = get_args(hint)
        if members[-1] is ...:
            return st.lists(values_of(members[0]), max_size=5).map(tuple)
        return st.tuples(*map(values_of, members))
    if issubclass(hint, Struct):
        return structs(hint)
    plain: dict[Any, st.SearchStrategy[Any]] = {
        str: st.text(),
        int: st.integers(-(2**63), 2**63 - 1),
        bool: st.booleans(),
        bytes: st.binary(),
        UUID: st.uuids(),
        NoneType: st.none(),
        datetime: st.datetimes(timezones=st.just(SOMEBODY.recorded_at.tzinfo)),
    }
    return plain[hint]


def structs(struct_class: type[Struct]) -> st.SearchStrategy[Any]:
    hints = get_type_hints(struct_class, include_extras=True)
    fields = {name: values_of(hints[name]) for name in struct_class.__struct_fields__}
    return st.fixed_dictionaries(fields).map(lambda values: struct_class(**values))


@given(st.sampled_from(EVENTS).flatmap(structs))
def test_every_event_comes_back_equal(event: Event) -> None:
    topic, state = stored_topic(type(event)), encode(event)
    assert decode(topic, state, event.originator_id, event.originator_version) == event


def test_identity_stands_in_columns_of_its_own() -> None:
    assert set(msgspec.json.decode(encode(RESET))) == {
        "provenance",
        "previous_hash",
        "reset_number",
    }


# What is refused.


def test_refuses_an_event_that_was_never_recorded() -> None:
    with pytest.raises(UnfilledEvent, match=r"Scenario\.Reset was not recorded"):
        encode(Scenario.Reset(reset_number=1))


@pytest.mark.parametrize(
    "topic", ["nobody.knows", "suppliers.booked.v2", "suppliers.booked.v0", ""]
)
def test_an_unknown_topic_is_named_with_its_place(topic: str) -> None:
    with pytest.raises(UnknownTopic) as caught:
        decode(topic, b"{}", SOME_ID, 3)
    assert str(caught.value) == (
        f"No event class claims the stored topic {topic!r} (version 3 of {SOME_ID})"
    )


@pytest.mark.parametrize("number", [2**63, 2**64, -(2**63) - 1])
@pytest.mark.parametrize("place", ["field", "value type", "tuple of value types"])
def test_refuses_an_integer_beyond_64_bits(number: int, place: str) -> None:
    event: Event
    if place == "field":
        event = replace(RESET, reset_number=number)
    elif place == "value type":
        booked = example(Booking.Booked)
        assert isinstance(booked, Booking.Booked)
        event = replace(booked, details=replace(booked.details, num_panels=number))
    else:
        terms = (SupplierTerms("a", 1), SupplierTerms("b", number))
        event = replace(example(Scenario.Resynced), terms=terms)
    with pytest.raises(UnstorableEvent, match=f"{number}, which is beyond 64 bits"):
        encode(event)


def test_refuses_a_time_without_a_zone() -> None:
    naive = replace(SOMEBODY, recorded_at=SOMEBODY.recorded_at.replace(tzinfo=None))
    with pytest.raises(UnstorableEvent, match="recorded_at has no time zone"):
        encode(replace(RESET, provenance=naive))
    with pytest.raises(msgspec.ValidationError, match="timezone"):
        decode("suppliers.scenario_reset", encode(RESET).replace(b"Z", b""), SOME_ID, 3)


@pytest.mark.parametrize("number", [b"NaN", b"1.5", b"null", b'"1"', b"true"])
def test_refuses_stored_bytes_of_another_type(number: bytes) -> None:
    state = encode(RESET).replace(b'"reset_number":1', b'"reset_number":' + number)
    with pytest.raises(msgspec.DecodeError):
        decode("suppliers.scenario_reset", state, SOME_ID, 3)


def test_refuses_a_field_that_no_one_knows() -> None:
    state = encode(RESET).replace(b'"reset_number"', b'"extra":1,"reset_number"')
    with pytest.raises(msgspec.ValidationError, match="extra"):
        decode("suppliers.scenario_reset", state, SOME_ID, 3)


# Fields and state hold what never changes, and what every store can hold.


def faults_of(hint: Any, where: str) -> list[str]:
    """Return what in a type may change behind our back, or means different things to readers."""
    if get_origin(hint) is Annotated:
        base, *extras = get_args(hint)
        if base is datetime:
            return [] if Meta(tz=True) in extras else [f"{where}: a time without a zone"]
        return faults_of(base, where)
    if get_origin(hint) in (Union, UnionType, tuple):
        return [
            fault for each in get_args(hint) if each is not ... for fault in faults_of(each, where)
        ]
    if isinstance(hint, type) and issubclass(hint, Struct):
        config = hint.__struct_config__
        loose = [] if config.frozen and config.forbid_unknown_fields else [f"{where}: not frozen"]
        hints = get_type_hints(hint, include_extras=True)
        names = hint.__struct_fields__
        return loose + [
            fault for name in names for fault in faults_of(hints[name], f"{where}.{name}")
        ]
    if hint in (str, int, bool, bytes, UUID, NoneType):
        return []
    return [f"{where}: {hint}"]


@pytest.mark.parametrize("event_class", EVENTS, ids=stored_topic)
def test_every_field_is_immutable_and_exact(event_class: type[Event]) -> None:
    assert faults_of(event_class, event_class.topic) == []


@pytest.mark.parametrize("aggregate_class", AGGREGATES)
def test_the_state_of_aggregates_is_immutable(aggregate_class: type[Aggregate]) -> None:
    hints = get_type_hints(aggregate_class, include_extras=True)
    names = aggregate_class.__annotations__
    assert [fault for name in names for fault in faults_of(hints[name], name)] == []


class Loose(Struct, frozen=True):
    pass


@pytest.mark.parametrize(
    "hint",
    [
        float,
        datetime,
        Annotated[datetime, Meta(tz=False)],
        list[int],
        dict[str, int],
        set[str],
        tuple[list[int], ...],
        int | float,
        Any,
        Loose,
    ],
    ids=str,
)
def test_the_walk_over_types_finds_faults(hint: Any) -> None:
    assert len(faults_of(hint, "field")) == 1
