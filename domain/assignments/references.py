"""References: which things facts name, whether a document or one command says them.

What is said here of an id is only that it is named; whether it is known the ledger knows.
"""

from collections.abc import Callable, Iterator
from typing import Any, Literal, NamedTuple

from domain.assignments.assignments import AssignmentFacts
from domain.assignments.departments import DepartmentFacts
from domain.assignments.people import PersonFacts
from domain.assignments.project_roles import ProjectRoleFacts
from domain.assignments.projects import ProjectFacts
from domain.assignments.role_mappings import RoleMappingFacts
from domain.assignments.roles import RoleFacts
from domain.assignments.verticals import VerticalFacts

Kind = Literal["verticals", "departments", "roles", "people", "projects", "project_roles"]
Thing = tuple[Kind, int]
Named = tuple[str, Kind, int | None]  # the field that names it

_KINDS: dict[type, Kind] = {
    VerticalFacts: "verticals",
    DepartmentFacts: "departments",
    RoleFacts: "roles",
    PersonFacts: "people",
    ProjectFacts: "projects",
    ProjectRoleFacts: "project_roles",
}


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

    def note(self, facts: Any) -> None:
        """Take what the facts of one record name, and what they are about."""
        if type(facts) in _KINDS:
            self._held.add(thing_of(facts))
        self._named.update((kind, number) for _, kind, number in _named(facts) if number)

    @property
    def outside(self) -> list[Thing]:
        """What the document names and does not hold itself."""
        return sorted(self._named - self._held)


def references(facts: Any, pointer: str = "") -> Iterator[Reference]:
    """Yield everything that some facts name; `pointer` is where they stand."""
    for field, kind, number in _named(facts):
        if number is not None:
            yield Reference(f"{pointer}/{field}", kind, number)


def thing_of(facts: Any) -> Thing:
    """Return what facts are about, of those things that others can refer to."""
    number: int = getattr(facts, facts.__struct_fields__[0])
    return _KINDS[type(facts)], number


def _named(facts: Any) -> Iterator[Named]:
    name = _NAMED.get(type(facts))
    return iter(()) if name is None else name(facts)


def _by_department(facts: DepartmentFacts) -> Iterator[Named]:
    yield "vertical_id", "verticals", facts.vertical_id
    yield "parent_id", "departments", facts.parent_id


def _by_person(facts: PersonFacts) -> Iterator[Named]:
    yield "role_id", "roles", facts.role_id
    yield "department_id", "departments", facts.department_id


def _by_project(facts: ProjectFacts) -> Iterator[Named]:
    yield "vertical_id", "verticals", facts.vertical_id


def _by_project_role(facts: ProjectRoleFacts) -> Iterator[Named]:
    yield "department_id", "departments", facts.department_id


def _by_mapping(facts: RoleMappingFacts) -> Iterator[Named]:
    yield "project_role_id", "project_roles", facts.project_role_id
    for role_id in facts.role_ids:
        yield "people_role_ids", "roles", role_id


def _by_assignment(facts: AssignmentFacts) -> Iterator[Named]:
    yield "person_id", "people", facts.person_id
    yield "project_id", "projects", facts.project_id
    yield "department_id", "departments", facts.department_id
    yield "role_on_project_ref_id", "project_roles", facts.project_role_id


_NAMED: dict[type, Callable[[Any], Iterator[Named]]] = {
    DepartmentFacts: _by_department,
    PersonFacts: _by_person,
    ProjectFacts: _by_project,
    ProjectRoleFacts: _by_project_role,
    RoleMappingFacts: _by_mapping,
    AssignmentFacts: _by_assignment,
}
