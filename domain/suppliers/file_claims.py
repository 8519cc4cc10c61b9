"""Claims on capacity files: one file shows one scenario, whoever opened that one first.

A file is known by its path below the data folder, or by an absolute one if it lies elsewhere. A
scenario holds its default path by being open there, and needs no claim for it; for any other path
the claim is recorded with the opening.
"""

from posixpath import normpath
from uuid import UUID

from domain.aggregate import Aggregate, Event, evolves
from domain.errors import Conflict
from domain.identity import identity

_FOLDER, _SUFFIX = "capacity", ".json"


class CapacityFileTaken(Conflict):
    """The capacity file shows another scenario."""

    code = "capacity-file-taken"

    def __init__(self, file: str, line: str, scenario: str) -> None:
        self.file, self.line, self.scenario = file, line, scenario
        super().__init__(
            f"Capacity file {file} belongs to the scenario {line}/{scenario}, and a file shows one "
            "scenario; another path is needed"
        )


class FileClaim(Aggregate):
    file: str
    line: str
    scenario: str

    class Claimed(Event, topic="suppliers.capacity_file_claimed"):
        """Claimed the capacity file {file} for {line}/{scenario}."""

        file: str
        line: str
        scenario: str

    @staticmethod
    def identity(file: str) -> UUID:
        return identity("suppliers.capacity_file", file)

    # Birth.

    def claim(self, file: str, line: str, scenario: str) -> None:
        """Take the file for a scenario, whose it stays; its own is quiet."""
        if self.exists:
            self.check_free_for(line, scenario)
            return
        self.record(self.Claimed(file=file, line=line, scenario=scenario))

    # Evolutions.

    @evolves(Claimed)
    def _claimed(self, event: Claimed) -> None:
        self.file = event.file
        self.line = event.line
        self.scenario = event.scenario

    # Questions.

    def check_free_for(self, line: str, scenario: str) -> None:
        """Raise CapacityFileTaken if another scenario has claimed the file."""
        if self.exists and (self.line, self.scenario) != (line, scenario):
            raise CapacityFileTaken(self.file, self.line, self.scenario)


def default_file(line: str, scenario: str) -> str:
    """Return where the capacity file of a scenario lies unless another path was asked for."""
    return f"{line}/{_FOLDER}/{scenario}{_SUFFIX}"


def file_of(line: str, scenario: str, capacity_file: str) -> str:
    """Return what a scenario's file is known by; spellings of one path are one, links are not."""
    return normpath(capacity_file) if capacity_file else default_file(line, scenario)


def scenario_at_home_in(file: str) -> tuple[str, str] | None:
    """Return line and name of the scenario whose default path this is, open or not."""
    match file.split("/"):
        case (line, folder, name) if folder == _FOLDER and name.endswith(_SUFFIX):
            return line, name.removesuffix(_SUFFIX)
    return None
