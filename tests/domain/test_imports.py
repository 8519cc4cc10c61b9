"""Imports: what a capacity file says is taken as it is, and only an import may take it."""

from domain.suppliers import CapacityExceeded, SupplierCapacity, SupplierTerms
from domain.suppliers import Scenario as SupplierScenario
from domain.suppliers.capacity_files import ImportedFile, ImportedUsage, read_capacity_file
from domain.suppliers.scenarios import OpenedElsewhere
from tests.domain.test_capacity import BOOKED, FIRST, OPENED
from tests.support.given import Fact, Scenario, fact

NAMES = {"line": "sbus", "scenario": "overlap_only"}
OVER = fact(
    SupplierCapacity.UsageImported,
    **NAMES,
    supplier="iSoalr",
    capacity_slots=5,
    used_slots=9,
    source_sha256="5e",
)
WITHDRAWN = fact(SupplierCapacity.Withdrawn, source_sha256="5f")
USAGE = ImportedUsage("iSoalr", 5, 9)


def test_more_used_than_there_is_is_taken_over(
    supplier_capacity: Scenario[SupplierCapacity],
) -> None:
    now = supplier_capacity.when(
        lambda capacity: capacity.import_usage("sbus", "overlap_only", USAGE, "5e")
    ).then(OVER)
    assert now.described() == {"capacity": 5, "used": 9, "overbooked": 4}
    assert now.as_imported


def test_no_slot_is_left_where_a_file_has_none(
    supplier_capacity: Scenario[SupplierCapacity],
) -> None:
    (
        supplier_capacity.given(OPENED, BOOKED, OVER)
        .when(lambda capacity: capacity.book_slot(FIRST, ""))
        .then_raises(CapacityExceeded, "Supplier iSoalr capacity exceeded: 10 > 5")
    )


def test_what_is_counted_later_is_no_longer_as_imported(
    supplier_capacity: Scenario[SupplierCapacity],
) -> None:
    now = supplier_capacity.given(OPENED, OVER, BOOKED).when(lambda _: None).then_nothing()
    assert (now.used_slots, now.as_imported) == (10, False)


def test_a_supplier_is_withdrawn_once(supplier_capacity: Scenario[SupplierCapacity]) -> None:
    now = (
        supplier_capacity.given(OPENED, BOOKED)
        .when(lambda capacity: capacity.withdraw("5f"))
        .then(WITHDRAWN)
    )
    Scenario(SupplierCapacity).given(OPENED, WITHDRAWN).when(
        lambda capacity: capacity.withdraw("60")
    ).then_nothing()
    assert (now.listed, now.capacity_slots, now.used_slots) == (False, 0, 0)


def test_offers_bring_a_withdrawn_supplier_back_even_without_capacity(
    supplier_capacity: Scenario[SupplierCapacity],
) -> None:
    now = (
        supplier_capacity.given(OPENED, WITHDRAWN)
        .when(lambda capacity: capacity.change_capacity(0, 3))
        .then(fact(SupplierCapacity.CapacityChanged, capacity_slots=0, publication=3))
    )
    assert now.listed


# Scenarios.

FILE = read_capacity_file(
    b'{"iSoalr": {"Capacity": 5, "Used": 9}, "BETA": {"Used": 0, "Capacity": 1}}'
)
SERVING = SupplierTerms("iSoalr", 70, ("55407",), ("Solar",))
OPEN = fact(
    SupplierScenario.Opened, **NAMES, publication=4, terms=(SERVING,), capacity_file="x.json"
)


def imported(
    publication: int, reset_number: int, isoalr: SupplierTerms, file: ImportedFile = FILE
) -> Fact:
    return fact(
        SupplierScenario.FileImported,
        **NAMES,
        capacity_file="x.json",
        source_sha256=file.sha256,
        publication=publication,
        reset_number=reset_number,
        terms=(isoalr, SupplierTerms("BETA", 1)),
        pattern_deflated=file.pattern_deflated,
    )


def test_an_import_opens_a_scenario_without_offers(
    supplier_scenario: Scenario[SupplierScenario],
) -> None:
    supplier_scenario.when(
        lambda scenario: scenario.import_file(
            "sbus", "overlap_only", "x.json", FILE, new_count=False
        )
    ).then(imported(0, 0, SupplierTerms("iSoalr", 5)))


def test_an_import_keeps_offers_and_what_suppliers_serve(
    supplier_scenario: Scenario[SupplierScenario],
) -> None:
    supplier_scenario.given(OPEN).when(
        lambda scenario: scenario.import_file(
            "sbus", "overlap_only", "x.json", FILE, new_count=True
        )
    ).then(imported(4, 1, SupplierTerms("iSoalr", 5, ("55407",), ("Solar",))))


def test_a_scenario_has_one_file(supplier_scenario: Scenario[SupplierScenario]) -> None:
    (
        supplier_scenario.given(OPEN)
        .when(lambda scenario: scenario.check_capacity_file(""))
        .then_raises(
            OpenedElsewhere,
            "Scenario sbus/overlap_only is open with the capacity file x.json, "
            "not at its default path",
        )
    )
