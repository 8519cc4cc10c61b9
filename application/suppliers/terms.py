"""What the suppliers of a scenario serve and offer, taken over from the newest offers."""

from collections.abc import Callable

from msgspec.structs import replace

from application.ledger import UnitOfWork
from application.suppliers import steps
from application.suppliers.results import ScenarioState
from domain.suppliers import SupplierTerms


def take_terms(line: str, scenario: str) -> Callable[[UnitOfWork], ScenarioState]:
    """Return the decision that has a scenario go by the newest offers, but for its capacities.

    A capacity file names suppliers and capacities, and nothing of what they serve: a scenario that
    began with one knows only that, and no registration could be matched in it.
    """

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
