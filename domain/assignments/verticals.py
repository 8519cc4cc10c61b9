"""Verticals: the lines of business that departments and projects belong to."""

from uuid import UUID

from msgspec import Struct
from msgspec.structs import asdict

from domain.aggregate import Aggregate, Event, evolves
from domain.identity import identity_once


class VerticalFacts(Struct, frozen=True, kw_only=True):
    """Everything that is said of a vertical."""

    vertical_id: int
    name: str


class Vertical(Aggregate):
    vertical_id: int
    name: str

    class Added(Event, topic="assignments.vertical_added"):
        """Added the vertical {vertical_id}, {name}."""

        vertical_id: int
        name: str

    class Renamed(Event, topic="assignments.vertical_renamed"):
        """Renamed the vertical {vertical_id} to {name}."""

        vertical_id: int
        name: str

    @staticmethod
    def identity(vertical_id: int) -> UUID:
        return identity_once("assignments.vertical", str(vertical_id))

    # Decisions.

    def declare(self, facts: VerticalFacts) -> None:
        """Be as these facts say; quiet where it is so already."""
        if not self.exists:
            self.record(self.Added(**asdict(facts)))
        elif facts.name != self.name:
            self.record(self.Renamed(**asdict(facts)))

    # Evolutions.

    @evolves(Added)
    def _added(self, event: Added) -> None:
        self.vertical_id = event.vertical_id
        self.name = event.name

    @evolves(Renamed)
    def _renamed(self, event: Renamed) -> None:
        self.name = event.name
