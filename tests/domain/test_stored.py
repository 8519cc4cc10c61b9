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

from domain.aggregate import Aggregate, Event, evolves
from domain.catalogue import AGGREGATES, EVENTS_BY_TOPIC, UnknownTopic
from domain.stored import (
    UnfilledEvent,
    UnstorableEvent,
    decode,
    decode_snapshot,
    decoding,
    encode,
    encode_snapshot,
    stored_topic,
)
from domain.suppliers import Booking, Scenario, SupplierCapacity, SupplierTerms
from tests.support.given import SOMEBODY
from tests.support.stored import SOME_HASH, SOME_ID, example, lived, stored_examples

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


# Older shapes.


class Parcel(Aggregate):
    weight_grams: int
    label: str

    class Weighed(Event, topic="suppliers.parcel_weighed"):
        class_version = 3

        weight_grams: int
        label: str
        seal: bytes = b""

        @staticmethod
        def upcast_v1_v2(state: dict[str, Any]) -> None:
            state["weight_grams"] = state.pop("weight_kilograms") * 1_000

        @staticmethod
        def upcast_v2_v3(state: dict[str, Any]) -> None:
            state["label"] = "unlabelled"

    class Forgotten(Event, topic="suppliers.parcel_forgotten"):
        class_version = 2

        label: str

    @evolves(Weighed)
    def _weighed(self, event: Weighed) -> None:
        self.weight_grams = event.weight_grams
        self.label = event.label

    @evolves(Forgotten)
    def _forgotten(self, event: Forgotten) -> None:
        self.label = event.label


@pytest.fixture
def parcels(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put the parcel's events into the catalogue while one test lasts."""
    for event_class in Parcel.evolutions:
        monkeypatch.setitem(EVENTS_BY_TOPIC, event_class.topic, event_class)
    monkeypatch.setattr(decoding, "_readers", {})


def with_provenance(**fields: Any) -> bytes:
    return msgspec.json.encode({"provenance": SOMEBODY, "previous_hash": "", **fields})


@pytest.mark.parametrize(
    ("topic", "fields"),
    [
        ("suppliers.parcel_weighed", {"weight_kilograms": 2}),
        ("suppliers.parcel_weighed.v2", {"weight_grams": 2_000}),
        ("suppliers.parcel_weighed.v3", {"weight_grams": 2_000, "label": "unlabelled"}),
    ],
)
@pytest.mark.usefixtures("parcels")
def test_an_older_shape_is_read_as_todays(topic: str, fields: dict[str, Any]) -> None:
    event = decode(topic, with_provenance(**fields), SOME_ID, 1)
    assert event == Parcel.Weighed(
        originator_id=SOME_ID,
        originator_version=1,
        provenance=SOMEBODY,
        weight_grams=2_000,
        label="unlabelled",
    )
    assert Parcel(SOME_ID).fold((event,)).version == 1
    assert stored_topic(Parcel.Weighed) == "suppliers.parcel_weighed.v3"
    assert decode("suppliers.parcel_weighed.v3", encode(event), SOME_ID, 1) == event


@pytest.mark.usefixtures("parcels")
def test_an_older_shape_keeps_its_bytes_and_times() -> None:
    fields = {"weight_grams": 1, "seal": b"\0\xff"}
    event = decode("suppliers.parcel_weighed.v2", with_provenance(**fields), SOME_ID, 1)
    assert isinstance(event, Parcel.Weighed)
    assert (event.seal, event.provenance) == (b"\0\xff", SOMEBODY)


@pytest.mark.usefixtures("parcels")
def test_a_newer_shape_than_ours_is_unknown() -> None:
    with pytest.raises(UnknownTopic, match=r"parcel_weighed\.v4"):
        decode("suppliers.parcel_weighed.v4", with_provenance(), SOME_ID, 1)


@pytest.mark.usefixtures("parcels")
def test_an_older_shape_without_its_upcast_is_an_error() -> None:
    """The negative control: nothing is guessed where a step is missing."""
    with pytest.raises(AttributeError, match="upcast_v1_v2"):
        decode("suppliers.parcel_forgotten", with_provenance(), SOME_ID, 1)
    with pytest.raises(msgspec.ValidationError):
        # The oldest shape under the newest name: the upcasts are what made it load.
        decode("suppliers.parcel_weighed.v3", with_provenance(weight_kilograms=2), SOME_ID, 1)


# Aggregates and their snapshots.


@pytest.mark.parametrize("aggregate_class", AGGREGATES)
def test_every_aggregate_declares_its_state(aggregate_class: type[Aggregate]) -> None:
    """A snapshot holds what is declared in the class body: what is not would be lost."""
    kept_by_all = set(vars(Aggregate(SOME_ID)))
    assert set(vars(lived(aggregate_class))) - kept_by_all <= set(aggregate_class.__annotations__)


@pytest.mark.parametrize("aggregate_class", AGGREGATES)
def test_a_snapshot_comes_back_equal(aggregate_class: type[Aggregate]) -> None:
    before = lived(aggregate_class)
    after = decode_snapshot(aggregate_class, before.id, before.version, encode_snapshot(before))
    assert after is not None
    assert type(after) is aggregate_class
    assert vars(after) == vars(before)


def test_an_aggregate_goes_on_from_its_snapshot() -> None:
    capacity = SupplierCapacity(SOME_ID).fold([example(SupplierCapacity.Opened)])
    capacity.last_hash, capacity.linked = SOME_HASH, True
    snapshot = encode_snapshot(capacity)
    restored = decode_snapshot(SupplierCapacity, SOME_ID, 1, snapshot)
    booked = example(SupplierCapacity.SlotBooked, 2)
    assert restored is not None
    assert vars(restored.fold([booked])) == vars(capacity.fold([booked]))
    assert restored.version == 2


def box(weight: type, inner: type) -> Aggregate:
    """Return an aggregate that always has the same name, and state of these types."""

    class Inside(Struct, frozen=True):
        value: inner  # type: ignore[valid-type] # the type is what differs between the tests

    class Box(Aggregate):
        pass

    Box.__annotations__ = {"weight": weight, "inside": Inside}
    made = Box(SOME_ID)
    vars(made).update(weight=weight(1), inside=Inside(inner(1)), last_hash=SOME_HASH)
    return made


def test_a_snapshot_of_another_shape_is_dropped() -> None:
    snapshot = encode_snapshot(box(int, int))
    assert decode_snapshot(type(box(int, int)), SOME_ID, 1, snapshot) is not None
    assert decode_snapshot(type(box(str, int)), SOME_ID, 1, snapshot) is None
    assert decode_snapshot(type(box(int, str)), SOME_ID, 1, snapshot) is None
    assert decode_snapshot(type(box(int, int)), SOME_ID, 1, b"") is None


# What the base of all aggregates promises.


def test_an_aggregate_without_an_evolution_for_its_event_is_no_class() -> None:
    with pytest.raises(TypeError, match="Lazy has no evolution for Happened"):

        class Lazy(Aggregate):
            class Happened(Event, topic="suppliers.happened"):
                pass


def test_nothing_is_recorded_without_a_command() -> None:
    with pytest.raises(RuntimeError, match="is not bound to a command"):
        Scenario(SOME_ID).open("sbus", "overlap_only", 1, (), "")


def test_a_bound_copy_leaves_the_original_as_it_was() -> None:
    original = Scenario(SOME_ID)
    original.bound_to(SOMEBODY).open("sbus", "overlap_only", 1, (), "")
    assert (original.exists, original.collect_events()) == (False, [])


def test_recorded_events_carry_identity_version_and_provenance() -> None:
    scenario = Scenario(SOME_ID).bound_to(SOMEBODY)
    scenario.open("sbus", "overlap_only", 1, (), "")
    scenario.reset()
    events = scenario.collect_events()
    assert [(each.originator_id, each.originator_version) for each in events] == [
        (SOME_ID, 1),
        (SOME_ID, 2),
    ]
    assert {each.provenance for each in events} == {SOMEBODY}
    assert scenario.collect_events() == []


def test_an_event_can_never_be_changed() -> None:
    with pytest.raises(AttributeError):
        RESET.reset_number = 2  # type: ignore[misc] # that is the point
    with pytest.raises(AttributeError):
        SOMEBODY.actor = "eve"  # type: ignore[misc] # that is the point


def test_the_librarys_repository_can_fold_through_mutate() -> None:
    opened = example(SupplierCapacity.Opened)
    capacity = opened.mutate(None)
    assert example(SupplierCapacity.SlotBooked, 2).mutate(capacity) is capacity
    assert capacity.version == 2
