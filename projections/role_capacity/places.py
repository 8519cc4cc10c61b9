"""Departments and verticals: what there is to choose from, and where a person belongs."""

from msgspec import Struct
from sqlalchemy import Connection, func, select

from projections.role_capacity.tables import departments, people, verticals


class ListedDepartment(Struct, frozen=True):
    """A department, with its vertical's name if it has one."""

    department_id: int
    name: str
    parent_id: int | None
    vertical_id: int | None
    vertical_name: str | None
    is_active: bool


def listed_departments(
    connection: Connection, *, vertical_id: int | None = None
) -> list[ListedDepartment]:
    """Return all departments, or those of one vertical, by name."""
    columns = departments.c
    found = select(
        columns.department_id,
        columns.name,
        columns.parent_id,
        columns.vertical_id,
        verticals.c.name,
        columns.is_active,
    ).outerjoin_from(departments, verticals, columns.vertical_id == verticals.c.vertical_id)
    if vertical_id is not None:
        found = found.where(columns.vertical_id == vertical_id)
    rows = connection.execute(found.order_by(columns.name, columns.department_id))
    return [ListedDepartment(*row[:-1], bool(row[-1])) for row in rows]


def vertical_of(connection: Connection, *, person_id: int) -> int | None:
    """Return the vertical of a person's department; None if there is none."""
    found: int | None = connection.scalar(
        select(departments.c.vertical_id)
        .join_from(people, departments, people.c.department_id == departments.c.department_id)
        .where(people.c.person_id == person_id)
    )
    return found


def smallest_department(connection: Connection) -> int | None:
    """Return the department with the fewest people, if anybody is in any."""
    found: int | None = connection.scalar(
        select(people.c.department_id)
        .where(people.c.department_id.is_not(None))
        .group_by(people.c.department_id)
        .order_by(func.count(), people.c.department_id)
        .limit(1)
    )
    return found
