"""Counting a match: the original's answers, texts and bytes (1.3), and the identity it has not."""

import asyncio

import pytest

from interfaces.files.capacity_tracker import reset_capacity
from tests.interfaces.files.calling import ACME, indented, refused, update
from tests.interfaces.files.conftest import Desk, plain


@pytest.mark.parametrize(
    "match",
    [
        {"supplier_id": "ACME"},
        {"SupplierID": "ACME"},
        {"supplier_id": "", "SupplierID": "ACME"},
        {"supplier_id": "ACME", "SupplierID": "iSoalr"},
        '{"supplier_id": "ACME"}',
        '[{"supplier_id": "nobody"}, {"supplier_id": "ACME"}]',
        [{}, {"supplier_id": "iSoalr"}, {"supplier_id": "ACME"}],
        {"supplier_id": "ACME", "registration_id": "SPUS55557", "zip_code": 55407},
    ],
)
def test_counts_one_slot_for_the_last_match(any_desk: Desk, match: object) -> None:
    text = f"Successfully updated supplier capacity in {any_desk.capacity}"
    assert update(any_desk, match) == text
    assert any_desk.capacity.read_bytes() == indented(plain("ACME", 5, 1) | plain("iSoalr", 2, 0))


FORM = "match_data must be a dictionary or list of dictionaries"
NO_TEXT = "Invalid JSON string provided for match_data"


@pytest.mark.parametrize(
    ("match", "message"),
    [
        ("", NO_TEXT),
        ("{", NO_TEXT),
        ("[" * 100_000, NO_TEXT),
        ("7", FORM),
        ("null", FORM),
        ('["x"]', FORM),
        (None, FORM),
        (7, FORM),
        (({"supplier_id": "ACME"},), FORM),
        ([{"supplier_id": "ACME"}, 7], FORM),
        ([], "match_data: found an empty list, at least one match is needed"),
        ("[]", "match_data: found an empty list, at least one match is needed"),
        (
            {"supplier_id": "ACME", "registration_id": 2.5},
            "match_data: registration_id: found 2.5, text is needed; "
            "got {'supplier_id': 'ACME', 'registration_id...",
        ),
    ],
)
def test_refuses_match_data_of_another_form_and_touches_no_file(
    desk: Desk, match: object, message: str
) -> None:
    assert refused(desk, match) == message
    assert not desk.capacity.parent.exists()


@pytest.mark.parametrize(
    ("match", "message"),
    [
        ({}, "Match missing both supplier_id and SupplierID: {}"),
        (
            {"supplier_id": None, "SupplierID": ""},
            "Match missing both supplier_id and SupplierID: "
            "{'supplier_id': None, 'SupplierID': ''}",
        ),
        ({"supplier_id": "acme"}, "SupplierID acme not found in capacity data"),
        ({"supplier_id": " ACME"}, "SupplierID  ACME not found in capacity data"),
        ({"supplier_id": 5}, "SupplierID 5 not found in capacity data"),
        ({"supplier_id": ["ACME"]}, "SupplierID ['ACME'] not found in capacity data"),
    ],
)
def test_a_supplier_that_is_not_there_leaves_a_fresh_file(
    desk: Desk, match: object, message: str
) -> None:
    assert refused(desk, match) == message
    assert desk.capacity.read_bytes() == indented(plain("ACME", 5, 0) | plain("iSoalr", 2, 0))


def test_refuses_one_more_than_there_is(any_desk: Desk) -> None:
    for _ in range(2):
        update(any_desk, {"supplier_id": "iSoalr"})
    before = any_desk.capacity.read_bytes()
    assert (
        refused(any_desk, {"supplier_id": "iSoalr"}) == "Supplier iSoalr capacity exceeded: 3 > 2"
    )
    assert any_desk.capacity.read_bytes() == before


def test_a_capacity_below_what_is_used_stays_as_it_is(desk: Desk) -> None:
    content = desk.put({"ACME": plain("ACME", 5, 9)["ACME"] | {"UsedPct": 0.9}})
    assert refused(desk, ACME) == "Supplier ACME capacity exceeded: 10 > 5"
    assert desk.capacity.read_bytes() == content


def test_a_capacity_of_zero_takes_nothing(desk: Desk) -> None:
    desk.offer(ACME=0)
    assert refused(desk, ACME) == "Supplier ACME capacity exceeded: 1 > 0"


@pytest.mark.parametrize(("capacity", "shares"), [(8, [0.12, 0.25]), (3, [0.33, 0.67])])
def test_rounds_the_share_as_python_does(desk: Desk, capacity: int, shares: list[float]) -> None:
    desk.offer(ACME=capacity)
    for share in shares:
        update(desk, ACME)
        assert desk.shown["ACME"]["UsedPct"] == share


def test_extra_keys_and_the_order_of_keys_are_kept(any_desk: Desk) -> None:
    any_desk.put(
        {
            "_note": ["by", "hand"],
            "BETA": {"UsedPct": 0, "Used": 0, "Capacity": 4},
            "ACME": {"Since": 2024, "UsedPct": 0.9, "Used": 1, "Capacity": 4, "SupplierID": "A"},
        }
    )
    update(any_desk, ACME)
    assert any_desk.capacity.read_bytes() == indented(
        {
            "_note": ["by", "hand"],
            "BETA": {"UsedPct": 0, "Used": 0, "Capacity": 4},
            "ACME": {"Since": 2024, "UsedPct": 0.5, "Used": 2, "Capacity": 4, "SupplierID": "A"},
        }
    )


# Identity: what the original has not.


def test_a_registration_counts_once(any_desk: Desk) -> None:
    match = ACME | {"registration_id": "SPUS55557"}
    text = f"Successfully updated supplier capacity in {any_desk.capacity}"
    assert [update(any_desk, match), update(any_desk, match)] == [text, text]
    assert any_desk.used() == 1


@pytest.mark.parametrize("registration_id", [None, "", "unknown"])
def test_a_match_without_an_id_counts_each_time(desk: Desk, registration_id: object) -> None:
    for _ in range(2):
        update(desk, ACME | {"registration_id": registration_id})
    assert desk.used() == 2


def test_a_number_is_the_same_registration_as_its_digits(desk: Desk) -> None:
    update(desk, ACME | {"registration_id": 53654})
    update(desk, ACME | {"registration_id": "53654"})
    assert desk.used() == 1


def test_a_registration_is_not_moved_by_a_second_match(desk: Desk) -> None:
    update(desk, ACME | {"registration_id": "R1"})
    assert refused(desk, {"supplier_id": "iSoalr", "registration_id": "R1"}) == (
        "Registration R1 is booked with ACME, not with iSoalr; reassign it to move it"
    )


def test_after_a_reset_the_same_registrations_count_again(any_desk: Desk) -> None:
    match = ACME | {"registration_id": "SPUS55557"}
    update(any_desk, match)
    asyncio.run(reset_capacity(any_desk.capacity))
    update(any_desk, match)
    assert any_desk.used() == 1
