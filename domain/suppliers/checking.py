"""Whether a choice that somebody else made may be booked: the supplier serves and offers it.

The rule in `choosing` never needs this; a person, a program or a language model may be wrong.
"""

from domain.errors import Refused
from domain.suppliers.choosing import Registration
from domain.suppliers.offers import SupplierTerms

_NAMED = 5  # of a long list the first few are enough to see what is meant


class ZipCodeNotServed(Refused):
    """The supplier does not serve where the registration is."""

    code = "zip-code-not-served"

    def __init__(self, terms: SupplierTerms, zip_code: str) -> None:
        self.supplier, self.zip_code = terms.supplier, zip_code
        super().__init__(
            f"Supplier {terms.supplier} does not serve {zip_code}; "
            f"it serves {_listed(terms.service_areas)}"
        )


class ProductNotOffered(Refused):
    """The supplier does not offer what is asked for."""

    code = "product-not-offered"

    def __init__(self, terms: SupplierTerms, product_type: str) -> None:
        self.supplier, self.product_type = terms.supplier, product_type
        super().__init__(
            f"Supplier {terms.supplier} does not offer {product_type}; "
            f"it offers {_listed(terms.product_types)}"
        )


def check_choice(registration: Registration, product_type: str, terms: SupplierTerms) -> None:
    """Raise ZipCodeNotServed or ProductNotOffered unless the supplier can serve a registration.

    `product_type` is what the choice names itself, if anything; both it and what the registration
    asks for must be offered. Whether there is room is decided by the supplier's count.
    """
    if registration.zip_code not in terms.service_areas:
        raise ZipCodeNotServed(terms, registration.zip_code)
    for asked in (registration.product_type, product_type):
        if asked and asked not in terms.product_types:
            raise ProductNotOffered(terms, asked)


def _listed(names: tuple[str, ...]) -> str:
    more = len(names) - _NAMED
    shown = ", ".join(names[:_NAMED]) or "nothing"
    return f"{shown} and {more} more" if more > 0 else shown
