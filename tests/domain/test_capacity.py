"""In one scenario a supplier never holds more registrations than its capacity."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.suppliers import CapacityExceeded, SupplierCapacity, SupplierNotFound
from tests.support.given import SOMEBODY, Scenario, fact

FIRST, SECOND = UUID(int=1), UUID(int=2)
OPENED = fact(
    SupplierCapacity.Opened,
    line="sbus",
    scenario="overlap_only",
    supplier="iSoalr",
    capacity_slots=1,
)
BOOKED = fact(SupplierCapacity.SlotBooked, booking_id=FIRST, registration_id="SPUS00001")
RELEASED = fact(SupplierCapacity.SlotReleased, booking_id=FIRST, registration_id="SPUS00001")
LOWERED = fact(SupplierCapacity.CapacityChanged, capacity_slots=0, publication=2)


def test_opens_empty(supplier_capacity: Scenario[SupplierCapacity]) -> None:
    now = supplier_capacity.when(
        lambda capacity: capacity.open("sbus", "overlap_only", "iSoalr", 1)
    ).then(OPENED)
    assert now.described() == {"capacity": 1, "used": 0, "overbooked": 0}


def test_books_a_slot(supplier_capacity: Scenario[SupplierCapacity]) -> None:
    now = (
        supplier_capacity.given(OPENED)
        .when(lambda capacity: capacity.book_slot(FIRST, "SPUS00001"))
        .then(BOOKED)
    )
    assert (now.used_slots, now.room_slots) == (1, 0)


def test_refuses_a_slot_over_capacity(supplier_capacity: Scenario[SupplierCapacity]) -> None:
    (
        supplier_capacity.given(OPENED, BOOKED)
        .when(lambda capacity: capacity.book_slot(SECOND, "SPUS00002"))
        .then_raises(CapacityExceeded, "Supplier iSoalr capacity exceeded: 2 > 1")
    )


def test_a_released_slot_can_be_booked_again(
    supplier_capacity: Scenario[SupplierCapacity],
) -> None:
    now = (
        supplier_capacity.given(OPENED, BOOKED)
        .when(lambda capacity: capacity.release_slot(FIRST, "SPUS00001"))
        .then(RELEASED)
    )
    assert (now.used_slots, now.room_slots) == (0, 1)


def test_a_lowered_capacity_shows_as_overbooked(
    supplier_capacity: Scenario[SupplierCapacity],
) -> None:
    now = (
        supplier_capacity.given(OPENED, BOOKED)
        .when(lambda capacity: capacity.change_capacity(0, 2))
        .then(LOWERED)
    )
    assert now.described() == {"capacity": 0, "used": 1, "overbooked": 1}
    assert now.room_slots == 0


def test_refuses_bookings_while_overbooked(supplier_capacity: Scenario[SupplierCapacity]) -> None:
    (
        supplier_capacity.given(OPENED, BOOKED, LOWERED)
        .when(lambda capacity: capacity.book_slot(SECOND, "SPUS00002"))
        .then_raises(CapacityExceeded, "Supplier iSoalr capacity exceeded: 2 > 0")
    )


def test_the_same_capacity_again_is_quiet(supplier_capacity: Scenario[SupplierCapacity]) -> None:
    supplier_capacity.given(OPENED).when(lambda each: each.change_capacity(1, 2)).then_nothing()


@pytest.mark.parametrize("facts", [(OPENED,), (OPENED, BOOKED)])
def test_clearing_is_recorded_even_when_nothing_is_used(
    supplier_capacity: Scenario[SupplierCapacity], facts: tuple[tuple[type, dict[str, object]], ...]
) -> None:
    now = (
        supplier_capacity.given(*facts)
        .when(lambda capacity: capacity.clear(1))
        .then(fact(SupplierCapacity.Cleared, reset_number=1))
    )
    assert now.used_slots == 0


@given(st.integers(0, 5), st.lists(st.sampled_from(["book", "release"]) | st.integers(0, 5)))
def test_no_sequence_of_decisions_oversells(capacity_slots: int, steps: list[str | int]) -> None:
    """A booking never leads beyond the capacity; only a lowered capacity does."""
    capacity = SupplierCapacity(UUID(int=7)).bound_to(SOMEBODY)
    capacity.open("sbus", "overlap_only", "iSoalr", capacity_slots)
    used = 0
    for step in steps:
        if step == "book" and used < capacity_slots:
            capacity.book_slot(FIRST, "SPUS00001")
            used += 1
        elif step == "book":
            with pytest.raises(CapacityExceeded):
                capacity.book_slot(FIRST, "SPUS00001")
        elif step == "release" and used:
            capacity.release_slot(FIRST, "SPUS00001")
            used -= 1
        elif isinstance(step, int):
            capacity.change_capacity(step, 2)
            capacity_slots = step
        assert (capacity.used_slots, capacity.capacity_slots) == (used, capacity_slots)
        assert capacity.over_slots == max(0, used - capacity_slots)
        assert capacity.room_slots == max(0, capacity_slots - used)


def test_an_unknown_supplier_is_not_a_full_one() -> None:
    assert str(SupplierNotFound("sbus", "overlap_only", "iSolar")) == (
        "Supplier iSolar is not in the scenario sbus/overlap_only"
    )
