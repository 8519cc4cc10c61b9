"""What planning says: one row for each person, project, assignment and so on.

Keys are the integers of planning documents. Hours are whole units of 1/10 000 hour, weeks and days
ISO text, moments microseconds since 1970 (UTC).
"""

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, Table, Text

from projections.database import JsonText, Name, metadata
from projections.projection import Row


def _id(name: str) -> Column[int]:
    return Column(name, BigInteger, primary_key=True, autoincrement=False)


verticals = Table("verticals", metadata, _id("vertical_id"), Column("name", Name, nullable=False))

departments = Table(
    "departments",
    metadata,
    _id("department_id"),
    Column("name", Name, nullable=False),
    Column("vertical_id", BigInteger),
    Column("parent_id", BigInteger),
    Column("is_active", Integer, nullable=False),
)

roles = Table(
    "roles",
    metadata,
    _id("role_id"),
    Column("name", Name, nullable=False),
    Column("sort_order", BigInteger, nullable=False),
    Column("is_active", Integer, nullable=False),
)

people = Table(
    "people",
    metadata,
    _id("person_id"),
    Column("role_id", BigInteger),
    Column("department_id", BigInteger),
    Column("weekly_capacity_units", BigInteger, nullable=False),
    Column("hire_date", Text, nullable=False),  # empty: since ever
    Column("leaving_date", Text, nullable=False),  # the last day; empty: for ever
    Column("is_active", Integer, nullable=False),
    # In which weeks a person counts, by each gating policy: from one, and before the other.
    Column("hire_week_from", Text, nullable=False),
    Column("hire_week_until", Text, nullable=False),
    Column("strict_from", Text, nullable=False),
    Column("strict_until", Text, nullable=False),
    Index("people_department", "department_id"),
)

# Names as their ciphers: nothing here opens them, and without a person's key nothing does.
name_ciphers = Table(
    "name_ciphers", metadata, _id("person_id"), Column("name_cipher", LargeBinary, nullable=False)
)

time_off = Table(
    "time_off",
    metadata,
    _id("person_id"),
    Column("week_start", Text, primary_key=True),
    Column("units", BigInteger, nullable=False),
)

projects = Table(
    "projects",
    metadata,
    _id("project_id"),
    Column("name", Name, nullable=False),
    Column("client", Name, nullable=False),
    Column("vertical_id", BigInteger),
    Column("status", Text, nullable=False),
    Column("is_active", Integer, nullable=False),
    Column("template_id", BigInteger),
)

project_roles = Table(
    "project_roles",
    metadata,
    _id("project_role_id"),
    Column("name", Name, nullable=False),
    Column("department_id", BigInteger),
)

role_mappings = Table(
    "role_mappings",
    metadata,
    Column("template", Text, primary_key=True),  # empty: for projects without a template
    _id("project_role_id"),
    Column("role_ids", Text, nullable=False),  # with commas between
)

assignments = Table(
    "assignments",
    metadata,
    _id("assignment_id"),
    Column("person_id", BigInteger),
    Column("project_id", BigInteger),
    Column("department_id", BigInteger),
    Column("project_role_id", BigInteger),
    Column("is_active", Integer, nullable=False),
    Column("probability_percent", Integer, nullable=False),
    Column("weekly_hours", JsonText(), nullable=False),  # units by week
    Column("changed_at_us", BigInteger, nullable=False),
    # Weeks whose hours have been what they are for longer: a change rewrites no other week's row.
    Column("changed_earlier_us_by_week", Text, nullable=False),
    Index("assignments_person", "person_id"),
    Index("assignments_project", "project_id"),
    Index("assignments_project_role", "project_role_id"),
    Index("assignments_weekly_hours", "weekly_hours", postgresql_using="gin").ddl_if("postgresql"),
)


# The last event of each aggregate that can change any answer: what is kept of answers goes by the
# newest. One row for all would be simpler, and would park everything behind a parked event.
planning_news = Table(
    "planning_news",
    metadata,
    Column("aggregate_id", LargeBinary, primary_key=True),
    Column("position", BigInteger, nullable=False),
    Index("planning_news_position", "position"),
)


class VerticalRow(Row):
    vertical_id: int
    name: str


class DepartmentRow(Row):
    department_id: int
    name: str
    vertical_id: int | None
    parent_id: int | None
    is_active: int


class RoleRow(Row):
    role_id: int
    name: str
    sort_order: int
    is_active: int


class PersonRow(Row):
    person_id: int
    role_id: int | None
    department_id: int | None
    weekly_capacity_units: int
    hire_date: str
    leaving_date: str
    is_active: int
    hire_week_from: str
    hire_week_until: str
    strict_from: str
    strict_until: str


class NameCipherRow(Row):
    person_id: int
    name_cipher: bytes


class TimeOffRow(Row):
    person_id: int
    week_start: str
    units: int


class ProjectRow(Row):
    project_id: int
    name: str
    client: str
    vertical_id: int | None
    status: str
    is_active: int
    template_id: int | None


class ProjectRoleRow(Row):
    project_role_id: int
    name: str
    department_id: int | None


class MappingRow(Row):
    template: str
    project_role_id: int
    role_ids: str


class AssignmentRow(Row):
    assignment_id: int
    person_id: int | None
    project_id: int | None
    department_id: int | None
    project_role_id: int | None
    is_active: int
    probability_percent: int
    weekly_hours: str
    changed_at_us: int
    changed_earlier_us_by_week: str


class NewsRow(Row):
    aggregate_id: bytes
    position: int


PLANNED: dict[Table, type[Row]] = {
    verticals: VerticalRow,
    departments: DepartmentRow,
    roles: RoleRow,
    people: PersonRow,
    name_ciphers: NameCipherRow,
    time_off: TimeOffRow,
    projects: ProjectRow,
    project_roles: ProjectRoleRow,
    role_mappings: MappingRow,
    assignments: AssignmentRow,
    planning_news: NewsRow,
}
