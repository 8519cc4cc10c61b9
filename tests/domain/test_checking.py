"""A choice made elsewhere is held to the same terms as one by the rule."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.suppliers.checking import ProductNotOffered, ZipCodeNotServed, check_choice
from domain.suppliers.choosing import Registration, ServiceIndex
from domain.suppliers.offers import SupplierTerms

ACME = SupplierTerms("ACME", 5, ("55407", "55419"), ("Solar",))


def test_what_is_served_and_offered_may_be_booked() -> None:
    for asked in ("", "Solar"):
        check_choice(Registration("SPUS1", "55419", asked), asked, ACME)


def test_a_zip_code_that_is_not_served_is_refused() -> None:
    with pytest.raises(ZipCodeNotServed) as caught:
        check_choice(Registration("SPUS1", "02134"), "", ACME)
    assert str(caught.value) == "Supplier ACME does not serve 02134; it serves 55407, 55419"


@pytest.mark.parametrize(("asked", "answered"), [("Battery", ""), ("", "Battery")])
def test_a_product_that_is_not_offered_is_refused(asked: str, answered: str) -> None:
    with pytest.raises(ProductNotOffered) as caught:
        check_choice(Registration("SPUS1", "55407", asked), answered, ACME)
    assert str(caught.value) == "Supplier ACME does not offer Battery; it offers Solar"


def test_long_lists_are_cut_short() -> None:
    many = SupplierTerms("ACME", 5, tuple(f"5540{each}" for each in range(8)))
    with pytest.raises(ZipCodeNotServed, match=r"55400, 55401, 55402, 55403, 55404 and 3 more$"):
        check_choice(Registration("SPUS1", "02134"), "", many)
    with pytest.raises(ProductNotOffered, match=r"it offers nothing$"):
        check_choice(Registration("SPUS1", "55400", "Solar"), "", many)


ZIP_CODES = st.sampled_from(["55407", "55419", "55447"])
PRODUCTS = st.sampled_from(["Solar", "Battery"])


@given(
    areas=st.lists(ZIP_CODES, unique=True),
    products=st.lists(PRODUCTS, unique=True),
    zip_code=ZIP_CODES,
    asked=st.just("") | PRODUCTS,
)
def test_the_check_agrees_with_the_rule(
    areas: list[str], products: list[str], zip_code: str, asked: str
) -> None:
    terms = SupplierTerms("ACME", 1, tuple(areas), tuple(products))
    registration = Registration("SPUS1", zip_code, asked)
    by_rule = bool(ServiceIndex((terms,)).suppliers(zip_code, asked))
    try:
        check_choice(registration, "", terms)
    except (ZipCodeNotServed, ProductNotOffered):
        assert not by_rule
    else:
        assert by_rule
