"""What a workflow does with supplier capacity beside booking: look, check a choice, take terms."""

from collections.abc import Callable

from msgspec.structs import replace

from application.ledger import Command, Ledger, Outcome, UnitOfWork
from application.suppliers import steps
from application.suppliers.results import Booked, BookingState, Match, ScenarioState, SlotCount
from domain.suppliers import SupplierTerms
from domain.suppliers.checking import check_choice
from domain.suppliers.choosing import Registration


class Workflows:
    """Use cases of those who choose suppliers themselves; what they choose is not trusted."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    async def slots(self, command: Command, *, line: str, scenario: str) -> list[SlotCount]:
        """Return what every supplier of a scenario holds, as a decision sees it now."""

        def decide(work: UnitOfWork) -> list[SlotCount]:
            state = steps.open_scenario(work, line, scenario)
            return [
                SlotCount(each.supplier, each.capacity_slots, each.used_slots)
                for each in steps.supplier_capacities(work, state, state.terms)
            ]

        return (await self._ledger.execute(command, decide)).result

    async def book_checked(
        self,
        command: Command,
        *,
        line: str,
        scenario: str,
        registration: Registration,
        match: Match,
    ) -> Booked:
        """Book a registration with a supplier that somebody chose, if it serves and offers it.

        Raises ZipCodeNotServed and ProductNotOffered beside what booking raises.
        """
        decide = _book_checked(line, scenario, registration, match)
        return await self._ledger.execute(command, decide)

    async def take_terms(
        self, command: Command, *, line: str, scenario: str
    ) -> Outcome[ScenarioState]:
        """Have a scenario go by the newest offers, but for its suppliers and their capacities.

        A capacity file names suppliers and capacities, and nothing of what they serve: a scenario
        that began with one knows only that, and no registration could be matched in it.
        """
        return await self._ledger.execute(command, _take_terms(line, scenario))


def _book_checked(
    line: str, scenario: str, registration: Registration, match: Match
) -> Callable[[UnitOfWork], BookingState]:
    book = steps.book(line, scenario, match)

    def decide(work: UnitOfWork) -> BookingState:
        state = steps.open_scenario(work, line, scenario)
        supplier, _ = steps.meant(work, line, match.supplier)
        steps.supplier_capacity(work, line, scenario, supplier)
        terms = next(each for each in state.terms if each.supplier == supplier)
        check_choice(registration, match.details.product_type, terms)
        return book(work)

    return decide


def _take_terms(line: str, scenario: str) -> Callable[[UnitOfWork], ScenarioState]:
    def decide(work: UnitOfWork) -> ScenarioState:
        offers = steps.published_offers(work, line)
        state = steps.open_scenario(work, line, scenario)
        offered = {each.supplier: each for each in offers.terms}
        terms = tuple(
            replace(
                offered.get(each.supplier, SupplierTerms(each.supplier, 0)),
                capacity_slots=each.capacity_slots,
            )
            for each in state.terms
        )
        changed = state.resync(offers.publication, terms)
        return steps.scenario_state(state, changed=changed)

    return decide
