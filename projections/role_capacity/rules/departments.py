"""What becomes of verticals, departments and roles."""

from typing import Any

from domain.assignments import Department, Role, Vertical
from projections.role_capacity.rules.projection import key_of, rule, switches, takes_over
from projections.role_capacity.tables import (
    DepartmentRow,
    RoleRow,
    VerticalRow,
    departments,
    roles,
    verticals,
)


@rule(verticals, Vertical.Added, Vertical.Renamed, key=key_of(verticals))
def _vertical(_: VerticalRow | None, event: Any, _position: int) -> VerticalRow:
    return VerticalRow(event.vertical_id, event.name)


@rule(departments, Department.Added, key=key_of(departments))
def _department_added(
    _: DepartmentRow | None, event: Department.Added, _position: int
) -> DepartmentRow:
    return DepartmentRow(
        event.department_id, event.name, event.vertical_id, event.parent_id, int(event.is_active)
    )


takes_over(departments, Department.Renamed, "name")
takes_over(departments, Department.Placed, "vertical_id", "parent_id")
switches(departments, on=Department.Reopened, off=Department.Closed)


@rule(roles, Role.Added, key=key_of(roles))
def _role_added(_: RoleRow | None, event: Role.Added, _position: int) -> RoleRow:
    return RoleRow(event.role_id, event.name, event.sort_order, int(event.is_active))


takes_over(roles, Role.Renamed, "name")
takes_over(roles, Role.Reordered, "sort_order")
switches(roles, on=Role.Restored, off=Role.Retired)
