"""Planning documents: everything about people, projects and hours in one JSON object.

A document is read whole, and every fault of it is named by its JSON pointer, before any of it
counts. Whether what it refers to exists elsewhere is not known here; see `references`.
"""

import json
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

from msgspec import Struct

from domain.assignments.departments import DepartmentFacts
from domain.assignments.fields import (
    MAX_CAPACITY_HOURS,
    Faults,
    Field,
    capacity_units,
    raise_faults,
    read_fields,
    unknown,
)
from domain.assignments.hours import HoursReader, LenientCell
from domain.assignments.project_roles import ProjectRoleFacts
from domain.assignments.projects import ProjectFacts
from domain.assignments.records import (
    LISTS,
    AssignmentRecord,
    PersonRecord,
    Values,
    assignment_facts,
    department_facts,
    nobody_fault,
    person_record,
    project_facts,
    project_role_facts,
    role_facts,
    role_mapping_facts,
    vertical_facts,
)
from domain.assignments.role_mappings import RoleMappingFacts
from domain.assignments.roles import RoleFacts
from domain.assignments.verticals import VerticalFacts
from domain.assignments.weeks import MAX_WEEK_HOURS, UNITS_PER_HOUR
from domain.errors import Invalid
from domain.json_faults import json_faults_named
from domain.names import shown


class PlanningDocument(Struct, frozen=True):
    """A document that was read and found without fault, each list in its order."""

    verticals: tuple[VerticalFacts, ...] = ()
    departments: tuple[DepartmentFacts, ...] = ()
    roles: tuple[RoleFacts, ...] = ()
    people: tuple[PersonRecord, ...] = ()
    projects: tuple[ProjectFacts, ...] = ()
    project_roles: tuple[ProjectRoleFacts, ...] = ()
    template_role_mappings: tuple[RoleMappingFacts, ...] = ()
    global_role_mappings: tuple[RoleMappingFacts, ...] = ()
    assignments: tuple[AssignmentRecord, ...] = ()
    lenient_cells: tuple[LenientCell, ...] = ()


def read_planning_document(
    document: bytes, *, lenient: bool = False, limit_hours: int = MAX_WEEK_HOURS
) -> PlanningDocument:
    """Return what a planning document says. Raises Invalid naming every fault by its pointer.

    If lenient, hours that cannot be used are read as the original's report does, and listed.
    """
    parsed = parse_planning_json(document)
    if not isinstance(parsed, dict):
        raise Invalid(("", f"found {shown(parsed)}, an object with lists is needed"))
    faults = unknown(parsed, LISTS)
    hours = HoursReader(lenient=lenient, limit_hours=limit_hours)
    if lenient:
        _note_negative_capacities(parsed, hours)
    found = {key: _records(key, parsed.get(key, []), faults, lenient) for key in LISTS}
    assignments = tuple(
        _assignment(f"/assignments/{index}", values, hours, faults, lenient)
        for index, values in enumerate(found["assignments"])
        if values is not None
    )
    raise_faults(faults)
    return PlanningDocument(
        verticals=_made(vertical_facts, found["verticals"]),
        departments=_made(department_facts, found["departments"]),
        roles=_made(role_facts, found["roles"]),
        people=_made(person_record, found["people"]),
        projects=_made(project_facts, found["projects"]),
        project_roles=_made(project_role_facts, found["project_roles"]),
        template_role_mappings=_made(role_mapping_facts, found["template_role_mappings"]),
        global_role_mappings=_made(role_mapping_facts, found["global_role_mappings"]),
        assignments=assignments,
        lenient_cells=tuple(hours.cells),
    )


def _made(make: Callable[[Values], Any], records: Sequence[Values | None]) -> Any:
    return tuple(make(values) for values in records if values is not None)


# Reading.


def parse_planning_json(document: bytes) -> Any:
    """Return what JSON says, fractions as they are written; NaN is left for its field to refuse.

    Raises Invalid for what is no JSON, and for a key that stands twice.
    """

    def unique(pairs: list[tuple[str, Any]]) -> Values:
        found = dict(pairs)
        if len(found) < len(pairs):
            names = [key for key, _ in pairs]
            twice = next(key for key in names if names.count(key) > 1)
            raise Invalid(("", f"the key {shown(twice)} stands twice in one object"))
        return found

    with json_faults_named():
        return json.loads(
            document, parse_float=Decimal, parse_constant=float, object_pairs_hook=unique
        )


def _records(key: str, found: Any, faults: Faults, lenient: bool) -> list[Values | None]:
    if not isinstance(found, list):
        faults.append((f"/{key}", f"found {shown(found)}, a list is needed"))
        return []
    fields = LISTS[key]
    if lenient and key == "people":
        fields = fields | {
            "weekly_capacity": Field(_any_capacity_units, fields["weekly_capacity"].default)
        }
    records = [
        read_fields(each, fields, faults, pointer=f"/{key}/{index}")
        for index, each in enumerate(found)
    ]
    faults += _twice(key, records)
    return records


def _twice(key: str, records: Sequence[Values | None]) -> Faults:
    """Return a fault for each record that has the id of one before it."""
    names = [each for each in LISTS[key] if each == "id"] or [
        each for each in LISTS[key] if each.endswith("_id")
    ]
    first: dict[tuple[int, ...], int] = {}
    faults = []
    for index, values in enumerate(records):
        if values is None:
            continue
        number = tuple(values[each] for each in names)
        if first.setdefault(number, index) != index:
            told = ", ".join(map(str, number))
            detail = f"found {told}, which stands at {first[number]} already"
            faults.append((f"/{key}/{index}/{names[0]}", detail))
    return faults


def _any_capacity_units(value: object) -> int:
    """Return a capacity that may be negative: the original's report counts it as it is."""
    if type(value) is int and -MAX_CAPACITY_HOURS <= value < 0:
        return value * UNITS_PER_HOUR
    return capacity_units(value)


def _note_negative_capacities(parsed: Values, hours: HoursReader) -> None:
    people = parsed.get("people")
    for index, record in enumerate(people if isinstance(people, list) else ()):
        value = record.get("weekly_capacity") if isinstance(record, dict) else None
        if type(value) is int and value < 0:
            hours.note(f"/people/{index}/weekly_capacity", str(value), str(value))


def _assignment(
    pointer: str, values: Values, hours: HoursReader, faults: Faults, lenient: bool
) -> AssignmentRecord:
    facts = assignment_facts(values)
    if fault := nobody_fault(facts):
        if lenient:
            hours.note(pointer, "of nobody", "not counted")
        else:
            faults.append((pointer, fault))
    return AssignmentRecord(
        facts, hours.read(values["weekly_hours"], faults, pointer=f"{pointer}/weekly_hours")
    )
