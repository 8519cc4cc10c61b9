"""Projects: what people are assigned to, for which client, and after which template."""

from uuid import UUID

from msgspec import Struct
from msgspec.structs import asdict

from domain.aggregate import Aggregate, Event, evolves
from domain.identity import identity_once


class ProjectFacts(Struct, frozen=True, kw_only=True):
    """Everything that is said of a project."""

    project_id: int
    name: str
    client: str = ""
    vertical_id: int | None = None
    status: str = ""
    is_active: bool = True
    template_id: int | None = None


class Project(Aggregate):
    project_id: int
    name: str
    client: str
    vertical_id: int | None
    status: str
    is_active: bool
    template_id: int | None

    class Added(Event, topic="assignments.project_added"):
        """Added the project {project_id}, {name}."""

        project_id: int
        name: str
        client: str
        vertical_id: int | None
        status: str
        is_active: bool
        template_id: int | None

    class Changed(Event, topic="assignments.project_changed"):
        """Changed the project {project_id}, {name}."""

        project_id: int
        name: str
        client: str
        vertical_id: int | None
        status: str
        is_active: bool
        template_id: int | None

    @staticmethod
    def identity(project_id: int) -> UUID:
        return identity_once("assignments.project", str(project_id))

    # Decisions.

    def declare(self, facts: ProjectFacts) -> None:
        """Be as these facts say; quiet where it is so already."""
        if not self.exists:
            self.record(self.Added(**asdict(facts)))
        elif facts != self.facts:
            self.record(self.Changed(**asdict(facts)))

    # Evolutions.

    @evolves(Added, Changed)
    def _declared(self, event: Added | Changed) -> None:
        self.project_id = event.project_id
        self.name = event.name
        self.client = event.client
        self.vertical_id = event.vertical_id
        self.status = event.status
        self.is_active = event.is_active
        self.template_id = event.template_id

    # Questions.

    @property
    def facts(self) -> ProjectFacts:
        """Everything that is said of it now."""
        return ProjectFacts(
            project_id=self.project_id,
            name=self.name,
            client=self.client,
            vertical_id=self.vertical_id,
            status=self.status,
            is_active=self.is_active,
            template_id=self.template_id,
        )
