"""Offers are published whole, kept as handed in, and refused with every fault named."""

import json
import zlib
from hashlib import sha256
from typing import Any

import pytest

from domain.errors import Invalid
from domain.suppliers import LineNotFound, Offers, PublicationNotFound, SupplierTerms
from domain.suppliers.offers import (
    MAX_SUPPLIERS,
    PreparedOffers,
    is_zip_code,
    parse_json,
    parse_offers,
    prepare_offers,
)
from tests.support.given import Fact, Scenario, fact

ISOALR = {
    "SupplierID": "iSoalr",
    "Capacity": 50,
    "InterestRate": 6.99,
    "ServiceAreas": ["55407", "55419", "55407"],
    "Offers": [{"ProductType": "Solar"}, {"ProductType": "Solar"}, {"ProductName": "Frame"}],
}


def offering(*suppliers: Any) -> bytes:
    return json.dumps({"SupplierOffers": suppliers}).encode()


def published(publication: int, document: bytes) -> Fact:
    return fact(
        Offers.Published,
        line="sbus",
        publication=publication,
        digest=sha256(document).hexdigest(),
        document_deflated=zlib.compress(document),
    )


FIRST = offering(ISOALR)
SECOND = offering(ISOALR | {"Capacity": 51})


def test_publishes_a_document_as_it_was_handed_in(offers: Scenario[Offers]) -> None:
    document = b'\n{"SupplierOffers": [{"SupplierID": "No\xc3\xab",   "Capacity": 5}]}\n'
    now = offers.when(lambda each: each.publish("sbus", document)).then(published(1, document))
    assert now.document == document
    assert now.terms == (SupplierTerms("Noë", 5),)


def test_a_document_is_prepared_before_it_is_published(offers: Scenario[Offers]) -> None:
    prepared = prepare_offers(FIRST)
    assert prepared == PreparedOffers(sha256(FIRST).hexdigest(), zlib.compress(FIRST))
    offers.when(lambda each: each.publish_prepared("sbus", prepared)).then(published(1, FIRST))


def test_a_prepared_document_is_not_read_again() -> None:
    deflated = prepare_offers(SECOND).document_deflated
    one, other = (
        Scenario(Offers).given(
            fact(
                Offers.Published,
                line=line,
                publication=1,
                digest="",
                document_deflated=bytes(bytearray(deflated)),  # as a store hands it back
            )
        )
        for line in ("sbus", "p1m1")
    )
    assert one.aggregate.terms is other.aggregate.terms


def test_counts_publications(offers: Scenario[Offers]) -> None:
    (
        offers.given(published(1, FIRST))
        .when(lambda each: each.publish("sbus", SECOND))
        .then(published(2, SECOND))
    )


def test_the_same_document_again_is_quiet(offers: Scenario[Offers]) -> None:
    offers.given(published(1, FIRST)).when(lambda each: each.publish("sbus", FIRST)).then_nothing()


def test_an_earlier_document_is_a_new_publication(offers: Scenario[Offers]) -> None:
    (
        offers.given(published(1, FIRST), published(2, SECOND))
        .when(lambda each: each.publish("sbus", FIRST))
        .then(published(3, FIRST))
    )


def test_refuses_a_faulty_document_and_publishes_nothing(offers: Scenario[Offers]) -> None:
    (
        offers.given(published(1, FIRST))
        .when(lambda each: each.publish("sbus", b"{}"))
        .then_raises(Invalid, "/SupplierOffers: missing; a list of suppliers is needed")
    )


def test_reads_what_a_decision_needs_and_ignores_the_rest() -> None:
    assert parse_offers(FIRST) == (SupplierTerms("iSoalr", 50, ("55407", "55419"), ("Solar",)),)


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (b"", ": no JSON: Expecting value at line 1, column 1"),
        (b"{", ": no JSON: Expecting property name enclosed in double quotes at line 1, column 2"),
        (b"\xff", ": byte 0 is not UTF-8"),
        (b"[" * 100_000, ": nested too deeply"),
        (b'{"a": 1, "a": 2}', ": the key 'a' stands twice in one object"),
        (b'{"SupplierOffers": NaN}', ": found NaN, which is no JSON number"),
        (b"null", ": found null, an object with SupplierOffers is needed"),
        (b"[]", ": found [], an object with SupplierOffers is needed"),
        (b'{"SupplierOffers": null}', "/SupplierOffers: found null, a list is needed"),
        (
            b'{"SupplierOffers": []}',
            f"/SupplierOffers: found 0 suppliers, 1 to {MAX_SUPPLIERS} are allowed",
        ),
        (offering(5), "/SupplierOffers/0: found 5, an object is needed"),
        (
            offering({"Capacity": 5}),
            "/SupplierOffers/0/SupplierID: found null, text is needed",
        ),
        (
            offering({"SupplierID": "", "Capacity": 5}),
            "/SupplierOffers/0/SupplierID: found an empty text, a name is needed",
        ),
        (
            offering(ISOALR, ISOALR),
            "/SupplierOffers/1/SupplierID: 'iSoalr' stands at 0 already",
        ),
        (
            offering(ISOALR | {"ServiceAreas": "55407"}),
            "/SupplierOffers/0/ServiceAreas: found '55407', a list is needed",
        ),
        (
            offering(ISOALR | {"ServiceAreas": [55407]}),
            "/SupplierOffers/0/ServiceAreas/0: found 55407, text is needed",
        ),
        (
            offering(ISOALR | {"ServiceAreas": ["55407", "2134"]}),
            "/SupplierOffers/0/ServiceAreas/1: found '2134', a zip code is five digits of text",
        ),
        (
            offering(ISOALR | {"Offers": {}}),
            "/SupplierOffers/0/Offers: a list of objects is needed",
        ),
        (
            offering(ISOALR | {"Offers": [{"ProductType": 5}]}),
            "/SupplierOffers/0/Offers/0: found 5, text is needed",
        ),
    ],
)
def test_says_what_is_wrong_with_a_document(document: bytes, message: str) -> None:
    with pytest.raises(Invalid) as caught:
        parse_offers(document)
    assert str(caught.value) == message


def test_an_endless_number_is_named() -> None:
    with pytest.raises(Invalid, match="a number is too long"):
        parse_json(b"1" * 10_000)


@pytest.mark.parametrize(
    ("capacity", "shown"),
    [("null", "null"), ('"70"', "'70'"), ("true", "true"), ("2.5", "2.5"), ("1e400", "inf")],
)
def test_a_capacity_is_a_whole_number(capacity: str, shown: str) -> None:
    document = f'{{"SupplierOffers": [{{"SupplierID": "iSoalr", "Capacity": {capacity}}}]}}'
    with pytest.raises(Invalid) as caught:
        parse_offers(document.encode())
    assert str(caught.value) == (
        f"/SupplierOffers/0/Capacity: found {shown}, a whole number of registrations is needed"
    )


@pytest.mark.parametrize("capacity", [-1, 2**63, 2**64, 10**30])
def test_a_capacity_fits_the_stores(capacity: int) -> None:
    with pytest.raises(Invalid) as caught:
        parse_offers(offering(ISOALR | {"Capacity": capacity}))
    allowed = "allowed is 0 to 9223372036854775807"
    assert str(caught.value) == f"/SupplierOffers/0/Capacity: found {capacity}, {allowed}"


@pytest.mark.parametrize("capacity", [0, 2**63 - 1])
def test_the_bounds_of_a_capacity_are_allowed(capacity: int) -> None:
    assert parse_offers(offering(ISOALR | {"Capacity": capacity}))[0].capacity_slots == capacity


def test_names_every_fault_at_once() -> None:
    with pytest.raises(Invalid) as caught:
        parse_offers(offering({"SupplierID": 5, "Capacity": -1}, None))
    assert [pointer for pointer, _ in caught.value.faults] == [
        "/SupplierOffers/0/SupplierID",
        "/SupplierOffers/0/Capacity",
        "/SupplierOffers/1",
    ]
    assert caught.value.field == "/SupplierOffers/0/SupplierID"


def test_names_at_most_a_hundred_faults() -> None:
    with pytest.raises(Invalid) as caught:
        parse_offers(offering(*([5] * 300)))
    assert len(caught.value.faults) == 100


@pytest.mark.parametrize(
    ("text", "is_one"), [("02134", True), ("2134", False), ("021345", False), ("٥٥٤٠٧", False)]
)
def test_a_zip_code_is_five_ascii_digits(text: str, is_one: bool) -> None:
    assert is_zip_code(text) == is_one


def test_says_what_was_not_found() -> None:
    assert str(LineNotFound("sbus")) == "Business line sbus: no offers have been published"
    assert str(PublicationNotFound("sbus", 3, 2)) == (
        "Business line sbus: no publication 3, the newest is 2"
    )
