"""What a workflow does with supplier capacity beside booking: look, check a choice, take offers."""

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

    async def take_offers(
        self,
        command: Command,
        *,
        line: str,
        scenario: str,
        publication: int,
        terms: tuple[SupplierTerms, ...],
        resync: bool,
    ) -> Outcome[ScenarioState]:
        """Have a scenario go by a publication if it goes by none yet, or if `resync` asks for it.

        A capacity file names suppliers and capacities, and nothing of what they serve: a scenario
        that began with one knows only that, and no registration could be matched in it. It keeps
        its suppliers and capacities; a resync takes over those of the offers too.
        """

        def decide(work: UnitOfWork) -> ScenarioState:
            state = steps.open_scenario(work, line, scenario)
            if resync:
                changed = state.resync(publication, terms)
                if changed:
                    steps.resync_capacities(work, state)
            elif state.publication == 0:
                changed = state.resync(publication, _served(state.terms, terms))
            else:
                changed = False
            return steps.scenario_state(state, changed=changed)

        return await self._ledger.execute(command, decide)


def _served(
    known: tuple[SupplierTerms, ...], offered: tuple[SupplierTerms, ...]
) -> tuple[SupplierTerms, ...]:
    """Return the suppliers that are known, with what the offers say they serve."""
    by_supplier = {each.supplier: each for each in offered}
    return tuple(
        replace(by_supplier.get(each.supplier, each), capacity_slots=each.capacity_slots)
        for each in known
    )


def _book_checked(
    line: str, scenario: str, registration: Registration, match: Match
) -> Callable[[UnitOfWork], BookingState]:
    book = steps.book(line, scenario, match)

    def decide(work: UnitOfWork) -> BookingState:
        state = steps.open_scenario(work, line, scenario)
        supplier, _ = steps.meant(work, line, match.supplier)
        steps.supplier_capacity(work, line, scenario, supplier)
        terms = {each.supplier: each for each in state.terms}
        nothing = SupplierTerms(supplier, 0)
        check_choice(registration, match.details.product_type, terms.get(supplier, nothing))
        return book(work)

    return decide
