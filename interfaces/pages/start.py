"""The start page: what is said of each context in a few figures."""

from collections.abc import Sequence

from msgspec import Struct

from interfaces.pages.charts import percent_of
from interfaces.role_capacity import RoleCapacityAnswer
from projections.statuses import ProjectionStatus
from projections.supplier_capacity import SuppliersHeadline


class PlanningHeadline(Struct, frozen=True):
    """This week: people who count, their hours, and what is asked of them."""

    roles: int
    people: int
    demand: float
    capacity: float

    @property
    def percent(self) -> float:
        """How much of the capacity is asked for."""
        return percent_of(self.demand, self.capacity)


class LedgerHeadline(Struct, frozen=True):
    """How far the ledger is, and how far the read models are behind it."""

    position: int
    lag_events: int
    lag_seconds: float
    parked_events: int


class Headlines(Struct, frozen=True):
    """Of contexts in which nothing has happened yet there is none."""

    suppliers: SuppliersHeadline | None
    planning: PlanningHeadline | None
    ledger: LedgerHeadline


def planning_headline(report: RoleCapacityAnswer) -> PlanningHeadline | None:
    """Return what a report of one week comes to; None without any role."""
    if not report.series:
        return None
    return PlanningHeadline(
        roles=len(report.series),
        people=sum(each.people[0] for each in report.series),
        demand=sum(each.demand[0] for each in report.series),
        capacity=sum(each.capacity[0] for each in report.series),
    )


def ledger_headline(position: int, statuses: Sequence[ProjectionStatus]) -> LedgerHeadline:
    """Return how far all read models are."""
    return LedgerHeadline(
        position=position,
        lag_events=max((each.lag_events for each in statuses), default=0),
        lag_seconds=max((each.lag_seconds for each in statuses), default=0.0),
        parked_events=sum(each.parked_events for each in statuses),
    )
