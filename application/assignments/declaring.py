"""Decisions on who and what there is: each thing as its facts say, if all it refers to exists."""

from collections.abc import Callable, Sequence
from typing import Any

from application.assignments import steps
from application.assignments.results import Forgotten, Mapped, Written
from application.ledger import UnitOfWork
from domain.assignments import (
    Department,
    DepartmentFacts,
    Person,
    RoleMapping,
    RoleMappingFacts,
)
from domain.versions import Seen

_KINDS: dict[type, str] = {each: kind for kind, each in steps.CLASSES.items()}


def declare(
    aggregate_class: Any,
    number: int,
    facts: Any,
    *references: steps.Reference,
    expected: Seen | None,
    check: Callable[[Any], None] = lambda _: None,
) -> Callable[[UnitOfWork], Written]:
    """Return the decision that makes something, or has it as these facts say."""

    def decide(work: UnitOfWork) -> Written:
        found = work.get(aggregate_class, aggregate_class.identity(number))
        before = found.version
        steps.check_seen(found, expected, subject=f"{aggregate_class.__name__} {number}")
        steps.check_known(work, references)
        check(found)
        found.declare(facts)
        return steps.written(found, _KINDS[aggregate_class], number, before=before)

    return decide


def declare_department(
    facts: DepartmentFacts, *, expected: Seen | None
) -> Callable[[UnitOfWork], Written]:
    """Return the decision that makes a department, or places it where no circle comes of it."""
    number = facts.department_id
    references: Sequence[steps.Reference] = [
        ("vertical_id", "verticals", facts.vertical_id),
        ("parent_id", "departments", facts.parent_id),
    ]

    def decide(work: UnitOfWork) -> Written:
        department = work.get(Department, Department.identity(number))
        before = department.version
        steps.check_seen(department, expected, subject=f"Department {number}")
        if facts.parent_id != number:  # which is a circle, known or not
            steps.check_known(work, references)
        department.declare(facts, above=steps.ancestors(work, facts.parent_id))
        return steps.written(department, "departments", number, before=before)

    return decide


def map_roles(facts: RoleMappingFacts, *, expected: Seen | None) -> Callable[[UnitOfWork], Mapped]:
    """Return the decision that says which roles serve a project role."""
    about = (facts.template_id, facts.project_role_id)
    references: Sequence[steps.Reference] = [
        ("project_role_id", "project_roles", facts.project_role_id),
        *(("people_role_ids", "roles", each) for each in facts.role_ids),
    ]

    def decide(work: UnitOfWork) -> Mapped:
        mapping = work.get(RoleMapping, RoleMapping.identity(*about))
        before = mapping.version
        subject = f"Mapping of project role {facts.project_role_id}"
        steps.check_seen(mapping, expected, subject=subject)
        steps.check_known(work, references)
        mapping.declare(facts)
        now = mapping.version
        return Mapped(*about, mapping.role_ids, before == 0, now != before, now)

    return decide


def change_person(
    person_id: int, change: Callable[[Person], None], *, expected: Seen | None
) -> Callable[[UnitOfWork], Written]:
    """Return the decision that changes something about somebody who is known."""

    def decide(work: UnitOfWork) -> Written:
        person = steps.known_person(work, person_id)
        before = person.version
        steps.check_seen(person, expected, subject=f"Person {person_id}")
        change(person)
        return steps.written(person, "people", person_id, before=before)

    return decide


def forget(person_id: int) -> Callable[[UnitOfWork], Forgotten]:
    """Return the decision that records that a name's key is deleted."""

    def decide(work: UnitOfWork) -> Forgotten:
        person = steps.known_person(work, person_id)
        before = person.version
        person.forget()
        return Forgotten(person_id, person.version != before, person.version)

    return decide
