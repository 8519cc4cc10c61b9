"""In one count of a scenario a registration is held once, and by one supplier."""

from typing import Any

from domain.suppliers import BookedElsewhere, Booking, BookingNotFound, MatchDetails
from tests.support.given import Fact, Scenario, fact

DETAILS = MatchDetails(zip_code="55407", product_type="Solar", num_panels=12)


def booked(supplier: str, asked_supplier: str = "") -> Fact:
    return fact(
        Booking.Booked,
        line="sbus",
        scenario="overlap_only",
        reset_number=0,
        registration_id="SPUS00001",
        supplier=supplier,
        details=DETAILS,
        asked_supplier=asked_supplier,
    )


def booking_with(supplier: str, asked_supplier: str = "") -> Any:
    return lambda booking: booking.book(
        "sbus", "overlap_only", 0, "SPUS00001", supplier, DETAILS, asked_supplier
    )


RELEASED = fact(Booking.Released, supplier="iSoalr")


def test_books_a_registration(booking: Scenario[Booking]) -> None:
    now = booking.when(booking_with("iSoalr")).then(booked("iSoalr"))
    assert (now.held, now.supplier, now.details) == (True, "iSoalr", DETAILS)


def test_records_the_alias_that_was_used(booking: Scenario[Booking]) -> None:
    booking.when(booking_with("iSoalr", "iSolar")).then(booked("iSoalr", "iSolar"))


def test_the_same_booking_again_is_quiet(booking: Scenario[Booking]) -> None:
    booking.given(booked("iSoalr")).when(booking_with("iSoalr")).then_nothing()


def test_refuses_another_supplier(booking: Scenario[Booking]) -> None:
    (
        booking.given(booked("iSoalr"))
        .when(booking_with("TruNorthSolar"))
        .then_raises(
            BookedElsewhere,
            "Registration SPUS00001 is booked with iSoalr, not with TruNorthSolar; "
            "reassign it to move it",
        )
    )


def test_releases_what_is_held(booking: Scenario[Booking]) -> None:
    now = booking.given(booked("iSoalr")).when(lambda each: each.release()).then(RELEASED)
    assert not now.held


def test_a_released_registration_can_go_anywhere(booking: Scenario[Booking]) -> None:
    now = (
        booking.given(booked("iSoalr"), RELEASED)
        .when(booking_with("TruNorthSolar"))
        .then(booked("TruNorthSolar"))
    )
    assert now.held


def test_reassigns_to_another_supplier(booking: Scenario[Booking]) -> None:
    now = (
        booking.given(booked("TruNorthSolar"))
        .when(lambda each: each.reassign("iSoalr", "iSolar"))
        .then(
            fact(
                Booking.Reassigned,
                from_supplier="TruNorthSolar",
                supplier="iSoalr",
                asked_supplier="iSolar",
            )
        )
    )
    assert now.supplier == "iSoalr"


def test_reassigning_to_the_same_supplier_is_quiet(booking: Scenario[Booking]) -> None:
    booking.given(booked("iSoalr")).when(lambda each: each.reassign("iSoalr", "")).then_nothing()


def test_nothing_is_held_before_the_first_booking(booking: Scenario[Booking]) -> None:
    assert not booking.aggregate.held


def test_another_count_is_another_booking() -> None:
    first, second = (Booking.identity("sbus", "overlap_only", count, "SPUS1") for count in (0, 1))
    assert first != second


def test_says_what_was_not_found() -> None:
    assert str(BookingNotFound("sbus", "overlap_only", "SPUS1")) == (
        "Registration SPUS1 is not booked in sbus/overlap_only"
    )
