"""What follows from planning: hours by assignment and week, and totals that a report reads.

Totals are kept for each scope that a report can ask for: everything (`all`), a department (`d3`), a
vertical (`v1`), and both (`d3v1`). Hours have the vertical of their project, capacity that of the
person's department. So a report reads one row for each week and role, however many assignments
there are. A row whose figures are all zero does not exist.
"""

from sqlalchemy import BigInteger, Column, Index, Integer, Table, Text

from projections.database import metadata
from projections.projection import Row


def _figure(name: str) -> Column[int]:
    return Column(name, BigInteger, nullable=False)


week_hours = Table(
    "assignment_week_hours",
    metadata,
    Column("assignment_id", BigInteger, primary_key=True, autoincrement=False),
    Column("week_start", Text, primary_key=True),
    Column("person_id", BigInteger),  # none: a placeholder
    Column("role_id", BigInteger),  # of the person
    Column("department_id", BigInteger),  # of the person; of a placeholder itself
    Column("project_id", BigInteger),
    Column("vertical_id", BigInteger),  # of the project
    Column("project_role_id", BigInteger),
    Column("project_role_department_id", BigInteger),
    Column("template_id", BigInteger),
    Column("is_tentative", Integer, nullable=False),
    # 0: it does not count; 1: only if the week of hiring counts whole; 2: it counts in any case.
    Column("gates", Integer, nullable=False),
    _figure("units"),
    _figure("updated_at_us"),
    sqlite_with_rowid=False,
)
# A report of one department, or of all, reads its weeks from an index alone.
_COVERED = ("role_id", "vertical_id", "gates", "is_tentative", "person_id", "project_id", "units")
_covered = [week_hours.c[name] for name in _COVERED]
Index("week_hours_department", week_hours.c.department_id, week_hours.c.week_start, *_covered)
Index("week_hours_week", week_hours.c.week_start, *_covered)
# Placeholders are few, and asked for by themselves.
_OF_PLACEHOLDERS = (
    "template_id", "project_role_id", "department_id", "project_role_department_id", "vertical_id",
    "gates", "is_tentative", "project_id", "person_id", "units",
)  # fmt: skip
Index(
    "week_hours_placeholder",
    week_hours.c.week_start,
    *(week_hours.c[name] for name in _OF_PLACEHOLDERS),
    sqlite_where=week_hours.c.person_id.is_(None),
    postgresql_where=week_hours.c.person_id.is_(None),
)

hour_totals = Table(
    "role_week_totals",
    metadata,
    Column("scope", Text, primary_key=True),
    Column("week_start", Text, primary_key=True),
    Column("role_id", BigInteger, primary_key=True, autoincrement=False),
    _figure("firm_hire_week_units"),
    _figure("firm_strict_units"),
    _figure("tentative_hire_week_units"),
    _figure("tentative_strict_units"),
    sqlite_with_rowid=False,
)

# Not yet split among the roles of people: that is done at the read, by the mapping of that moment.
placeholder_totals = Table(
    "placeholder_week_totals",
    metadata,
    Column("scope", Text, primary_key=True),
    Column("week_start", Text, primary_key=True),
    Column("template", Text, primary_key=True),  # as in role_mappings
    Column("project_role_id", BigInteger, primary_key=True, autoincrement=False),
    _figure("firm_units"),
    _figure("tentative_units"),
    sqlite_with_rowid=False,
)

# What changes in the week: capacity is the sum of all steps up to a week. Kinds are the gating
# policies, and the same with `_off` behind: time off, which lasts for its week alone.
capacity_steps = Table(
    "role_capacity_steps",
    metadata,
    Column("scope", Text, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("week_start", Text, primary_key=True),  # empty: since ever
    Column("role_id", BigInteger, primary_key=True, autoincrement=False),
    _figure("units"),
    _figure("people"),
    sqlite_with_rowid=False,
)


class WeekHoursRow(Row):
    assignment_id: int
    week_start: str
    person_id: int | None
    role_id: int | None
    department_id: int | None
    project_id: int | None
    vertical_id: int | None
    project_role_id: int | None
    project_role_department_id: int | None
    template_id: int | None
    is_tentative: int
    gates: int
    units: int
    updated_at_us: int


class HourTotalsRow(Row):
    scope: str
    week_start: str
    role_id: int
    firm_hire_week_units: int
    firm_strict_units: int
    tentative_hire_week_units: int
    tentative_strict_units: int


class PlaceholderTotalsRow(Row):
    scope: str
    week_start: str
    template: str
    project_role_id: int
    firm_units: int
    tentative_units: int


class CapacityStepRow(Row):
    scope: str
    kind: str
    week_start: str
    role_id: int
    units: int
    people: int


TOTALS: dict[Table, type[Row]] = {
    hour_totals: HourTotalsRow,
    placeholder_totals: PlaceholderTotalsRow,
    capacity_steps: CapacityStepRow,
}
DERIVED: dict[Table, type[Row]] = {week_hours: WeekHoursRow, **TOTALS}


def scope_of(department_id: int | None, vertical_id: int | None) -> str:
    """Return the scope of a question; None: any."""
    if department_id is None:
        return "all" if vertical_id is None else f"v{vertical_id}"
    return f"d{department_id}" + ("" if vertical_id is None else f"v{vertical_id}")
