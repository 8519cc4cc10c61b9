"""Role mappings: which people's roles serve a project role, in one template or in all others."""

from uuid import UUID

from msgspec import Struct
from msgspec.structs import asdict

from domain.aggregate import Aggregate, Event, evolves
from domain.identity import identity_once


class RoleMappingFacts(Struct, frozen=True, kw_only=True):
    """Which roles serve a project role; `template_id` is None for projects without a template."""

    template_id: int | None = None
    project_role_id: int
    role_ids: tuple[int, ...]  # ascending, each once


class RoleMapping(Aggregate):
    template_id: int | None
    project_role_id: int
    role_ids: tuple[int, ...]

    class Mapped(Event, topic="assignments.roles_mapped"):
        """Mapped project role {project_role_id}, template {template_id}, to roles {role_ids}."""

        template_id: int | None
        project_role_id: int
        role_ids: tuple[int, ...]  # ascending, each once; none: nobody serves it any more

    @staticmethod
    def identity(template_id: int | None, project_role_id: int) -> UUID:
        template = "" if template_id is None else str(template_id)
        return identity_once("assignments.role_mapping", template, str(project_role_id))

    # Decisions.

    def declare(self, facts: RoleMappingFacts) -> None:
        """Be as these facts say; quiet where it is so already."""
        if self.exists and facts.role_ids == self.role_ids:
            return
        self.record(self.Mapped(**asdict(facts)))

    # Evolutions.

    @evolves(Mapped)
    def _mapped(self, event: Mapped) -> None:
        self.template_id = event.template_id
        self.project_role_id = event.project_role_id
        self.role_ids = event.role_ids
