"""Decisions on who and what there is: each thing as its facts say, if all it refers to exists."""

from collections.abc import Callable
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
from domain.assignments.references import thing_of
from domain.versions import Seen


def declare(
    facts: Any, *, expected: Seen | None, check: Callable[[Any], None] = lambda _: None
) -> Callable[[UnitOfWork], Written]:
    """Return the decision that makes what some facts are about, or has it as they say."""
    kind, number = thing_of(facts)
    aggregate_class = steps.CLASSES[kind]

    def decide(work: UnitOfWork) -> Written:
        found: Any = work.get(aggregate_class, steps.identity_of(kind, number))
        before = found.version
        steps.check_seen(found, expected, subject=f"{aggregate_class.__name__} {number}")
        steps.check_known(work, facts)
        check(found)
        found.declare(facts)
        return steps.written(found, kind, number, before=before)

    return decide


def declare_department(
    facts: DepartmentFacts, *, expected: Seen | None
) -> Callable[[UnitOfWork], Written]:
    """Return the decision that makes a department, or places it where no circle comes of it."""
    number = facts.department_id

    def decide(work: UnitOfWork) -> Written:
        department = work.get(Department, Department.identity(number))
        before = department.version
        steps.check_seen(department, expected, subject=f"Department {number}")
        if facts.parent_id != number:  # which is a circle, known or not
            steps.check_known(work, facts)
        department.declare(facts, above=steps.ancestors(work, facts.parent_id))
        return steps.written(department, "departments", number, before=before)

    return decide


def map_roles(facts: RoleMappingFacts, *, expected: Seen | None) -> Callable[[UnitOfWork], Mapped]:
    """Return the decision that says which roles serve a project role."""
    about = (facts.template_id, facts.project_role_id)

    def decide(work: UnitOfWork) -> Mapped:
        mapping = work.get(RoleMapping, RoleMapping.identity(*about))
        before = mapping.version
        subject = f"Mapping of project role {facts.project_role_id}"
        steps.check_seen(mapping, expected, subject=subject)
        steps.check_known(work, facts)
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
