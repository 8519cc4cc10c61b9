"""What becomes of projects, and of whom they look for."""

from typing import Any

from domain.assignments import Project, ProjectRole, RoleMapping
from projections.role_capacity.rules.projection import key_of, rule
from projections.role_capacity.tables import (
    MappingRow,
    ProjectRoleRow,
    ProjectRow,
    project_roles,
    projects,
    role_mappings,
)


@rule(projects, Project.Added, Project.Changed, key=key_of(projects))
def _project(_: ProjectRow | None, event: Any, _position: int) -> ProjectRow:
    return ProjectRow(
        event.project_id,
        event.name,
        event.client,
        event.vertical_id,
        event.status,
        int(event.is_active),
        event.template_id,
    )


@rule(project_roles, ProjectRole.Added, ProjectRole.Changed, key=key_of(project_roles))
def _project_role(_: ProjectRoleRow | None, event: Any, _position: int) -> ProjectRoleRow:
    return ProjectRoleRow(event.project_role_id, event.name, event.department_id)


def _mapping_key(event: Any) -> tuple[str, int]:
    return "" if event.template_id is None else str(event.template_id), event.project_role_id


@rule(role_mappings, RoleMapping.Mapped, key=_mapping_key)
def _mapped(_: MappingRow | None, event: RoleMapping.Mapped, _position: int) -> MappingRow | None:
    if not event.role_ids:
        return None
    return MappingRow(*_mapping_key(event), ",".join(map(str, event.role_ids)))
