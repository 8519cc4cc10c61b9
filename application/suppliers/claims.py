"""Who has which capacity file: decided with the opening, so one of two openings at once wins."""

from contextlib import suppress

from application.ledger import UnitOfWork
from domain.suppliers import CapacityFileTaken, FileClaim, Scenario
from domain.suppliers.file_claims import file_of, scenario_at_home_in


def claim_file(work: UnitOfWork, line: str, scenario: str, file: str) -> None:
    """Let a scenario that opens have its capacity file. Raises CapacityFileTaken.

    What is only read here is checked when the opening is stored, so a neighbour that opens in the
    same moment is seen as well, whichever of the two comes first.
    """
    claim = work.get(FileClaim, FileClaim.identity(file))
    home = scenario_at_home_in(file)
    if home == (line, scenario):
        claim.check_free_for(line, scenario)
        return
    if home is not None:
        neighbour = work.get(Scenario, Scenario.identity(*home))
        if neighbour.exists and file_of(*home, neighbour.capacity_file) == file:
            raise CapacityFileTaken(file, *home)
    claim.claim(file, line, scenario)


def claim_file_if_free(work: UnitOfWork, line: str, scenario: str, file: str) -> None:
    """Let a scenario that is open have its file, if it was opened before there were claims.

    If another has it by now, nothing is refused: what is open goes on, and whoever writes the
    files reports that two want one.
    """
    with suppress(CapacityFileTaken):
        claim_file(work, line, scenario, file)
