"""Scenarios: one count of capacity for one purpose, opened from the line's offers.

A scenario keeps the terms it was opened or last resynced with, so that a new publication of the
offers changes nothing until someone asks for it.
"""

from uuid import UUID

from msgspec.structs import replace

from domain.aggregate import Aggregate, Event, evolves
from domain.errors import Conflict, NotFound
from domain.identity import identity
from domain.suppliers.capacity_files import ImportedFile
from domain.suppliers.offers import SupplierTerms


class ScenarioNotFound(NotFound):
    """The scenario was never opened."""

    code = "scenario-not-found"

    def __init__(self, line: str, scenario: str) -> None:
        self.line, self.scenario = line, scenario
        super().__init__(f"Scenario {line}/{scenario} has not been opened")


class OpenedElsewhere(Conflict):
    """The scenario is open already, with its capacity file at another path."""

    code = "scenario-opened-differently"

    def __init__(self, line: str, scenario: str, capacity_file: str, asked: str) -> None:
        self.capacity_file, self.asked = capacity_file, asked
        super().__init__(
            f"Scenario {line}/{scenario} is open with the capacity file "
            f"{capacity_file or 'at its default path'}, not {asked or 'at its default path'}"
        )


class Scenario(Aggregate):
    line: str
    scenario: str
    publication: int
    reset_number: int
    capacity_file: str
    terms: tuple[SupplierTerms, ...]
    pattern_deflated: bytes  # of the capacity file that was imported last, where it needs one

    class Opened(Event, topic="suppliers.scenario_opened"):
        line: str
        scenario: str
        publication: int
        terms: tuple[SupplierTerms, ...]
        capacity_file: str

    class Resynced(Event, topic="suppliers.scenario_resynced"):
        publication: int
        terms: tuple[SupplierTerms, ...]

    class Reset(Event, topic="suppliers.scenario_reset"):
        reset_number: int

    class FileImported(Event, topic="suppliers.capacity_file_imported"):
        line: str
        scenario: str
        capacity_file: str
        source_sha256: str
        publication: int  # 0: no offers were published for it yet
        reset_number: int
        terms: tuple[SupplierTerms, ...]
        pattern_deflated: bytes

    @staticmethod
    def identity(line: str, scenario: str) -> UUID:
        return identity("suppliers.scenario", line, scenario)

    # Birth.

    def open(
        self,
        line: str,
        scenario: str,
        publication: int,
        terms: tuple[SupplierTerms, ...],
        capacity_file: str,
    ) -> bool:
        """Open from a publication and return whether it is new; open already is quiet."""
        if self.exists:
            self.check_capacity_file(capacity_file)
            return False
        self.record(
            self.Opened(
                line=line,
                scenario=scenario,
                publication=publication,
                terms=terms,
                capacity_file=capacity_file,
            )
        )
        return True

    # Decisions.

    def resync(self, publication: int, terms: tuple[SupplierTerms, ...]) -> bool:
        """Take over the terms of a publication; a supplier it no longer names keeps no capacity."""
        named = {each.supplier for each in terms}
        withdrawn = tuple(
            SupplierTerms(supplier=each.supplier, capacity_slots=0)
            for each in self.terms
            if each.supplier not in named
        )
        if (publication, terms + withdrawn) == (self.publication, self.terms):
            return False
        self.record(self.Resynced(publication=publication, terms=terms + withdrawn))
        return True

    def reset(self) -> None:
        """Begin a new count; what was counted before stays in the history."""
        self.record(self.Reset(reset_number=self.reset_number + 1))

    def import_file(
        self,
        line: str,
        scenario: str,
        capacity_file: str,
        imported: ImportedFile,
        *,
        new_count: bool,
    ) -> None:
        """Take over suppliers and their order from a capacity file; only an import may.

        What a supplier serves and offers is kept: the file does not know. Open or not, the
        scenario goes on as the file has it, and in a new count if the file tells of another.
        """
        known = {each.supplier: each for each in self.terms} if self.exists else {}
        terms = tuple(
            replace(
                known.get(each.supplier) or SupplierTerms(each.supplier, 0),
                capacity_slots=each.capacity_slots,
            )
            for each in imported.usages
        )
        self.record(
            self.FileImported(
                line=line,
                scenario=scenario,
                capacity_file=capacity_file,
                source_sha256=imported.sha256,
                publication=self.publication if self.exists else 0,
                reset_number=self.reset_number + new_count if self.exists else 0,
                terms=terms,
                pattern_deflated=imported.pattern_deflated,
            )
        )

    # Evolutions.

    @evolves(Opened)
    def _opened(self, event: Opened) -> None:
        self.line = event.line
        self.scenario = event.scenario
        self.publication = event.publication
        self.terms = event.terms
        self.capacity_file = event.capacity_file
        self.reset_number = 0
        self.pattern_deflated = b""

    @evolves(Resynced)
    def _resynced(self, event: Resynced) -> None:
        self.publication = event.publication
        self.terms = event.terms

    @evolves(Reset)
    def _reset(self, event: Reset) -> None:
        self.reset_number = event.reset_number

    @evolves(FileImported)
    def _file_imported(self, event: FileImported) -> None:
        self.line = event.line
        self.scenario = event.scenario
        self.publication = event.publication
        self.capacity_file = event.capacity_file
        self.reset_number = event.reset_number
        self.terms = event.terms
        self.pattern_deflated = event.pattern_deflated

    # Questions.

    def check_capacity_file(self, asked: str) -> None:
        """Raise OpenedElsewhere unless the scenario's capacity file lies where it is asked for."""
        if asked != self.capacity_file:
            raise OpenedElsewhere(self.line, self.scenario, self.capacity_file, asked)
