"""Records of planning documents: which fields each kind has, and what their values say."""

from typing import Any, NamedTuple

from domain.assignments.assignments import AssignmentFacts
from domain.assignments.departments import DepartmentFacts
from domain.assignments.fields import (
    Field,
    capacity_units,
    flag,
    identifier,
    identifiers,
    name,
    optional_day,
    optional_identifier,
    optional_name,
    sort_order,
)
from domain.assignments.people import DEFAULT_WEEKLY_CAPACITY_UNITS, PersonFacts
from domain.assignments.project_roles import ProjectRoleFacts
from domain.assignments.projects import ProjectFacts
from domain.assignments.role_mappings import RoleMappingFacts
from domain.assignments.roles import RoleFacts
from domain.assignments.verticals import VerticalFacts

Values = dict[str, Any]


class PersonRecord(NamedTuple):
    """A person as a document has one: the name in the clear, and everything else."""

    name: str
    facts: PersonFacts


class AssignmentRecord(NamedTuple):
    """An assignment as a document has one, and its units by week."""

    facts: AssignmentFacts
    units_by_week: dict[str, int]


_ID, _OPTIONAL_ID = Field(identifier), Field(optional_identifier, None)
_NAME, _OPTIONAL_NAME, _ACTIVE = Field(name), Field(optional_name, ""), Field(flag, True)
VERTICAL = {"id": _ID, "name": _NAME}
DEPARTMENT = VERTICAL | {
    "vertical_id": _OPTIONAL_ID,
    "parent_id": _OPTIONAL_ID,
    "is_active": _ACTIVE,
}
ROLE = VERTICAL | {"sort_order": Field(sort_order, 0), "is_active": _ACTIVE}
PERSON = VERTICAL | {
    "role_id": _OPTIONAL_ID,
    "department_id": _OPTIONAL_ID,
    "weekly_capacity": Field(capacity_units, DEFAULT_WEEKLY_CAPACITY_UNITS),
    "hire_date": Field(optional_day, None),
    "is_active": _ACTIVE,
}
PROJECT = VERTICAL | {
    "client": _OPTIONAL_NAME,
    "vertical_id": _OPTIONAL_ID,
    "status": _OPTIONAL_NAME,
    "is_active": _ACTIVE,
    "auto_hours_template_id": _OPTIONAL_ID,
}
PROJECT_ROLE = VERTICAL | {"department_id": _OPTIONAL_ID}
GLOBAL_MAPPING = {"project_role_id": _ID, "people_role_ids": Field(identifiers)}
TEMPLATE_MAPPING = {"template_id": _ID} | GLOBAL_MAPPING
ASSIGNMENT = {
    "id": _ID,
    "person_id": _OPTIONAL_ID,
    "project_id": _OPTIONAL_ID,
    "department_id": _OPTIONAL_ID,
    "role_on_project_ref_id": _OPTIONAL_ID,
    "is_active": _ACTIVE,
    "weekly_hours": Field(lambda value: value, {}),
}
LISTS: dict[str, dict[str, Field]] = {
    "verticals": VERTICAL,
    "departments": DEPARTMENT,
    "roles": ROLE,
    "people": PERSON,
    "projects": PROJECT,
    "project_roles": PROJECT_ROLE,
    "template_role_mappings": TEMPLATE_MAPPING,
    "global_role_mappings": GLOBAL_MAPPING,
    "assignments": ASSIGNMENT,
}


# What the values of one record say.


def vertical_facts(values: Values) -> VerticalFacts:
    """Return what the values of a vertical say."""
    return VerticalFacts(vertical_id=values["id"], name=values["name"])


def department_facts(values: Values) -> DepartmentFacts:
    """Return what the values of a department say."""
    return DepartmentFacts(
        department_id=values["id"],
        name=values["name"],
        vertical_id=values["vertical_id"],
        parent_id=values["parent_id"],
        is_active=values["is_active"],
    )


def role_facts(values: Values) -> RoleFacts:
    """Return what the values of a role say."""
    return RoleFacts(
        role_id=values["id"],
        name=values["name"],
        sort_order=values["sort_order"],
        is_active=values["is_active"],
    )


def person_record(values: Values) -> PersonRecord:
    """Return what the values of a person say; the name has no cipher yet."""
    facts = PersonFacts(
        person_id=values["id"],
        name_cipher=b"",
        role_id=values["role_id"],
        department_id=values["department_id"],
        weekly_capacity_units=values["weekly_capacity"],
        hire_date=values["hire_date"],
        is_active=values["is_active"],
    )
    return PersonRecord(values["name"], facts)


def project_facts(values: Values) -> ProjectFacts:
    """Return what the values of a project say."""
    return ProjectFacts(
        project_id=values["id"],
        name=values["name"],
        client=values["client"],
        vertical_id=values["vertical_id"],
        status=values["status"],
        is_active=values["is_active"],
        template_id=values["auto_hours_template_id"],
    )


def project_role_facts(values: Values) -> ProjectRoleFacts:
    """Return what the values of a project role say."""
    return ProjectRoleFacts(
        project_role_id=values["id"], name=values["name"], department_id=values["department_id"]
    )


def role_mapping_facts(values: Values) -> RoleMappingFacts:
    """Return what the values of a mapping say."""
    return RoleMappingFacts(
        template_id=values.get("template_id"),
        project_role_id=values["project_role_id"],
        role_ids=values["people_role_ids"],
    )


def assignment_facts(values: Values) -> AssignmentFacts:
    """Return what the values of an assignment say, but for its hours."""
    return AssignmentFacts(
        assignment_id=values["id"],
        person_id=values["person_id"],
        project_id=values["project_id"],
        department_id=values["department_id"],
        project_role_id=values["role_on_project_ref_id"],
        is_active=values["is_active"],
    )


def nobody_fault(facts: AssignmentFacts) -> str:
    """Say that an assignment is of nobody, or return the empty text."""
    if facts.person_id is None and facts.project_role_id is None:
        return "found neither person_id nor role_on_project_ref_id, one of them is needed"
    return ""
