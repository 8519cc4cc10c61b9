"""Capacity files: read strictly, kept as they are, and what is counted stands where it stood."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import Invalid
from domain.suppliers.capacity_files import (
    Count,
    capacity_document,
    printed,
    read_capacity_file,
    used_share,
)

PLAIN = {"ACME": {"SupplierID": "ACME", "Capacity": 5, "Used": 1, "UsedPct": 0.2}}
NAMES = st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=20)
SLOTS = st.integers(0, 2**63 - 1)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@st.composite
def records(draw: st.DrawFn) -> dict[str, Any]:
    """A record with its two counts, and anything else, in any order."""
    record = draw(st.dictionaries(st.text(), VALUES, max_size=4))
    record |= {"Capacity": draw(SLOTS), "Used": draw(SLOTS)}
    keys = draw(st.permutations(list(record)))
    return {key: record[key] for key in keys}


DOCUMENTS = st.dictionaries(NAMES, records(), max_size=4)


@given(DOCUMENTS)
def test_any_capacity_file_comes_back_as_it_was(document: dict[str, Any]) -> None:
    content = printed(document).encode()
    imported = read_capacity_file(content)
    counts = [Count(*each_fields(each), True) for each in imported.usages]
    assert printed(capacity_document(counts, imported.pattern_deflated)).encode() == content


def each_fields(usage: Any) -> tuple[str, int, int]:
    return usage.supplier, usage.capacity_slots, usage.used_slots


def test_a_plain_file_needs_no_pattern() -> None:
    assert read_capacity_file(json.dumps(PLAIN).encode()).pattern_deflated == b""


def test_a_count_stands_where_it_stood_among_other_keys() -> None:
    document = {
        "_note": "by hand",
        "ACME": {"UsedPct": 0, "Contact": "Noë", "Used": 0, "Capacity": 3, "SupplierID": "ACME"},
        "iSoalr": {"Used": 9, "Capacity": 5},
    }
    imported = read_capacity_file(json.dumps(document).encode())
    counts = [Count("ACME", 3, 1, False), Count("iSoalr", 5, 9, True), Count("New", 2, 0, False)]
    assert printed(capacity_document(counts, imported.pattern_deflated)) == printed(
        {
            "_note": "by hand",
            "ACME": {
                "UsedPct": 0.33,
                "Contact": "Noë",
                "Used": 1,
                "Capacity": 3,
                "SupplierID": "ACME",
            },
            "iSoalr": {"Used": 9, "Capacity": 5},
            "New": {"SupplierID": "New", "Capacity": 2, "Used": 0, "UsedPct": 0.0},
        }
    )


def test_more_used_than_there_is_stays_as_it_is() -> None:
    over = {"ACME": PLAIN["ACME"] | {"Used": 9}}
    (usage,) = read_capacity_file(json.dumps(over).encode()).usages
    assert (usage.capacity_slots, usage.used_slots) == (5, 9)


WHOLE = "a whole number of registrations is needed"


@pytest.mark.parametrize(
    ("found", "fault"),
    [
        (2.5, f"found 2.5, {WHOLE}"),
        (5.0, f"found 5.0, {WHOLE}"),
        (-1, "found -1, allowed is 0 to 9223372036854775807"),
        (2**63, "found 9223372036854775808, allowed is 0 to 9223372036854775807"),
        (True, f"found true, {WHOLE}"),
        (None, f"found null, {WHOLE}"),
        ("5", f"found '5', {WHOLE}"),
        ([5], f"found [5], {WHOLE}"),
    ],
)
@pytest.mark.parametrize("key", ["Capacity", "Used"])
def test_refuses_what_is_no_number_of_registrations(key: str, found: object, fault: str) -> None:
    record = PLAIN["ACME"] | {key: found}
    with pytest.raises(Invalid) as caught:
        read_capacity_file(json.dumps({"ACME": record}).encode())
    assert caught.value.faults == ((f"/ACME/{key}", fault),)


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"", ("", "the file is empty, a JSON object is needed")),
        (b" \n", ("", "the file is empty, a JSON object is needed")),
        (b'{"ACME": {"Cap', ("", "no JSON: Unterminated string starting at at line 1, column 11")),
        (b'{"a": "\xff"}', ("", "byte 7 is not UTF-8")),
        (b"[]", ("", "found [], an object keyed by SupplierID is needed")),
        (b"7", ("", "found 7, an object keyed by SupplierID is needed")),
        (b'{"A": NaN}', ("", "found NaN, which is no JSON number")),
        (b'{"A": 1, "A": 2}', ("", "the key 'A' stands twice in one object")),
        (b'{"A": {"Used": 1}}', ("/A/Capacity", f"missing; {WHOLE}")),
        (b'{"A": {"Capacity": 1}}', ("/A/Used", f"missing; {WHOLE}")),
        (b'{" ": {"Capacity": 1, "Used": 1}}', ("/ ", "found an empty text, a name is needed")),
    ],
)
def test_refuses_what_is_no_capacity_file(content: bytes, fault: tuple[str, str]) -> None:
    with pytest.raises(Invalid) as caught:
        read_capacity_file(content)
    assert caught.value.faults == (fault,)


def test_names_every_fault_at_once() -> None:
    document = {"A": {"Capacity": 1.5, "Used": -1}, "B": {"Capacity": None, "Used": 0}}
    with pytest.raises(Invalid) as caught:
        read_capacity_file(json.dumps(document).encode())
    assert [pointer for pointer, _ in caught.value.faults] == [
        "/A/Capacity",
        "/A/Used",
        "/B/Capacity",
    ]


@pytest.mark.parametrize(
    ("used", "capacity", "share"), [(1, 200, 0.01), (1, 3, 0.33), (5, 0, 0.0), (1, 8, 0.12)]
)
def test_the_share_has_two_decimals(used: int, capacity: int, share: float) -> None:
    assert used_share(used, capacity) == share
