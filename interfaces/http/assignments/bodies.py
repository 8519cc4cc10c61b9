"""Bodies of planning commands: the fields of planning documents, the id standing in the path."""

from collections.abc import Mapping
from typing import Annotated, Any

from msgspec import Meta, Struct

from domain.assignments.fields import (
    MAX_CAPACITY_HOURS,
    MAX_ID,
    MAX_SORT_ORDER,
    Faults,
    Field,
    identifier,
    raise_faults,
    read_fields,
)
from domain.assignments.hours import HoursReader
from domain.assignments.json_documents import parse_planning_json
from domain.assignments.records import Values
from domain.names import MAX_NAME_CHARACTERS
from interfaces.http.asked import Asked, whole_number

Id = Annotated[int, Meta(ge=1, le=MAX_ID)]
Name = Annotated[str, Meta(min_length=1, max_length=MAX_NAME_CHARACTERS)]
OptionalName = Annotated[str, Meta(max_length=MAX_NAME_CHARACTERS)]
# Hours of a week, exactly: a number, or a text that is a plain decimal; by any day of the week.
Hours = Annotated[float, Meta(ge=0)] | str
HoursByDay = dict[str, Hours]
Day = Annotated[str, Meta(pattern=r"^\d{4}-\d{1,2}-\d{1,2}$")]


class VerticalBody(Struct, frozen=True):
    name: Name


class DepartmentBody(Struct, frozen=True):
    name: Name
    vertical_id: Id | None = None
    parent_id: Id | None = None
    is_active: bool = True


class RoleBody(Struct, frozen=True):
    name: Name
    sort_order: Annotated[int, Meta(ge=-MAX_SORT_ORDER, le=MAX_SORT_ORDER)] = 0
    is_active: bool = True


class PersonBody(Struct, frozen=True):
    """`weekly_capacity` is in whole hours."""

    name: Name
    role_id: Id | None = None
    department_id: Id | None = None
    weekly_capacity: Annotated[int, Meta(ge=0, le=MAX_CAPACITY_HOURS)] = 36
    hire_date: Day | None = None
    is_active: bool = True


class ProjectBody(Struct, frozen=True):
    name: Name
    client: OptionalName = ""
    vertical_id: Id | None = None
    status: OptionalName = ""
    is_active: bool = True
    auto_hours_template_id: Id | None = None


class ProjectRoleBody(Struct, frozen=True):
    name: Name
    department_id: Id | None = None


class MappingBody(Struct, frozen=True):
    """The roles that serve the project role; none takes the mapping back."""

    people_role_ids: list[Id]


class AssignmentBody(Struct, frozen=True):
    """Without `weekly_hours` they stay as they are; a probability below 100 is tentative."""

    person_id: Id | None = None
    project_id: Id | None = None
    department_id: Id | None = None
    role_on_project_ref_id: Id | None = None
    is_active: bool = True
    weekly_hours: HoursByDay | None = None
    probability_percent: Annotated[int, Meta(ge=1, le=100)] | None = None


class HoursBody(Struct, frozen=True):
    """Hours by week: of these weeks alone, or of all where it `replaces`; zero takes a week out."""

    weekly_hours: HoursByDay
    replaces: bool = False


async def read_body(asked: Asked, fields: Mapping[str, Field]) -> Values:
    """Return the values of a JSON body. Raises Invalid naming every fault."""
    faults: Faults = []
    values = read_fields(parse_planning_json(await asked.json_bytes()), fields, faults)
    raise_faults(faults)
    assert values is not None, "no values without a fault"
    return values


async def read_record(asked: Asked, fields: Mapping[str, Field], *, number: int) -> Values:
    """Return the values of a record whose id stands in the path."""
    without_id = {name: field for name, field in fields.items() if name != "id"}
    return {"id": number} | await read_body(asked, without_id)


def number_in(asked: Asked, field: str) -> int:
    """Return an id from the path."""
    return whole_number(field, asked.segment(field), least=1, most=MAX_ID)


def read_hours(value: Any, *, limit_hours: int, pointer: str = "/weekly_hours") -> dict[str, int]:
    """Return units by week. Raises Invalid naming every fault."""
    faults: Faults = []
    units_by_week = HoursReader(limit_hours=limit_hours).read(value, faults, pointer=pointer)
    raise_faults(faults)
    return units_by_week


ITEM_FIELDS = {
    "assignment_id": Field(identifier),
    "weekly_hours": Field(lambda value: value),
}
