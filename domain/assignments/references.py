"""References of a planning document: what it names and does not hold itself."""

from collections.abc import Iterator
from typing import Literal, NamedTuple

from domain.assignments.documents import PlanningDocument

Kind = Literal["verticals", "departments", "roles", "people", "projects", "project_roles"]


class Outside(NamedTuple):
    """Something that a document refers to and does not hold."""

    pointer: str
    kind: Kind
    number: int

    @property
    def fault(self) -> tuple[str, str]:
        """What is wrong if it is nowhere else either."""
        return self.pointer, f"found {self.number}, which is not among the {self.kind}"


def outside(document: PlanningDocument) -> Iterator[Outside]:
    """Yield everything that a document refers to and does not hold itself."""
    held: dict[Kind, set[int]] = {
        "verticals": {each.vertical_id for each in document.verticals},
        "departments": {each.department_id for each in document.departments},
        "roles": {each.role_id for each in document.roles},
        "people": {each.facts.person_id for each in document.people},
        "projects": {each.project_id for each in document.projects},
        "project_roles": {each.project_role_id for each in document.project_roles},
    }
    for pointer, kind, number in _references(document):
        if number is not None and number not in held[kind]:
            yield Outside(pointer, kind, number)


def _references(document: PlanningDocument) -> Iterator[tuple[str, Kind, int | None]]:
    for index, department in enumerate(document.departments):
        yield f"/departments/{index}/vertical_id", "verticals", department.vertical_id
        yield f"/departments/{index}/parent_id", "departments", department.parent_id
    for index, (_, person) in enumerate(document.people):
        yield f"/people/{index}/role_id", "roles", person.role_id
        yield f"/people/{index}/department_id", "departments", person.department_id
    for index, project in enumerate(document.projects):
        yield f"/projects/{index}/vertical_id", "verticals", project.vertical_id
    for index, project_role in enumerate(document.project_roles):
        where = f"/project_roles/{index}/department_id"
        yield where, "departments", project_role.department_id
    for key in ("template_role_mappings", "global_role_mappings"):
        for index, mapping in enumerate(getattr(document, key)):
            yield f"/{key}/{index}/project_role_id", "project_roles", mapping.project_role_id
            for role_id in mapping.role_ids:
                yield f"/{key}/{index}/people_role_ids", "roles", role_id
    for index, (assignment, _) in enumerate(document.assignments):
        at = f"/assignments/{index}"
        yield f"{at}/person_id", "people", assignment.person_id
        yield f"{at}/project_id", "projects", assignment.project_id
        yield f"{at}/department_id", "departments", assignment.department_id
        yield f"{at}/role_on_project_ref_id", "project_roles", assignment.project_role_id
