"""The sample data that is shipped is what the generator makes, and what the tests use."""

from collections import Counter
from importlib.resources import files
from pathlib import Path

import pytest

from domain.suppliers.choosing import read_registration
from domain.suppliers.offers import parse_offers
from interfaces.demo import SCENARIOS, load, offers_document
from interfaces.demo.generate import SHARED_ZIPS, UNSERVED_ZIPS, generate

SHIPPED = files("interfaces.demo") / "data"
SBUS = Path(__file__).parent.parent / "data" / "sbus"


def test_the_generator_makes_the_shipped_files_byte_for_byte() -> None:
    shipped = {each.name: each.read_bytes() for each in SHIPPED.iterdir()}
    assert generate() == shipped


def test_the_tests_use_the_shipped_files() -> None:
    assert (SBUS / "offers" / "base_offers.json").read_bytes() == offers_document()
    used = {each.stem: each.read_bytes() for each in (SBUS / "registrations").iterdir()}
    assert used == {each: (SHIPPED / f"{each}.json").read_bytes() for each in SCENARIOS}


def test_the_offers_can_be_published() -> None:
    capacities = {each.supplier: each.capacity_slots for each in parse_offers(offers_document())}
    assert capacities == {"All Energy Solar": 70, "iSoalr": 50, "TruNorthSolar": 80}


@pytest.mark.parametrize(
    ("scenario", "count"), [("overlap_only", 100), ("full_dataset", 180), ("no_battery", 120)]
)
def test_every_registration_can_be_read(scenario: str, count: int) -> None:
    records = load(scenario)
    registrations = {read_registration(each).registration_id for each in records}
    assert len(registrations) == len(records) == count
    # Both spellings are there: text, and the number that a CSV reader makes of it.
    assert set(Counter(type(each["Contact_Zip"]) for each in records)) == {int, str}


def test_the_scenarios_are_what_their_names_say() -> None:
    overlap, full, no_battery = (
        [read_registration(each) for each in load(scenario)] for scenario in SCENARIOS
    )
    assert {each.zip_code for each in overlap} == set(SHARED_ZIPS)
    assert {each.zip_code for each in full} > {*SHARED_ZIPS, *UNSERVED_ZIPS}
    assert {each.product_type for each in full} == {"", "Solar", "Battery"}
    assert {each.product_type for each in no_battery} == {"Solar"}
