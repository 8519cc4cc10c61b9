"""Importing a planning document: it is held against the ledger first, then stored in batches.

Each batch is one transaction of bounded size; what is referred to comes in no later batch than
what refers to it. Nothing in a batch can be refused any more, so the import either ends, or was
interrupted between two batches: the same document again stores what is missing.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, NamedTuple
from uuid import UUID

from msgspec.structs import replace

from application.assignments.results import KindCount, PlanningImported
from application.assignments.spools import PlanSpool
from application.assignments.steps import CLASSES, identity_of
from application.ledger import UnitOfWork
from domain.aggregate import Aggregate
from domain.assignments import (
    Assignment,
    Department,
    DepartmentCircle,
    LeavesBeforeHired,
    Person,
    RoleMapping,
)
from domain.assignments.documents import Found
from domain.assignments.fields import FaultCount
from domain.assignments.records import AssignmentRecord, PersonRecord
from domain.assignments.references import Kind, Thing, references, thing_of

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


def check_against_ledger(plan: PlanSpool) -> Callable[[UnitOfWork], None]:
    """Return the decision that raises Invalid for all that the ledger as it is contradicts."""
    outside = plan.references.outside
    departments, hired = list(plan.of("departments")), list(_hired(plan))

    def decide(work: UnitOfWork) -> None:
        faults = FaultCount()
        if missing := _missing(work, outside):
            for found in plan.of():
                faults.add(
                    [
                        each.fault
                        for each in references(found.facts, found.pointer)
                        if each[1:] in missing
                    ]
                )
            faults.raise_if_any()
        faults.add(list(_circles(work, departments)))
        faults.add(list(_left(work, hired)))
        faults.raise_if_any()

    return decide


def _missing(work: UnitOfWork, outside: Sequence[Thing]) -> set[Thing]:
    """Return what the document names, and neither it nor the ledger holds."""
    kinds: dict[Kind, list[int]] = {}
    for kind, number in outside:
        kinds.setdefault(kind, []).append(number)
    return {
        (kind, number)
        for kind, numbers in kinds.items()
        for number, each in _numbered(work, kind, numbers)
        if not each.exists
    }


def _numbered(
    work: UnitOfWork, kind: Kind, numbers: Sequence[int]
) -> Iterator[tuple[int, Aggregate]]:
    found = work.get_all(CLASSES[kind], [identity_of(kind, number) for number in numbers])
    return zip(numbers, found, strict=True)


def _circles(work: UnitOfWork, found: Sequence[Found]) -> Iterator[tuple[str, str]]:
    """Yield a fault for each department that would stand above itself."""
    parent_of = {each.says.department_id: each.says.parent_id for each in found}
    _add_ancestors(work, parent_of)
    for pointer, says in ((each.pointer, each.says) for each in found):
        if says.parent_id is not None and _stands_above_itself(says.department_id, parent_of):
            told = str(DepartmentCircle(says.department_id, says.parent_id))
            yield f"{pointer}/parent_id", told


def _hired(plan: PlanSpool) -> Iterator[tuple[str, int, str]]:
    """Yield where the document says since when who is hired."""
    for found in plan.of("people"):
        facts = found.says.facts
        if facts.hire_date:
            yield f"{found.pointer}/hire_date", facts.person_id, facts.hire_date


def _left(work: UnitOfWork, hired: Sequence[tuple[str, int, str]]) -> Iterator[tuple[str, str]]:
    """Yield a fault for each hire date that comes after a last day that was set here."""
    people = work.get_all(Person, [Person.identity(number) for _, number, _ in hired])
    for (pointer, _, hire_date), person in zip(hired, people, strict=True):
        try:
            if person.exists:
                person.check_hire_date(hire_date)
        except LeavesBeforeHired as error:
            yield pointer, str(error)


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


def items(plan: PlanSpool, ciphers: Mapping[int, bytes]) -> Iterator[Item]:
    """Yield the records of a document, what is referred to before what refers to it."""
    yield from map(_plain, plan.of("verticals"))
    yield from map(_plain, _parents_first(plan.of("departments")))
    yield from map(_plain, plan.of("roles"))
    for found in plan.of("people"):
        yield _person(found.says, ciphers)
    yield from map(_plain, plan.of("projects", "project_roles"))
    for found in plan.of("template_role_mappings", "global_role_mappings"):
        mapping = found.says
        about = (mapping.template_id, mapping.project_role_id)
        yield _item(found.key, RoleMapping, about, mapping)
    for found in plan.of("assignments"):
        yield _assignment(found.says)


def _plain(found: Found) -> Item:
    kind, number = thing_of(found.facts)
    return _item(found.key, CLASSES[kind], (number,), found.facts)


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


def _parents_first(departments: Iterable[Found]) -> list[Found]:
    """Return departments so that each comes after its parent; circles were refused before."""
    by_number = {each.says.department_id: each for each in departments}
    ordered: dict[int, Found] = {}
    for each in by_number.values():
        line = []
        above: Found | None = each
        while above is not None and above.says.department_id not in ordered:
            line.append(above)
            above = by_number.get(above.says.parent_id)
        ordered |= {one.says.department_id: one for one in reversed(line)}
    return list(ordered.values())


def batches(every: Iterable[Item]) -> Iterator[list[Item]]:
    """Yield the items in pieces that are stored in one transaction each."""
    left = iter(every)
    while batch := list(islice(left, BATCH_RECORDS)):
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


def summed(plan: PlanSpool, parts: Iterable[Done]) -> PlanningImported:
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
    return PlanningImported(counts, events, plan.week_cells, plan.lenient_cells)
