"""Steps that decisions of the assignments context share: find, check, say what came of it."""

from typing import Any
from uuid import UUID

from application.assignments.results import Written
from application.ledger import UnitOfWork
from domain.aggregate import Aggregate
from domain.assignments import (
    Assignment,
    AssignmentFacts,
    AssignmentNotFound,
    Department,
    Person,
    PersonNotFound,
    Project,
    ProjectRole,
    Role,
    Vertical,
)
from domain.assignments.references import Kind, references
from domain.assignments.weeks import hire_week
from domain.errors import Invalid
from domain.versions import Seen

CLASSES: dict[Kind, type[Aggregate]] = {
    "verticals": Vertical,
    "departments": Department,
    "roles": Role,
    "people": Person,
    "projects": Project,
    "project_roles": ProjectRole,
}


def identity_of(kind: Kind, number: int) -> UUID:
    """Return the id of the aggregate that has a number among its kind."""
    identity: UUID = CLASSES[kind].identity(number)  # type: ignore[attr-defined] # all of them have one
    return identity


def check_known(work: UnitOfWork, facts: Any) -> None:
    """Raise Invalid naming every field of some facts that refers to what does not exist."""
    faults = [
        each.fault
        for each in references(facts)
        if not work.get(CLASSES[each.kind], identity_of(each.kind, each.number)).exists
    ]
    if faults:
        raise Invalid(*faults)


def known_person(work: UnitOfWork, person_id: int) -> Person:
    """Return somebody. Raises PersonNotFound."""
    person = work.get(Person, Person.identity(person_id))
    if not person.exists:
        raise PersonNotFound(person_id)
    return person


def known_assignment(
    work: UnitOfWork, assignment_id: int, *, expected: Seen | None = None
) -> Assignment:
    """Return an assignment. Raises AssignmentNotFound and OtherVersion."""
    assignment = work.get(Assignment, Assignment.identity(assignment_id))
    if not assignment.exists:
        raise AssignmentNotFound(assignment_id)
    check_seen(assignment, expected, subject=f"Assignment {assignment_id}")
    return assignment


def check_seen(aggregate: Aggregate, expected: Seen | None, *, subject: str) -> None:
    """Raise OtherVersion unless the aggregate stands as the caller saw it, if it says so."""
    if expected is not None:
        expected.check(aggregate, subject=subject)


def first_week(work: UnitOfWork, person_id: int | None) -> str:
    """Return the first week that somebody can have hours in; empty if every week is open."""
    if person_id is None:
        return ""
    person = work.get(Person, Person.identity(person_id))
    return hire_week(person.hire_date) if person.exists else ""


def check_active(work: UnitOfWork, assignment: Assignment, facts: AssignmentFacts) -> None:
    """Raise Invalid if somebody inactive would be given the assignment; who has it may keep it."""
    if facts.person_id is None or (assignment.exists and facts.person_id == assignment.person_id):
        return
    if not known_person(work, facts.person_id).is_active:
        raise Invalid(("/person_id", f"found {facts.person_id}, who is not active"))


def ancestors(work: UnitOfWork, parent_id: int | None) -> list[int]:
    """Return a department and all that stand above it; a circle, if there is one, once."""
    above: list[int] = []
    while parent_id is not None and parent_id not in above:
        above.append(parent_id)
        parent = work.get(Department, Department.identity(parent_id))
        parent_id = parent.parent_id if parent.exists else None
    return above


def written(aggregate: Aggregate, kind: str, number: int, *, before: int) -> Written:
    """Return what a use case answers about something that had a version before."""
    return Written(
        kind=kind,
        number=number,
        new=before == 0,
        changed=aggregate.version != before,
        version=aggregate.version,
    )
