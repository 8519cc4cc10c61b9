"""A planning document of what the ledger says: read again, it changes nothing."""

from collections.abc import Iterable, Mapping
from sys import intern
from typing import Any

from domain.aggregate import Aggregate
from domain.assignments.assignments import Assignment
from domain.assignments.departments import Department
from domain.assignments.people import Person
from domain.assignments.project_roles import ProjectRole
from domain.assignments.projects import Project
from domain.assignments.records import LISTS
from domain.assignments.role_mappings import RoleMapping
from domain.assignments.roles import Role
from domain.assignments.verticals import Vertical
from domain.assignments.weeks import UNITS_PER_HOUR, WeekUnits

Record = dict[str, Any]


def printed(aggregates: Iterable[Aggregate], names: Mapping[int, str]) -> dict[str, list[Record]]:
    """Return the document of these aggregates, each list by its ids; names are by person."""
    document: dict[str, list[Record]] = {key: [] for key in LISTS}
    for each in aggregates:
        key = _mapping_list(each) if isinstance(each, RoleMapping) else _LISTS[type(each)]
        document[key].append(_record(each, names))
    for records in document.values():
        records.sort(key=_ids)
    return document


def _ids(record: Record) -> tuple[int, int]:
    if "id" in record:
        return record["id"], 0
    return record.get("template_id", 0), record["project_role_id"]


def _mapping_list(mapping: RoleMapping) -> str:
    return "global_role_mappings" if mapping.template_id is None else "template_role_mappings"


def _record(each: Any, names: Mapping[int, str]) -> Record:
    if isinstance(each, Person):
        return _person(each, names[each.person_id])
    if isinstance(each, RoleMapping):
        return _mapping(each)
    if isinstance(each, Assignment):
        return _assignment(each)
    return _plain(each)


def _plain(each: Any) -> Record:
    """Return a record whose fields are called as in the aggregate, but for its id."""
    number, *own = type(each).__annotations__
    names = {"template_id": "auto_hours_template_id"}
    return {"id": getattr(each, number)} | {
        names.get(field, field): getattr(each, field) for field in own
    }


def _person(person: Person, name: str) -> Record:
    return {
        "id": person.person_id,
        "name": name,
        "role_id": person.role_id,
        "department_id": person.department_id,
        "weekly_capacity": person.weekly_capacity_units // UNITS_PER_HOUR,
        "hire_date": person.hire_date,
        "is_active": person.is_active,
    }


def _mapping(mapping: RoleMapping) -> Record:
    template = {} if mapping.template_id is None else {"template_id": mapping.template_id}
    return template | {
        "project_role_id": mapping.project_role_id,
        "people_role_ids": list(mapping.role_ids),
    }


def _assignment(assignment: Assignment) -> Record:
    return {
        "id": assignment.assignment_id,
        "person_id": assignment.person_id,
        "project_id": assignment.project_id,
        "department_id": assignment.department_id,
        "role_on_project_ref_id": assignment.project_role_id,
        "is_active": assignment.is_active,
        "weekly_hours": _hours(assignment.weeks),
    }


def _hours(weeks: WeekUnits) -> dict[str, int | float]:
    """Return hours by week, as JSON numbers whose digits say the units exactly.

    A float prints the fewest digits that lead back to it, and 15 always do: units have eleven.
    """
    return {  # a week stands in thousands of records: once in memory
        intern(week): units // UNITS_PER_HOUR
        if units % UNITS_PER_HOUR == 0
        else units / UNITS_PER_HOUR
        for week, units in weeks
    }


_LISTS: dict[type[Aggregate], str] = {
    Vertical: "verticals",
    Department: "departments",
    Role: "roles",
    Person: "people",
    Project: "projects",
    ProjectRole: "project_roles",
    Assignment: "assignments",
}
