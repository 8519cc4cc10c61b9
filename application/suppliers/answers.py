"""Booking what somebody else chose: checked against the scenario's terms in the same decision."""

from collections.abc import Callable

from application.ledger import UnitOfWork
from application.suppliers import steps
from application.suppliers.results import BookingState, Match
from domain.suppliers.checking import check_choice
from domain.suppliers.choosing import Registration


def book_checked(
    line: str, scenario: str, registration: Registration, match: Match
) -> Callable[[UnitOfWork], BookingState]:
    """Return the decision that books a match if its supplier serves and offers what is asked."""
    book = steps.book(line, scenario, match)

    def decide(work: UnitOfWork) -> BookingState:
        state = steps.open_scenario(work, line, scenario)
        supplier, _ = steps.meant(work, line, match.supplier)
        steps.supplier_capacity(work, line, scenario, supplier)
        terms = next(each for each in state.terms if each.supplier == supplier)
        check_choice(registration, match.details.product_type, terms)
        return book(work)

    return decide
