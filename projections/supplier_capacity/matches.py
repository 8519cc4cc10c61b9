"""Which registration is matched with which supplier."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct
from sqlalchemy import Connection, Select, select

from projections.moments import moment_of
from projections.supplier_capacity.tables import (
    matches_table,
    scenarios_table,
)

_NAMED_AT_ONCE = 500  # a statement takes so many parameters at most


class Match(Struct, frozen=True):
    """A registration and the supplier whose slot it holds; no supplier once it is released."""

    line: str
    scenario: str
    reset_number: int
    registration_id: str
    supplier: str
    asked_supplier: str
    zip_code: str
    product_type: str
    panel_name: str
    payment_type: str
    num_panels: int | None
    booked_at: datetime
    changed_at: datetime
    actor: str
    reason: str
    version: int
    position: int


def matches_page(
    connection: Connection,
    *,
    line: str,
    scenario: str,
    limit: int,
    after_registration: str | None = None,
    supplier: str | None = None,
    include_released: bool = False,
    reset_number: int | None = None,
) -> list[Match]:
    """Return matches by registration id, from beyond one if it is named.

    They are those of the current count, unless `reset_number` names an earlier one.
    """
    columns = matches_table.c
    wanted = _matches_of(line, scenario, reset_number)
    if after_registration is not None:
        wanted = wanted.where(columns.registration_id > after_registration)
    if supplier is not None:
        wanted = wanted.where(columns.supplier == supplier)
    if not include_released:
        wanted = wanted.where(columns.supplier != "")
    ordered = wanted.order_by(columns.registration_id).limit(limit)
    return [_match(row) for row in connection.execute(ordered)]


def latest_matches(
    connection: Connection,
    *,
    line: str,
    scenario: str,
    limit: int,
    before_position: int | None = None,
) -> list[Match]:
    """Return the held matches of the current count that changed last, newest first.

    No index has them in this order: all matches of the count are looked at, the newest are kept.
    """
    columns = matches_table.c
    wanted = _matches_of(line, scenario).where(columns.supplier != "")
    if before_position is not None:
        wanted = wanted.where(columns.position < before_position)
    ordered = wanted.order_by(columns.position.desc()).limit(limit)
    return [_match(row) for row in connection.execute(ordered)]


def match(
    connection: Connection, *, line: str, scenario: str, registration_id: str
) -> Match | None:
    """Return the match of a registration in the current count, held or released."""
    wanted = _matches_of(line, scenario)
    row = connection.execute(
        wanted.where(matches_table.c.registration_id == registration_id)
    ).first()
    return None if row is None else _match(row)


def held_matches(
    connection: Connection, *, line: str, scenario: str, registration_ids: Sequence[str]
) -> dict[str, Match]:
    """Return those of some registrations that hold a slot in the current count, by their id."""
    found: dict[str, Match] = {}
    wanted = _matches_of(line, scenario).where(matches_table.c.supplier != "")
    for start in range(0, len(registration_ids), _NAMED_AT_ONCE):
        some = registration_ids[start : start + _NAMED_AT_ONCE]
        rows = connection.execute(wanted.where(matches_table.c.registration_id.in_(some)))
        found |= {row.registration_id: _match(row) for row in rows}
    return found


def _matches_of(line: str, name: str, reset_number: int | None = None) -> Select[Any]:
    columns, of = matches_table.c, scenarios_table.c
    current = select(of.reset_number).where(of.line == line, of.scenario == name)
    return select(matches_table).where(
        columns.line == line,
        columns.scenario == name,
        columns.reset_number
        == (current.scalar_subquery() if reset_number is None else reset_number),
    )


def _match(row: Any) -> Match:
    return Match(
        line=row.line,
        scenario=row.scenario,
        reset_number=row.reset_number,
        registration_id=row.registration_id,
        supplier=row.supplier,
        asked_supplier=row.asked_supplier,
        zip_code=row.zip_code,
        product_type=row.product_type,
        panel_name=row.panel_name,
        payment_type=row.payment_type,
        num_panels=row.num_panels,
        booked_at=moment_of(row.booked_at_us),
        changed_at=moment_of(row.changed_at_us),
        actor=row.actor,
        reason=row.reason,
        version=row.version,
        position=row.position,
    )
