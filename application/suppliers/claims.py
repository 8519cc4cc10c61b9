"""Who has which capacity file: decided with the opening, so one of two openings at once wins."""

from contextlib import suppress

from application.ledger import UnitOfWork
from domain.suppliers import CapacityFileTaken, FileClaim, Scenario
from domain.suppliers.file_claims import file_of, scenario_at_home_in


def claim_file(work: UnitOfWork, opened: Scenario, file: str) -> None:
    """Let a scenario that has just opened have its capacity file. Raises CapacityFileTaken.

    What is only read here is checked when the opening is stored, so a neighbour that opens in the
    same moment is seen as well, whichever of the two comes first.
    """
    claim = work.get(FileClaim, FileClaim.identity(file))
    home = scenario_at_home_in(file)
    if home is not None:
        owner = work.get(Scenario, Scenario.identity(*home))
        if owner.exists and file_of(*home, owner.capacity_file) == file:
            if owner is not opened:
                raise CapacityFileTaken(file, *home)
            claim.check_free_for(opened.line, opened.scenario)  # by being open there it has it
            return
    claim.claim(file, opened.line, opened.scenario)


def claim_file_if_free(work: UnitOfWork, opened: Scenario, file: str) -> None:
    """Let a scenario that is open have its file, if it was opened before there were claims.

    If another has it by now, nothing is refused: what is open goes on, and whoever writes the
    files reports that two want one.
    """
    with suppress(CapacityFileTaken):
        claim_file(work, opened, file)
