"""Importing a planning document: it is held against the ledger first, then stored in batches.

Each batch is one transaction of bounded size; what is referred to comes in no later batch than
what refers to it. Nothing in a batch can be refused any more, so the import either ends, or was
interrupted between two batches: the same document again stores what is missing.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, cast
from uuid import UUID

from msgspec.structs import replace

from application.assignments.results import KindCount, PlanningImported
from application.assignments.steps import CLASSES, identity_of
from application.ledger import UnitOfWork
from domain.aggregate import Aggregate
from domain.assignments import (
    Assignment,
    Department,
    DepartmentCircle,
    DepartmentFacts,
    LeavesBeforeHired,
    Person,
    Project,
    ProjectRole,
    Role,
    RoleMapping,
    Vertical,
)
from domain.assignments.documents import PlanningDocument
from domain.assignments.fields import Faults, raise_faults
from domain.assignments.records import AssignmentRecord, PersonRecord
from domain.assignments.references import outside

BATCH_RECORDS = 1_000


class Item(NamedTuple):
    """One record of a document: what it is about, and what that shall be."""

    key: str  # the document's list
    aggregate_class: type[Aggregate]
    aggregate_id: UUID
    declare: Callable[[Any], None]


class Done(NamedTuple):
    """What a batch did: for each of its lists what was counted, and how many events."""

    counts: dict[str, KindCount]
    events: int


# What the ledger says.


def check_against_ledger(document: PlanningDocument) -> Callable[[UnitOfWork], None]:
    """Return the decision that raises Invalid for all that the ledger as it is contradicts."""
    referred = list(outside(document))
    wanted = sorted({(each.kind, each.number) for each in referred})

    def decide(work: UnitOfWork) -> None:
        known = {
            (kind, number)
            for kind, aggregate_class in CLASSES.items()
            for number, found in _found(work, aggregate_class, kind, wanted)
            if found.exists
        }
        dangling = [each.fault for each in referred if (each.kind, each.number) not in known]
        raise_faults(
            dangling or _circles(work, document.departments) + _left(work, document.people)
        )

    return decide


def _found(
    work: UnitOfWork, aggregate_class: type[Aggregate], kind: Any, wanted: Sequence[Any]
) -> Iterator[tuple[int, Aggregate]]:
    numbers = [number for each, number in wanted if each == kind]
    found = work.get_all(aggregate_class, [identity_of(kind, number) for number in numbers])
    return zip(numbers, found, strict=True)


def _circles(work: UnitOfWork, departments: Sequence[DepartmentFacts]) -> Faults:
    """Return a fault for each department that would stand above itself."""
    parent_of = {each.department_id: each.parent_id for each in departments}
    _add_ancestors(work, parent_of)
    faults = []
    for index, each in enumerate(departments):
        if each.parent_id is not None and _stands_above_itself(each.department_id, parent_of):
            told = str(DepartmentCircle(each.department_id, each.parent_id))
            faults.append((f"/departments/{index}/parent_id", told))
    return faults


def _left(work: UnitOfWork, people: Sequence[PersonRecord]) -> Faults:
    """Return a fault for each hire date that comes after a last day that was set here."""
    hired = [(index, each) for index, (_, each) in enumerate(people) if each.hire_date]
    ids = [Person.identity(each.person_id) for _, each in hired]
    faults = []
    for (index, facts), person in zip(hired, work.get_all(Person, ids), strict=True):
        try:
            person.check_hire_date(facts.hire_date)
        except LeavesBeforeHired as error:
            faults.append((f"/people/{index}/hire_date", str(error)))
    return faults


def _add_ancestors(work: UnitOfWork, parent_of: dict[int, int | None]) -> None:
    """Add what stands above the document's departments, one level in one call."""
    while level := sorted(
        {each for each in parent_of.values() if each is not None and each not in parent_of}
    ):
        found = work.get_all(Department, [Department.identity(each) for each in level])
        for number, department in zip(level, found, strict=True):
            parent_of[number] = department.parent_id if department.exists else None


def _stands_above_itself(department_id: int, parent_of: Mapping[int, int | None]) -> bool:
    passed: set[int] = set()
    above = parent_of[department_id]
    while above is not None and above not in passed:
        if above == department_id:
            return True
        passed.add(above)
        above = parent_of[above]
    return False


# What is stored.


def items(document: PlanningDocument, ciphers: Mapping[int, bytes]) -> Iterator[Item]:
    """Yield the records of a document, what is referred to before what refers to it."""
    for vertical in document.verticals:
        yield _item("verticals", Vertical, (vertical.vertical_id,), vertical)
    for department in _parents_first(document.departments):
        yield _item("departments", Department, (department.department_id,), department)
    for role in document.roles:
        yield _item("roles", Role, (role.role_id,), role)
    for person in document.people:
        yield _person(person, ciphers)
    for project in document.projects:
        yield _item("projects", Project, (project.project_id,), project)
    for project_role in document.project_roles:
        number = project_role.project_role_id
        yield _item("project_roles", ProjectRole, (number,), project_role)
    for key in ("template_role_mappings", "global_role_mappings"):
        for mapping in getattr(document, key):
            about = (mapping.template_id, mapping.project_role_id)
            yield _item(key, RoleMapping, about, mapping)
    for record in document.assignments:
        yield _assignment(record)


def _item(key: str, aggregate_class: Any, about: tuple[Any, ...], facts: Any) -> Item:
    return Item(
        key, aggregate_class, aggregate_class.identity(*about), lambda found: found.declare(facts)
    )


def _person(record: PersonRecord, ciphers: Mapping[int, bytes]) -> Item:
    number = record.facts.person_id
    facts = replace(record.facts, name_cipher=ciphers[number])
    return _item("people", Person, (number,), facts)


def _assignment(record: AssignmentRecord) -> Item:
    # What a document says is taken as it is, also hours before a hire date and hours of people
    # who left: it tells what was planned, and reports leave out what does not count.
    def declare(found: Assignment) -> None:
        found.declare(record.facts)
        found.set_all_hours(record.units_by_week)

    number = record.facts.assignment_id
    return Item("assignments", Assignment, Assignment.identity(number), declare)


def _parents_first(departments: Iterable[DepartmentFacts]) -> list[DepartmentFacts]:
    """Return departments so that each comes after its parent; circles were refused before."""
    by_number = {each.department_id: each for each in departments}
    ordered: dict[int, DepartmentFacts] = {}
    for each in by_number.values():
        line = []
        above: DepartmentFacts | None = each
        while above is not None and above.department_id not in ordered:
            line.append(above)
            above = by_number.get(cast(int, above.parent_id))
        ordered |= {one.department_id: one for one in reversed(line)}
    return list(ordered.values())


def batches(every: Iterable[Item]) -> Iterator[list[Item]]:
    """Yield the items in pieces that are stored in one transaction each."""
    batch: list[Item] = []
    for item in every:
        batch.append(item)
        if len(batch) == BATCH_RECORDS:
            yield batch
            batch = []
    if batch:
        yield batch


def declare_all(batch: Sequence[Item]) -> Callable[[UnitOfWork], Done]:
    """Return the decision that makes everything in a batch as the document says."""
    by_class: dict[type[Aggregate], list[Item]] = {}
    for item in batch:
        by_class.setdefault(item.aggregate_class, []).append(item)

    def decide(work: UnitOfWork) -> Done:
        done = Done({}, 0)
        for aggregate_class, alike in by_class.items():
            found = work.get_all(aggregate_class, [each.aggregate_id for each in alike])
            for item, aggregate in zip(alike, found, strict=True):
                before = aggregate.version
                item.declare(aggregate)
                done = _counted(done, item.key, before, aggregate.version)
        return done

    return decide


def _counted(done: Done, key: str, before: int, now: int) -> Done:
    count = done.counts.get(key, KindCount())
    if before == 0:
        count = replace(count, added=count.added + 1)
    elif now != before:
        count = replace(count, changed=count.changed + 1)
    else:
        count = replace(count, unchanged=count.unchanged + 1)
    done.counts[key] = count
    return Done(done.counts, done.events + now - before)


def summed(document: PlanningDocument, parts: Iterable[Done]) -> PlanningImported:
    """Return what an import answers, from what its batches did."""
    counts: dict[str, KindCount] = {}
    events = 0
    for part in parts:
        events += part.events
        for key, more in part.counts.items():
            known = counts.get(key, KindCount())
            counts[key] = KindCount(
                known.added + more.added,
                known.changed + more.changed,
                known.unchanged + more.unchanged,
            )
    cells = sum(len(each.units_by_week) for each in document.assignments)
    return PlanningImported(counts, events, cells, document.lenient_cells)
