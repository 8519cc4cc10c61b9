"""A capacity file is made from the offers where there is none, as the original does (1.1, 1.2)."""

from typing import Any

import pytest

from tests.interfaces.files.calling import ACME, indented, initialize, refused, update
from tests.interfaces.files.conftest import Desk, plain

WHOLE = "a whole number of registrations is needed"


def test_makes_the_file_from_the_offers(any_desk: Desk) -> None:
    expected = plain("ACME", 5, 0) | plain("iSoalr", 2, 0)
    assert initialize(any_desk) == expected
    assert any_desk.capacity.read_bytes() == indented(expected)
    assert any_desk.counted() == [
        "capacity_file_imported",
        "usage_imported",
        "usage_imported",
    ]


def test_an_existing_file_is_returned_whatever_the_offers_are(desk: Desk) -> None:
    content = desk.put({"ACME": {"Capacity": 5, "Used": 1}})
    desk.offers.unlink()
    assert initialize(desk) == {"ACME": {"Capacity": 5, "Used": 1}}
    assert desk.capacity.read_bytes() == content
    assert desk.counted() == ["capacity_file_imported", "usage_imported"]


@pytest.mark.parametrize("document", [[1, 2], 7, None, {"ACME": {"Capacity": 2.5}}])
def test_an_existing_file_is_returned_without_any_validation(desk: Desk, document: Any) -> None:
    content = desk.put(document)
    assert initialize(desk) == document
    assert desk.capacity.read_bytes() == content


def test_offers_are_not_looked_at_again(desk: Desk) -> None:
    update(desk, ACME)
    desk.offer(ACME=50, BETA=50)
    update(desk, ACME)
    assert desk.shown == plain("ACME", 5, 2) | plain("iSoalr", 2, 0)
    assert refused(desk, {"supplier_id": "BETA"}) == "SupplierID BETA not found in capacity data"


def test_reads_offers_as_the_original_does(desk: Desk) -> None:
    desk.offer_all(
        [
            {"SupplierID": "Noë", "Capacity": 1, "Used": 4, "UsedPct": 0.5},
            {"Capacity": 9},
            {"SupplierID": "", "Capacity": 9},
            {"SupplierID": None, "Capacity": 9},
            {"SupplierID": "BETA"},
            {"SupplierID": "Noë", "Capacity": 3},
        ]
    )
    initialize(desk)
    assert desk.capacity.read_bytes() == indented(plain("Noë", 3, 0) | plain("BETA", 0, 0))
    assert rb"No\u00eb" in desk.capacity.read_bytes()


def test_no_offers_make_an_empty_object(desk: Desk) -> None:
    desk.offer_all([])
    assert initialize(desk) == {}
    assert desk.capacity.read_bytes() == b"{}"


NO_LIST = "Offers file must contain a 'SupplierOffers' key with a list"


@pytest.mark.parametrize(
    ("offers", "message"),
    [
        (None, "Could not read or parse offers file at {offers}"),
        (b"", "Could not read or parse offers file at {offers}"),
        (b'{"SupplierOffers": [', "Could not read or parse offers file at {offers}"),
        (b"\xff", "Could not read or parse offers file at {offers}"),
        (b"[]", NO_LIST),
        (b"7", NO_LIST),
        (b'{"Offers": []}', NO_LIST),
        (b'{"SupplierOffers": null}', NO_LIST + "; {offers} has null there"),
        (b'{"SupplierOffers": {}}', NO_LIST + "; {offers} has {} there"),
        (
            b'{"SupplierOffers": ["x"]}',
            "Offers file {offers}: /SupplierOffers/0: found 'x', an object is needed",
        ),
        (
            b'{"SupplierOffers": [{"SupplierID": 5}]}',
            "Offers file {offers}: /SupplierOffers/0/SupplierID: found 5, text is needed",
        ),
        (
            b'{"SupplierOffers": [{"SupplierID": "A", "Capacity": 2.5}]}',
            "Offers file {offers}: /SupplierOffers/0/Capacity: found 2.5, " + WHOLE,
        ),
    ],
)
def test_names_what_is_wrong_with_the_offers_and_leaves_nothing(
    desk: Desk, offers: bytes | None, message: str
) -> None:
    desk.offers.unlink()
    if offers is not None:
        desk.offers.write_bytes(offers)
    with pytest.raises(ValueError) as caught:
        initialize(desk)
    assert str(caught.value) == message.replace("{offers}", str(desk.offers))
    assert refused(desk, ACME) == str(caught.value)
    assert not desk.capacity.parent.exists()
