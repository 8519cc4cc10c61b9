"""Roles: what people do, in the order in which reports list them."""

from uuid import UUID

from msgspec import Struct
from msgspec.structs import asdict

from domain.aggregate import Aggregate, Event, evolves
from domain.errors import NotFound
from domain.identity import identity_once


class RoleNotFound(NotFound):
    """No role has this id."""

    code = "role-not-found"

    def __init__(self, role_id: int) -> None:
        self.role_id = role_id
        super().__init__(f"Role {role_id} is not known")


class RoleFacts(Struct, frozen=True, kw_only=True):
    """Everything that is said of a role."""

    role_id: int
    name: str
    sort_order: int = 0
    is_active: bool = True


class Role(Aggregate):
    role_id: int
    name: str
    sort_order: int
    is_active: bool

    class Added(Event, topic="assignments.role_added"):
        """Added the role {role_id}, {name}."""

        role_id: int
        name: str
        sort_order: int
        is_active: bool

    class Renamed(Event, topic="assignments.role_renamed"):
        """Renamed the role {role_id} to {name}."""

        role_id: int
        name: str

    class Reordered(Event, topic="assignments.role_reordered"):
        """Gave the role {role_id} the place {sort_order}."""

        role_id: int
        sort_order: int

    class Retired(Event, topic="assignments.role_retired"):
        """Retired the role {role_id}."""

        role_id: int

    class Restored(Event, topic="assignments.role_restored"):
        """Restored the role {role_id}."""

        role_id: int

    @staticmethod
    def identity(role_id: int) -> UUID:
        return identity_once("assignments.role", str(role_id))

    # Decisions.

    def declare(self, facts: RoleFacts) -> None:
        """Be as these facts say; quiet where it is so already."""
        if not self.exists:
            self.record(self.Added(**asdict(facts)))
            return
        role_id = facts.role_id
        if facts.name != self.name:
            self.record(self.Renamed(role_id=role_id, name=facts.name))
        if facts.sort_order != self.sort_order:
            self.record(self.Reordered(role_id=role_id, sort_order=facts.sort_order))
        if facts.is_active != self.is_active:
            self.record((self.Restored if facts.is_active else self.Retired)(role_id=role_id))

    # Evolutions.

    @evolves(Added)
    def _added(self, event: Added) -> None:
        self.role_id = event.role_id
        self.name = event.name
        self.sort_order = event.sort_order
        self.is_active = event.is_active

    @evolves(Renamed)
    def _renamed(self, event: Renamed) -> None:
        self.name = event.name

    @evolves(Reordered)
    def _reordered(self, event: Reordered) -> None:
        self.sort_order = event.sort_order

    @evolves(Retired)
    def _retired(self, event: Retired) -> None:
        self.is_active = False

    @evolves(Restored)
    def _restored(self, event: Restored) -> None:
        self.is_active = True
