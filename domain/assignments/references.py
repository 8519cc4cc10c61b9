"""References of a planning document: what its records name, and what they are themselves."""

from collections.abc import Callable, Iterator
from typing import Any, Literal, NamedTuple

from domain.assignments.departments import DepartmentFacts
from domain.assignments.documents import Found
from domain.assignments.project_roles import ProjectRoleFacts
from domain.assignments.projects import ProjectFacts
from domain.assignments.records import AssignmentRecord, PersonRecord
from domain.assignments.role_mappings import RoleMappingFacts

Kind = Literal["verticals", "departments", "roles", "people", "projects", "project_roles"]
Thing = tuple[Kind, int]
Named = tuple[str, Kind, int | None]  # the field that names it


class Reference(NamedTuple):
    """Something that a record names, and where."""

    pointer: str
    kind: Kind
    number: int

    @property
    def fault(self) -> tuple[str, str]:
        """What is wrong if it is nowhere."""
        return self.pointer, f"found {self.number}, which is not among the {self.kind}"


class References:
    """What a document names and what it holds, whatever comes first; never more than once each."""

    def __init__(self) -> None:
        self._named: set[Thing] = set()
        self._held: set[Thing] = set()

    def note(self, found: Found) -> None:
        """Take what one record names, and what it is."""
        if (thing := held(found)) is not None:
            self._held.add(thing)
        self._named.update((kind, number) for _, kind, number in _named(found) if number)

    @property
    def outside(self) -> list[Thing]:
        """What the document names and does not hold itself."""
        return sorted(self._named - self._held)


def references(found: Found) -> Iterator[Reference]:
    """Yield everything that a record names."""
    for field, kind, number in _named(found):
        if number is not None:
            yield Reference(f"{found.pointer}/{field}", kind, number)


def held(found: Found) -> Thing | None:
    """Return what a record is, if others can refer to it."""
    says = found.says
    match found.key:
        case "people":
            return "people", says.facts.person_id
        case "verticals" | "departments" | "roles" | "projects" | "project_roles":
            return found.key, getattr(says, says.__struct_fields__[0])
    return None


def _named(found: Found) -> Iterator[Named]:
    name = _NAMED.get(found.key)
    return iter(()) if name is None else name(found.says)


def _by_department(says: DepartmentFacts) -> Iterator[Named]:
    yield "vertical_id", "verticals", says.vertical_id
    yield "parent_id", "departments", says.parent_id


def _by_person(says: PersonRecord) -> Iterator[Named]:
    yield "role_id", "roles", says.facts.role_id
    yield "department_id", "departments", says.facts.department_id


def _by_project(says: ProjectFacts) -> Iterator[Named]:
    yield "vertical_id", "verticals", says.vertical_id


def _by_project_role(says: ProjectRoleFacts) -> Iterator[Named]:
    yield "department_id", "departments", says.department_id


def _by_mapping(says: RoleMappingFacts) -> Iterator[Named]:
    yield "project_role_id", "project_roles", says.project_role_id
    for role_id in says.role_ids:
        yield "people_role_ids", "roles", role_id


def _by_assignment(says: AssignmentRecord) -> Iterator[Named]:
    facts = says.facts
    yield "person_id", "people", facts.person_id
    yield "project_id", "projects", facts.project_id
    yield "department_id", "departments", facts.department_id
    yield "role_on_project_ref_id", "project_roles", facts.project_role_id


_NAMED: dict[str, Callable[[Any], Iterator[Named]]] = {
    "departments": _by_department,
    "people": _by_person,
    "projects": _by_project,
    "project_roles": _by_project_role,
    "template_role_mappings": _by_mapping,
    "global_role_mappings": _by_mapping,
    "assignments": _by_assignment,
}
