"""Project roles: what a project needs somebody for, before it is known whom."""

from uuid import UUID

from msgspec import Struct
from msgspec.structs import asdict

from domain.aggregate import Aggregate, Event, evolves
from domain.identity import identity_once


class ProjectRoleFacts(Struct, frozen=True, kw_only=True):
    """Everything that is said of a project role."""

    project_role_id: int
    name: str
    department_id: int | None = None


class ProjectRole(Aggregate):
    project_role_id: int
    name: str
    department_id: int | None

    class Added(Event, topic="assignments.project_role_added"):
        """Added the project role {project_role_id}, {name}."""

        project_role_id: int
        name: str
        department_id: int | None

    class Changed(Event, topic="assignments.project_role_changed"):
        """Changed the project role {project_role_id}, {name}."""

        project_role_id: int
        name: str
        department_id: int | None

    @staticmethod
    def identity(project_role_id: int) -> UUID:
        return identity_once("assignments.project_role", str(project_role_id))

    # Decisions.

    def declare(self, facts: ProjectRoleFacts) -> None:
        """Be as these facts say; quiet where it is so already."""
        if self.exists and (facts.name, facts.department_id) == (self.name, self.department_id):
            return
        happened = self.Changed if self.exists else self.Added
        self.record(happened(**asdict(facts)))

    # Evolutions.

    @evolves(Added, Changed)
    def _declared(self, event: Added | Changed) -> None:
        self.project_role_id = event.project_role_id
        self.name = event.name
        self.department_id = event.department_id
