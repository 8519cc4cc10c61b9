"""What all scenarios come to, in a few figures; the whole of one small table is read for it."""

from msgspec import Struct
from sqlalchemy import Connection, case, func, select

from projections.supplier_capacity.tables import capacities, offers_publications, scenarios_table


class SuppliersHeadline(Struct, frozen=True):
    """`overbooked` is how many suppliers hold more than their capacity."""

    lines: int
    scenarios: int
    used_slots: int
    capacity_slots: int
    overbooked: int


def headline(connection: Connection) -> SuppliersHeadline | None:
    """Return what all scenarios come to; None before any line has published offers."""
    lines = connection.scalar(select(func.count(offers_publications.c.line.distinct())))
    scenarios = connection.scalar(select(func.count()).select_from(scenarios_table))
    columns = capacities.c
    over = case((columns.used_slots > columns.capacity_slots, 1), else_=0)
    sums = [columns.used_slots, columns.capacity_slots, over]
    row = connection.execute(select(*(func.sum(each) for each in sums))).one()
    if not lines and not scenarios:
        return None
    return SuppliersHeadline(lines or 0, scenarios or 0, *(int(each or 0) for each in row))
