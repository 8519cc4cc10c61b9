"""The four functions: the original's answers, texts and bytes, and where ours departs from it."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from interfaces.files.capacity_tracker import (
    get_available_capacity,
    initialize_capacity_file,
    reset_capacity,
    update_supplier_capacity,
)
from interfaces.files.errors import CapacityFileEdited, CapacityFileInvalid, CapacityNotKept
from interfaces.files.keeper import KEEPER
from tests.interfaces.files.conftest import Desk, plain

WHOLE = "a whole number of registrations is needed"


def indented(document: object) -> bytes:
    return json.dumps(document, indent=2).encode()


def initialize(desk: Desk) -> Any:
    return asyncio.run(initialize_capacity_file(desk.offers, desk.capacity))


def update(desk: Desk, match: object) -> str:
    return asyncio.run(update_supplier_capacity(match, str(desk.offers), str(desk.capacity)))


def refused(desk: Desk, match: object) -> str:
    """Return the whole message of a refused update."""
    with pytest.raises(ValueError) as caught:
        update(desk, match)
    return str(caught.value)


ACME = {"supplier_id": "ACME"}


# initialize (1.1, 1.2)


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


# update (1.3)


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


# get and reset (1.4)


@pytest.mark.parametrize("document", [[1], 7, {"A": {"Used": "?"}}])
def test_answers_the_file_as_it_is(tmp_path: Path, document: object) -> None:
    (tmp_path / "x.json").write_text(json.dumps(document))
    assert asyncio.run(get_available_capacity(tmp_path / "x.json")) == document
    assert [each.name for each in tmp_path.iterdir()] == ["x.json"]


@pytest.mark.parametrize("function", [get_available_capacity, reset_capacity])
def test_a_file_that_is_not_there_is_named(tmp_path: Path, function: Any) -> None:
    path = tmp_path / "sub" / "x.json"
    with pytest.raises(ValueError) as caught:
        asyncio.run(function(str(path)))
    assert str(caught.value) == f"Capacity file not found: {path}"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"", "no JSON: Expecting value at line 1, column 1"),
        (
            b'{"A": {',
            "no JSON: Expecting property name enclosed in double quotes at line 1, column 8",
        ),
        (b'"\xff"', "byte 1 is not UTF-8"),
    ],
)
@pytest.mark.parametrize("function", ["get", "initialize"])
def test_a_file_that_says_nothing_is_named(
    desk: Desk, content: bytes, fault: str, function: str
) -> None:
    desk.put(content)
    with pytest.raises(ValueError) as caught:
        if function == "get":
            asyncio.run(get_available_capacity(desk.capacity))
        else:
            initialize(desk)
    assert str(caught.value) == f"Capacity file {desk.capacity}: {fault}"
    assert desk.capacity.read_bytes() == content


def test_reset_keeps_capacity_and_extras(any_desk: Desk) -> None:
    any_desk.put({"ACME": {"Used": 3, "UsedPct": 0.6, "Capacity": 5, "Since": 2024}, "note": "x"})
    text = asyncio.run(reset_capacity(str(any_desk.capacity)))
    assert text == f"Successfully reset capacity in {any_desk.capacity}"
    assert any_desk.capacity.read_bytes() == indented(
        {"ACME": {"Used": 0, "UsedPct": 0.0, "Capacity": 5, "Since": 2024}, "note": "x"}
    )


def test_reset_puts_a_wrong_share_right(desk: Desk) -> None:
    desk.put({"ACME": plain("ACME", 5, 0)["ACME"] | {"UsedPct": 0.7}})
    asyncio.run(reset_capacity(desk.capacity))
    assert desk.shown == plain("ACME", 5, 0)


# Edits from outside.


def test_an_edit_between_two_calls_is_adopted(any_desk: Desk) -> None:
    update(any_desk, ACME)
    any_desk.put(plain("ACME", 9, 7) | plain("BETA", 1, 0))
    update(any_desk, ACME)
    update(any_desk, {"supplier_id": "BETA"})
    assert any_desk.shown == plain("ACME", 9, 8) | plain("BETA", 1, 1)
    assert any_desk.history().count("capacity_file_imported") == 2


def test_a_file_that_was_deleted_begins_anew(any_desk: Desk) -> None:
    match = ACME | {"registration_id": "R1"}
    update(any_desk, match)
    any_desk.capacity.unlink()
    any_desk.offer(ACME=3)
    update(any_desk, match)
    assert any_desk.shown == plain("ACME", 3, 1)
    assert any_desk.history().count("slot_booked") == 2


def test_edits_can_be_refused(any_desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    any_desk.put(plain("ACME", 9, 7))
    monkeypatch.setenv("CAPACITY_EDITED_FILES", "refuse")
    update(any_desk, ACME)  # a file that was never ours is adopted all the same
    ours = any_desk.capacity.read_bytes()
    edited = any_desk.put(plain("ACME", 9, 0))
    with pytest.raises(CapacityFileEdited, match=r"edited since .*CAPACITY_EDITED_FILES=refuse"):
        update(any_desk, ACME)
    assert any_desk.capacity.read_bytes() == edited
    any_desk.put(ours)
    update(any_desk, ACME)
    assert any_desk.used() == 9
    any_desk.capacity.unlink()
    with pytest.raises(CapacityFileEdited, match="deleted since"):
        update(any_desk, ACME)


# Where the ledger lies.


def test_the_ledger_lies_beside_the_file_and_is_no_json(desk: Desk) -> None:
    update(desk, ACME)
    KEEPER.close()
    names = sorted(each.name for each in desk.capacity.parent.iterdir())
    assert names == [".demo.json.lock", ".demo.ledger.db", ".demo.views.db", "demo.json"]


def test_in_postgres_a_file_outside_the_data_folder_has_a_scenario_of_its_own(
    any_desk: Desk, tmp_path: Path
) -> None:
    other, hidden = Desk(tmp_path / "elsewhere"), Desk(tmp_path / ".hidden" / ("x" * 210))
    hidden.capacity = hidden.capacity.with_name(f"{'ë' * 90}.json")
    for each in (any_desk, other, other, hidden):
        update(each, ACME)
    assert (any_desk.used(), other.used(), hidden.used()) == (1, 2, 1)


@pytest.mark.parametrize("name", ["a\nb", "b\udcff"])
def test_in_postgres_a_path_that_cannot_be_stored_is_named(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("CAPACITY_DATABASE_URL", "postgresql://nobody@localhost/never-asked")
    other = Desk(tmp_path / name)
    with pytest.raises(CapacityFileInvalid, match="a path of printable characters is needed"):
        update(other, ACME)


def test_a_postgres_without_tables_is_named(
    desk: Desk, postgres_url: str, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    request.addfinalizer(KEEPER.close)
    monkeypatch.setenv("CAPACITY_DATABASE_URL", postgres_url)
    with pytest.raises(CapacityNotKept, match="capacity migrate"):
        update(desk, ACME)
    assert not desk.capacity.exists()


def test_the_views_may_be_deleted(desk: Desk) -> None:
    update(desk, ACME)
    KEEPER.close()
    (desk.capacity.parent / ".demo.views.db").unlink()
    update(desk, ACME)
    assert desk.used() == 2
    assert desk.history().count("capacity_file_imported") == 1


def test_the_ledger_may_be_deleted(desk: Desk) -> None:
    update(desk, ACME)
    KEEPER.close()
    (desk.capacity.parent / ".demo.ledger.db").unlink()
    update(desk, ACME)
    assert desk.used() == 2
    assert desk.counted() == [
        "capacity_file_imported",
        "usage_imported",
        "usage_imported",
        "slot_booked",
    ]
