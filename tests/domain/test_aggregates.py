"""What the base of all aggregates promises, and what a snapshot keeps of one."""

import pytest
from msgspec import Struct

from domain.aggregate import Aggregate, Event
from domain.catalogue import AGGREGATES
from domain.stored import decode_snapshot, encode_snapshot
from domain.suppliers import Scenario, SupplierCapacity
from tests.support.given import SOMEBODY
from tests.support.stored import SOME_HASH, SOME_ID, example, lived


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
        example(Scenario.Reset).originator_version = 2  # type: ignore[misc] # that is the point
    with pytest.raises(AttributeError):
        SOMEBODY.actor = "eve"  # type: ignore[misc] # that is the point


def test_the_librarys_repository_can_fold_through_mutate() -> None:
    opened = example(SupplierCapacity.Opened)
    capacity = opened.mutate(None)
    assert example(SupplierCapacity.SlotBooked, 2).mutate(capacity) is capacity
    assert capacity.version == 2
