"""Supplier capacity: what the read models answer after a life of bookings."""

import json
from collections.abc import Iterator
from typing import TypedDict

import pytest
from sqlalchemy import Connection

from domain.aggregate import Event
from domain.suppliers import SupplierTerms
from projections import supplier_capacity as suppliers
from projections.projector import Projector
from projections.supplier_capacity import Overbooked, shared_zip_codes
from tests.projections.conftest import LINE, RECORDED_AT, SCENARIO, TERMS, BareLedger, Life


class Here(TypedDict):
    line: str
    scenario: str


HERE = Here(line=LINE, scenario=SCENARIO)


class ReadModels:
    """Read models that catch up whenever something happens."""

    def __init__(self, ledger: BareLedger) -> None:
        self.ledger = ledger
        self.projector: Projector = ledger.projector()
        self._reading = ledger.engine(read_only=True)

    def given(self, *groups: list[Event]) -> Connection:
        for group in groups:
            self.ledger.append(group)
        self.projector.catch_up()
        return self._reading.connect()


@pytest.fixture
def read_models(ledger: BareLedger) -> Iterator[ReadModels]:
    yield ReadModels(ledger)


def test_nothing_is_none(read_models: ReadModels) -> None:
    with read_models.given() as connection:
        assert suppliers.lines(connection) == []
        assert suppliers.publications(connection, line=LINE) == []
        assert suppliers.publication(connection, line=LINE) is None
        assert suppliers.aliases(connection, line=LINE) == {}
        assert suppliers.aliases_version(connection, line=LINE) == 0
        assert suppliers.scenarios(connection, line=LINE) == []
        assert suppliers.scenario(connection, line=LINE, scenario=SCENARIO) is None
        assert suppliers.capacity_document(connection, line=LINE, scenario=SCENARIO) is None
        assert suppliers.distribution(connection, line=LINE, scenario=SCENARIO) is None
        assert suppliers.match(connection, **HERE, registration_id="R-1") is None
        assert suppliers.position(connection) == 0


def test_publications_keep_their_documents(read_models: ReadModels, life: Life) -> None:
    first, second = life.publish(), life.publish(suppliers=("Ëlectra",))
    with read_models.given(first, second, life.publish(line="p1m1")) as connection:
        assert suppliers.lines(connection) == ["p1m1", "sbus"]
        listed = suppliers.publications(connection, line=LINE)
        assert [(each.publication, each.supplier_count) for each in listed] == [(1, 3), (2, 1)]
        assert listed[0].published_at == RECORDED_AT
        newest = suppliers.publication(connection, line=LINE)
        assert newest is not None
        assert newest.publication == listed[1]
        assert "Ëlectra".encode() in newest.document
        older = suppliers.publication(connection, line=LINE, publication=1)
        assert older is not None
        assert older.publication == listed[0]
        assert suppliers.publication(connection, line=LINE, publication=3) is None


def test_aliases_are_the_newest(read_models: ReadModels, life: Life) -> None:
    groups = [life.set_aliases({"old": "ACME"}), life.set_aliases({"iSolar": "iSoalr"})]
    with read_models.given(*groups) as connection:
        assert suppliers.aliases(connection, line=LINE) == {"iSolar": "iSoalr"}
        assert suppliers.aliases_version(connection, line=LINE) == 2


def test_the_capacity_document_is_that_of_the_capacity_file(
    read_models: ReadModels, life: Life
) -> None:
    groups = [life.open(), *(life.book(f"R-{each}", "ACME") for each in range(3))]
    with read_models.given(*groups, life.book("R-9", "iSoalr"), life.release("R-0")) as connection:
        document = suppliers.capacity_document(connection, **HERE)
        assert document is not None
        assert [list(each.values()) for each in document.values()] == [
            ["iSoalr", 70, 1, 0.01],
            ["Ëlectra", 50, 0, 0.0],
            ["ACME", 80, 2, 0.03],  # 0.025 is a little more in binary
        ]
        assert list(document) == ["iSoalr", "Ëlectra", "ACME"]
        assert list(document["ACME"]) == ["SupplierID", "Capacity", "Used", "UsedPct"]
        assert suppliers.position(connection) == read_models.ledger.log.head()


def test_an_imported_file_keeps_its_keys_in_their_places(
    read_models: ReadModels, life: Life
) -> None:
    groups = [life.open(), life.book("R-1", "iSoalr"), life.import_file({"ACME": 7, "Ëlectra": 0})]
    with read_models.given(*groups, life.book("R-1", "ACME")) as connection:
        assert json.dumps(suppliers.capacity_document(connection, **HERE)) == json.dumps(
            {
                "ACME": {"Used": 8, "Note": "by hand", "Capacity": 100, "UsedPct": 0.08},
                "Ëlectra": {"Used": 0, "Note": "by hand", "Capacity": 100, "UsedPct": 0},
            }
        )
        opened = suppliers.scenario(connection, **HERE)
        assert opened is not None
        assert (opened.publication, opened.reset_number) == (1, 1)
        assert [each.service_areas for each in opened.terms] == [
            ("55407", "55419"),
            ("55407", "55447"),
        ]


def test_capacity_up_to_64_bits(read_models: ReadModels, life: Life) -> None:
    with read_models.given(life.open((SupplierTerms("ACME", 2**63 - 1),))) as connection:
        document = suppliers.capacity_document(connection, **HERE)
        assert document is not None
        assert document["ACME"]["Capacity"] == 2**63 - 1


def test_a_scenario_shows_its_newest_terms(read_models: ReadModels, life: Life) -> None:
    groups = [life.open(), life.open(name="no_battery"), life.resync(TERMS[:2])]
    with read_models.given(*groups) as connection:
        names = [each.scenario for each in suppliers.scenarios(connection, line=LINE)]
        assert names == ["no_battery", SCENARIO]
        found = suppliers.scenario(connection, **HERE)
        assert found is not None
        assert found.publication == 2
        assert [each.supplier for each in found.terms] == ["iSoalr", "Ëlectra", "ACME"]
        assert found.terms[2].capacity_slots == 0
        assert found.terms[0] == TERMS[0]


def test_overbooked_after_a_lowered_capacity(read_models: ReadModels, life: Life) -> None:
    groups = [life.open(), *(life.book(f"R-{each}", "ACME") for each in range(3))]
    with read_models.given(*groups, life.change_capacity("ACME", 1)) as connection:
        assert suppliers.overbooked(connection) == [Overbooked(LINE, SCENARIO, "ACME", 2)]
        assert suppliers.overbooked(connection, line=LINE, scenario="other") == []
        document = suppliers.capacity_document(connection, **HERE)
        assert document is not None
        assert document["ACME"]["UsedPct"] == 3.0


def test_matches_are_paged_in_order(read_models: ReadModels, life: Life) -> None:
    names = ["R-2", "r-1", "R-10", "Ü-1", "R-1"]
    groups = [life.open(), *(life.book(each, "ACME") for each in names)]
    with read_models.given(*groups, life.reassign("R-2", "iSoalr")) as connection:
        first = suppliers.matches_page(connection, **HERE, limit=3)
        assert [each.registration_id for each in first] == ["R-1", "R-10", "R-2"]
        rest = suppliers.matches_page(connection, **HERE, limit=3, after_registration="R-2")
        assert [each.registration_id for each in rest] == ["r-1", "Ü-1"]
        moved = suppliers.matches_page(connection, **HERE, limit=3, supplier="iSoalr")
        assert [(each.registration_id, each.version) for each in moved] == [("R-2", 2)]
        assert (first[0].zip_code, first[0].num_panels) == ("55407", 12)
        assert (first[0].booked_at, first[0].actor) == (RECORDED_AT, "ada@example.org")


def test_the_latest_matches_are_those_that_changed_last(
    read_models: ReadModels, life: Life
) -> None:
    names = ["R-1", "R-2", "R-3", "R-4"]
    groups = [life.open(), *(life.book(each, "ACME") for each in names)]
    moved = [life.reassign("R-1", "iSoalr"), life.release("R-3")]
    with read_models.given(*groups, *moved) as connection:
        first = suppliers.latest_matches(connection, **HERE, limit=2)
        assert [each.registration_id for each in first] == ["R-1", "R-4"]
        before = first[-1].position
        rest = suppliers.latest_matches(connection, **HERE, limit=2, before_position=before)
        assert [each.registration_id for each in rest] == ["R-2"]
    with read_models.given(life.reset()) as connection:
        assert suppliers.latest_matches(connection, **HERE, limit=2) == []


def test_scenarios_have_headlines_that_sum_up_to_that_of_all(
    read_models: ReadModels, life: Life
) -> None:
    groups = [
        life.open(),
        life.open(name="another"),
        life.book("R-1", "ACME"),
        life.book("R-2", "ACME"),
        life.change_capacity("ACME", 1),
    ]
    with read_models.given(*groups) as connection:
        another, here = suppliers.scenario_headlines(connection, limit=9)
        assert (another.scenario, another.used_slots, another.overbooked) == ("another", 0, 0)
        assert (here.line, here.scenario, here.suppliers) == (LINE, SCENARIO, 3)
        assert (here.used_slots, here.capacity_slots, here.overbooked) == (2, 121, 1)
        document = suppliers.capacity_document(connection, **HERE)
        assert document is not None
        assert sum(each["Capacity"] for each in document.values()) == here.capacity_slots
        whole = suppliers.headline(connection)
        assert whole is not None
        assert whole.used_slots == 2
        assert whole.capacity_slots == here.capacity_slots + another.capacity_slots
        assert suppliers.scenario_headlines(connection, limit=1, skipped=1) == [here]
        assert suppliers.count_scenarios(connection) == 2


def test_released_matches_are_shown_when_asked_for(read_models: ReadModels, life: Life) -> None:
    groups = [life.open(), life.book("R-1", "ACME"), life.book("R-2", "ACME"), life.release("R-1")]
    with read_models.given(*groups) as connection:
        held = suppliers.matches_page(connection, **HERE, limit=9)
        assert [each.registration_id for each in held] == ["R-2"]
        both = suppliers.matches_page(connection, **HERE, limit=9, include_released=True)
        assert [(each.registration_id, each.supplier) for each in both] == [
            ("R-1", ""),
            ("R-2", "ACME"),
        ]
        released = suppliers.match(connection, **HERE, registration_id="R-1")
        assert released == both[0]


def test_a_reset_begins_a_new_count(read_models: ReadModels, life: Life) -> None:
    groups = [life.open(), life.book("R-1", "ACME"), life.reset(), life.book("R-1", "iSoalr")]
    with read_models.given(*groups) as connection:
        found = suppliers.match(connection, **HERE, registration_id="R-1")
        assert found is not None
        assert (found.supplier, found.reset_number) == ("iSoalr", 1)
        document = suppliers.capacity_document(connection, **HERE)
        assert document is not None
        assert [each["Used"] for each in document.values()] == [1, 0, 0]


def test_distribution_compares_actual_with_expected(read_models: ReadModels, life: Life) -> None:
    groups = [life.open()]
    groups += [life.book(f"A-{each}", "ACME") for each in range(3)]
    groups += [
        life.book("B-1", "iSoalr"),
        life.book("C-1", "ACME", "55419"),
        life.book("C-2", "Ëlectra", ""),
    ]
    with read_models.given(*groups) as connection:
        found = suppliers.distribution(connection, **HERE)
        assert found is not None
        assert (found.shared_zip_codes, found.shared_by_all) == (("55407",), True)
        shares = [(each.supplier, each.matches, each.actual_share) for each in found.shares]
        assert shares == [("iSoalr", 1, 0.25), ("Ëlectra", 0, 0.0), ("ACME", 3, 0.75)]
        assert [each.expected_share for each in found.shares] == [0.35, 0.25, 0.4]
        assert (found.matches, found.outside_matches, found.without_zip_matches) == (6, 1, 1)


def test_zip_codes_shared_by_two_when_none_is_by_all() -> None:
    terms = (
        SupplierTerms("ACME", 1, ("1", "2")),
        SupplierTerms("Ëlectra", 1, ("2", "3")),
        SupplierTerms("iSoalr", 1, ("4",)),
    )
    assert shared_zip_codes(terms) == (frozenset({"2"}), False)
    assert shared_zip_codes(terms[:2]) == (frozenset({"2"}), True)
    assert shared_zip_codes(()) == (frozenset(), False)


def test_touched_scenarios_are_those_whose_document_changed(
    read_models: ReadModels, life: Life
) -> None:
    heard: list[set[tuple[str, str]]] = []
    read_models.projector.on_applied.append(
        lambda position, touched: heard.append(suppliers.touched_scenarios(touched))
    )
    read_models.given(life.open()).close()
    read_models.given(life.publish()).close()
    read_models.given(life.book("R-1", "ACME")).close()
    assert heard == [{(LINE, SCENARIO)}, set(), {(LINE, SCENARIO)}]
