"""A scenario keeps the terms it was opened with until someone asks for newer ones."""

from domain.suppliers import OpenedElsewhere, ScenarioNotFound, SupplierTerms
from domain.suppliers import Scenario as SupplierScenario
from tests.support.given import Scenario, fact

ISOALR = SupplierTerms("iSoalr", 50, ("55407",), ("Solar",))
TRUNORTH = SupplierTerms("TruNorthSolar", 80, ("55407",), ("Solar", "Battery"))
TERMS = (ISOALR, TRUNORTH)
OPENED = fact(
    SupplierScenario.Opened,
    line="sbus",
    scenario="overlap_only",
    publication=1,
    terms=TERMS,
    capacity_file="",
)


def opening(scenario: SupplierScenario, capacity_file: str = "") -> bool:
    return scenario.open("sbus", "overlap_only", 1, TERMS, capacity_file)


def test_opens_from_a_publication(supplier_scenario: Scenario[SupplierScenario]) -> None:
    now = supplier_scenario.when(opening).then(OPENED)
    assert (now.reset_number, now.terms) == (0, TERMS)


def test_opening_again_is_quiet(supplier_scenario: Scenario[SupplierScenario]) -> None:
    supplier_scenario.given(OPENED).when(opening).then_nothing()


def test_refuses_to_open_again_at_another_path(
    supplier_scenario: Scenario[SupplierScenario],
) -> None:
    (
        supplier_scenario.given(OPENED)
        .when(lambda scenario: opening(scenario, "x.json"))
        .then_raises(
            OpenedElsewhere,
            "Scenario sbus/overlap_only is open with the capacity file at its default path, "
            "not x.json",
        )
    )


def test_resync_takes_over_new_terms(supplier_scenario: Scenario[SupplierScenario]) -> None:
    lowered = (SupplierTerms("iSoalr", 5, ("55407",), ("Solar",)), TRUNORTH)
    now = (
        supplier_scenario.given(OPENED)
        .when(lambda scenario: scenario.resync(2, lowered))
        .then(fact(SupplierScenario.Resynced, publication=2, terms=lowered))
    )
    assert (now.publication, now.terms, now.reset_number) == (2, lowered, 0)


def test_a_supplier_no_longer_named_keeps_no_capacity(
    supplier_scenario: Scenario[SupplierScenario],
) -> None:
    withdrawn = (TRUNORTH, SupplierTerms("iSoalr", 0))
    now = (
        supplier_scenario.given(OPENED)
        .when(lambda scenario: scenario.resync(2, (TRUNORTH,)))
        .then(fact(SupplierScenario.Resynced, publication=2, terms=withdrawn))
    )
    assert not now.resync(2, (TRUNORTH,))  # and said again it is quiet


def test_a_supplier_named_again_comes_back(supplier_scenario: Scenario[SupplierScenario]) -> None:
    (
        supplier_scenario.given(
            OPENED,
            fact(
                SupplierScenario.Resynced,
                publication=2,
                terms=(TRUNORTH, SupplierTerms("iSoalr", 0)),
            ),
        )
        .when(lambda scenario: scenario.resync(3, TERMS))
        .then(fact(SupplierScenario.Resynced, publication=3, terms=TERMS))
    )


def test_resync_with_the_same_publication_is_quiet(
    supplier_scenario: Scenario[SupplierScenario],
) -> None:
    supplier_scenario.given(OPENED).when(lambda each: each.resync(1, TERMS)).then_nothing()


def test_every_reset_begins_a_count_of_its_own(
    supplier_scenario: Scenario[SupplierScenario],
) -> None:
    now = (
        supplier_scenario.given(OPENED, fact(SupplierScenario.Reset, reset_number=1))
        .when(lambda scenario: scenario.reset())
        .then(fact(SupplierScenario.Reset, reset_number=2))
    )
    assert now.reset_number == 2


def test_says_what_was_not_found() -> None:
    assert str(ScenarioNotFound("sbus", "x")) == "Scenario sbus/x has not been opened"


def test_has_an_identity_of_its_own() -> None:
    ids = {SupplierScenario.identity(*names) for names in (("a", "b"), ("b", "a"), ("a", "c"))}
    assert len(ids) == 3
