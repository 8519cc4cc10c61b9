"""The decision that opens a scenario: its terms, its capacity file, a count of each supplier."""

from collections.abc import Callable

from application.ledger import UnitOfWork
from application.suppliers import claims, steps
from application.suppliers.results import ScenarioState
from domain.suppliers import Scenario


def open_scenario(
    line: str, scenario: str, capacity_file: str, *, file: str
) -> Callable[[UnitOfWork], ScenarioState]:
    """Return the decision; `file` is what the capacity file is known by among all scenarios."""

    def decide(work: UnitOfWork) -> ScenarioState:
        offers = steps.published_offers(work, line)
        opened = work.get(Scenario, Scenario.identity(line, scenario))
        if opened.exists:
            opened.check_capacity_file(capacity_file)
            claims.claim_file_if_free(work, opened, file)
            return steps.scenario_state(opened, changed=False)
        terms = offers.terms
        opened.open(line, scenario, offers.publication, terms, capacity_file)
        claims.claim_file(work, opened, file)
        for each, capacity in zip(
            terms, steps.supplier_capacities(work, opened, terms), strict=True
        ):
            capacity.open(line, scenario, each.supplier, each.capacity_slots)
        return steps.scenario_state(opened, changed=True)

    return decide
