"""Choosing is deterministic, exact and explains itself."""

from fractions import Fraction
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import Invalid
from domain.suppliers.choosing import (
    Registration,
    ServiceIndex,
    choose,
    explain,
    read_registration,
    zip_text,
)
from domain.suppliers.offers import SupplierTerms


class Count(NamedTuple):
    used_slots: int
    capacity_slots: int


ZIP = "55407"
ADA = Registration("SPUS55557", ZIP)


def serving(*suppliers: str, products: tuple[str, ...] = ("Solar",)) -> ServiceIndex:
    return ServiceIndex(tuple(SupplierTerms(each, 0, (ZIP,), products) for each in suppliers))


def test_chooses_the_lowest_share_of_use() -> None:
    slots = {
        "All Energy Solar": Count(7, 70),
        "iSoalr": Count(4, 50),
        "TruNorthSolar": Count(8, 80),
    }
    choice = choose(ADA, index=serving(*slots), slots=slots)
    assert (choice.supplier, choice.reason) == ("iSoalr", "least used of 3 eligible: 4 of 50")


def test_tells_shares_apart_that_two_decimals_would_tie() -> None:
    slots = {"A": Count(3, 200), "B": Count(1, 200)}
    assert choose(ADA, index=serving("A", "B"), slots=slots).supplier == "B"


def test_tells_shares_apart_that_a_float_would_tie() -> None:
    large = 10**18
    slots = {"A": Count(large - 1, large), "B": Count(large - 2, large - 1)}
    assert choose(ADA, index=serving("A", "B"), slots=slots).supplier == "B"


def test_the_larger_room_wins_among_equal_shares() -> None:
    slots = {"A": Count(5, 50), "B": Count(8, 80)}
    assert choose(ADA, index=serving("A", "B"), slots=slots).supplier == "B"


def test_the_name_wins_among_equal_shares_and_rooms() -> None:
    slots = {"B": Count(5, 50), "A": Count(5, 50)}
    assert choose(ADA, index=serving("B", "A"), slots=slots).supplier == "A"


@pytest.mark.parametrize(
    ("registration", "reason"),
    [
        (Registration("SPUS00001", "99999"), "no supplier serves 99999"),
        (
            Registration("SPUS00001", ZIP, "Battery"),
            "no supplier that serves 55407 offers Battery",
        ),
        (Registration("SPUS00001", ZIP), "every supplier that serves 55407 is full"),
        (
            Registration("SPUS00001", ZIP, "Solar"),
            "every supplier that serves 55407 and offers Solar is full",
        ),
    ],
)
def test_says_why_nobody_was_chosen(registration: Registration, reason: str) -> None:
    choice = choose(registration, index=serving("iSoalr"), slots={"iSoalr": Count(50, 50)})
    assert (choice.supplier, choice.reason, choice.considered) == ("", reason, ())


def test_explains_every_supplier_of_the_scenario() -> None:
    terms = (
        SupplierTerms("Elsewhere", 9, ("55101",), ("Battery",)),
        SupplierTerms("Solar only", 9, (ZIP,), ("Solar",)),
        SupplierTerms("Full", 70, (ZIP,), ("Battery",)),
        SupplierTerms("Lowered", 5, (ZIP,), ("Battery",)),
        SupplierTerms("Busier", 10, (ZIP,), ("Battery",)),
        SupplierTerms("Smaller", 5, (ZIP,), ("Battery",)),
        SupplierTerms("Twin B", 10, (ZIP,), ("Battery",)),
        SupplierTerms("Twin A", 10, (ZIP,), ("Battery",)),
    )
    used = (0, 0, 70, 9, 5, 1, 2, 2)
    slots = {
        each.supplier: Count(used_slots, each.capacity_slots)
        for each, used_slots in zip(terms, used, strict=True)
    }
    asked = Registration("SPUS55557", ZIP, "Battery")
    choice = explain(asked, index=ServiceIndex(terms), slots=slots)
    assert choice.supplier == "Twin A"
    assert {each.supplier: (each.eligible, each.reason) for each in choice.considered} == {
        "Elsewhere": (False, "does not serve 55407"),
        "Solar only": (False, "does not offer Battery"),
        "Full": (False, "full: 70 of 70 used"),
        "Lowered": (False, "overbooked by 4: 9 of 5 used"),
        "Busier": (True, "5 of 10 used: a larger share than Twin A"),
        "Smaller": (True, "1 of 5 used: the same share as Twin A, with less room"),
        "Twin B": (
            True,
            "2 of 10 used: the same share and room as Twin A, which comes first by name",
        ),
        "Twin A": (True, "chosen: 2 of 10 used"),
    }
    assert [(each.used_slots, each.capacity_slots) for each in choice.considered] == [
        (used_slots, each.capacity_slots) for each, used_slots in zip(terms, used, strict=True)
    ]


COUNTS = st.builds(Count, st.integers(0, 6), st.integers(0, 6))


@given(
    slots=st.dictionaries(st.sampled_from("ABCDEFG"), COUNTS, min_size=1),
    places=st.lists(st.sampled_from([(ZIP,), ("55419",), (ZIP, "55419")]), min_size=7, max_size=7),
)
def test_agrees_with_the_rule_as_people_say_it(
    slots: dict[str, Count], places: list[tuple[str, ...]]
) -> None:
    terms = tuple(
        SupplierTerms(supplier, count.capacity_slots, place)
        for (supplier, count), place in zip(slots.items(), places, strict=False)
    )
    eligible = [
        (Fraction(slots[each.supplier].used_slots, each.capacity_slots), -room, each.supplier)
        for each in terms
        if ZIP in each.service_areas
        and (room := each.capacity_slots - slots[each.supplier].used_slots) > 0
    ]
    choice = explain(ADA, index=ServiceIndex(terms), slots=slots)
    assert choice.supplier == (min(eligible)[2] if eligible else "")
    assert {each.supplier for each in choice.considered if each.eligible} == {
        supplier for _, _, supplier in eligible
    }


def test_fills_suppliers_in_proportion_to_their_capacity() -> None:
    """70, 50 and 80 slots share 100 registrations as 35, 25 and 40."""
    slots = {
        "All Energy Solar": Count(0, 70),
        "iSoalr": Count(0, 50),
        "TruNorthSolar": Count(0, 80),
    }
    index = serving(*slots)
    for number in range(100):
        chosen = choose(Registration(f"SPUS{number:05d}", ZIP), index=index, slots=slots).supplier
        slots[chosen] = slots[chosen]._replace(used_slots=slots[chosen].used_slots + 1)
    assert [count.used_slots for count in slots.values()] == [35, 25, 40]


class Watched(dict[str, Count]):
    """Counts that remember whose were looked at."""

    def __init__(self, counts: dict[str, Count]) -> None:
        super().__init__(counts)
        self.looked_at: set[str] = set()

    def __getitem__(self, supplier: str) -> Count:
        self.looked_at.add(supplier)
        return super().__getitem__(supplier)


def test_looks_only_at_suppliers_that_serve_the_zip_code() -> None:
    terms = tuple(
        SupplierTerms(f"Supplier {number}", 5, (f"{number % 500:05d}",)) for number in range(2_000)
    )
    slots = Watched({each.supplier: Count(0, 5) for each in terms})
    choose(Registration("SPUS55557", "00007"), index=ServiceIndex(terms), slots=slots)
    assert slots.looked_at == {"Supplier 7", "Supplier 507", "Supplier 1007", "Supplier 1507"}


# Reading registrations.


@pytest.mark.parametrize(
    "record",
    [
        {"registration_id": "SPUS55557", "zip_code": "02134"},
        {"RegistrationNumber": "SPUS55557", "Contact_Zip": 2134},
        {"RegistrationNumber": "SPUS55557", "Contact_Zip": 2134.0, "product_type": None},
        {"registration_id": "", "RegistrationNumber": "SPUS55557", "zip_code": "02134"},
        {"registration_id": "SPUS55557", "zip_code": "02134", "Product_HomeSize": [1, {}]},
    ],
)
def test_reads_both_spellings_and_zip_codes_made_numbers(record: dict[str, Any]) -> None:
    assert read_registration(record) == Registration("SPUS55557", "02134")


def test_prefers_our_spelling_when_both_are_given() -> None:
    record = {
        "registration_id": "SPUS00001",
        "RegistrationNumber": "SPUS00002",
        "zip_code": ZIP,
        "Contact_Zip": 99999,
        "product_type": "Battery",
    }
    assert read_registration(record) == Registration("SPUS00001", ZIP, "Battery")


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ([], ": found [], an object is needed"),
        (None, ": found null, an object is needed"),
        ({"zip_code": ZIP}, "/registration_id: found null, text is needed"),
        (
            {"RegistrationNumber": 55557, "zip_code": ZIP},
            "/RegistrationNumber: found 55557, text is needed",
        ),
        (
            {"registration_id": "a\0b", "zip_code": ZIP},
            "/registration_id: found the character U+0000, which no name may hold",
        ),
        (
            {"registration_id": "x" * 10_000, "zip_code": ZIP},
            "/registration_id: found 10000 characters, at most 200 are allowed",
        ),
        (
            {"registration_id": "SPUS00001"},
            "/zip_code: found null, a zip code of five digits is needed",
        ),
        (
            {"registration_id": "SPUS00001", "Contact_Zip": 100_000},
            "/Contact_Zip: found 100000, a zip code of five digits is needed",
        ),
        (
            {"registration_id": "SPUS00001", "zip_code": ZIP, "product_type": 5},
            "/product_type: found 5, text is needed",
        ),
        (
            {"registration_id": 1, "zip_code": "5540"},
            "/registration_id: found 1, text is needed; "
            "/zip_code: found '5540', a zip code of five digits is needed",
        ),
    ],
)
def test_names_every_fault_of_a_registration(record: object, message: str) -> None:
    with pytest.raises(Invalid) as caught:
        read_registration(record)
    assert str(caught.value) == message


def test_a_fault_points_into_the_list_it_came_in() -> None:
    with pytest.raises(Invalid) as caught:
        read_registration({"registration_id": "SPUS00001"}, pointer="/registrations/3")
    assert caught.value.field == "/registrations/3/zip_code"


@pytest.mark.parametrize(
    "value",
    [
        True,
        -1,
        2134.5,
        float("nan"),
        float("inf"),
        1e300,
        10**400,
        "2134",
        " 55407",
        "٥٥٤٠٧",
        [],
        None,
    ],
)
def test_what_is_no_zip_code_is_none(value: object) -> None:
    assert zip_text(value) == ""
