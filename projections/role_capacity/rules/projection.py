"""The projection of planning, and the two forms that many of its rules have."""

from collections.abc import Callable
from operator import attrgetter
from typing import Any

from sqlalchemy import Table

from domain.aggregate import Event
from domain.assignments import (
    Assignment,
    Department,
    Person,
    Project,
    ProjectRole,
    Role,
    RoleMapping,
    Vertical,
)
from projections.projection import Key, Projection, events_of
from projections.role_capacity.derivation import RoleCapacityDerivation
from projections.role_capacity.tables import PLANNED, NewsRow, planning_news
from projections.role_capacity.totals import DERIVED

_PLANNING = (
    Vertical, Department, Role, Person, Project, ProjectRole, RoleMapping, Assignment
)  # fmt: skip
_OF_NAMES = (Person.Renamed, Person.Forgotten)  # which no figure knows

role_capacity = Projection(
    "role_capacity",
    version=3,
    rows={**PLANNED, **DERIVED},
    subscribes=events_of(*_PLANNING),
    owned=tuple(PLANNED),
    derivation=RoleCapacityDerivation(),
)
rule = role_capacity.rule


@rule(planning_news, *(each for each in role_capacity.subscribes if each not in _OF_NAMES))
def _news(_: NewsRow | None, event: Event, position: int) -> NewsRow:
    return NewsRow(event.originator_id.bytes, position)


def key_of(table: Table) -> Callable[[Any], Key]:
    """Return what finds the row of an event that names its key as the table does."""
    return attrgetter(*table.primary_key.columns.keys())


def takes_over(table: Table, event_class: type[Event], *columns: str) -> None:
    """Have the rule that an event says anew what stands in these columns."""

    def apply(row: Any, event: Event, _position: int) -> Any:
        for column in columns:
            setattr(row, column, getattr(event, column))
        return row

    rule(table, event_class, key=key_of(table))(apply)


def switches(table: Table, *, on: type[Event], off: type[Event]) -> None:
    """Have the rules that one event makes a row active, and another not."""

    def apply(row: Any, event: Event, _position: int) -> Any:
        row.is_active = int(isinstance(event, on))
        return row

    rule(table, on, off, key=key_of(table))(apply)
