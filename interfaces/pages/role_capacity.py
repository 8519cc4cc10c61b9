"""The page `/reports/role-capacity`: what is shown of a report, and how each control stands."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from interfaces.pages.chart_parts import Spec
from interfaces.pages.chart_themes import ROLE_COLOURS, config
from interfaces.pages.charts import (
    labels,
    percent_of,
    report_charts,
    said_day,
    week_rows,
)
from interfaces.pages.report_query import TIMEFRAMES, ReportQuery
from interfaces.role_capacity import RoleCapacityAnswer, RoleSeries

PATH = "/reports/role-capacity"
PICTURES = f"{PATH}/picture"


class Choice(Struct, frozen=True):
    """One entry of a control."""

    value: str
    name: str
    chosen: bool


class RoleToggle(Struct, frozen=True):
    """A role to be shown or not; its swatch has its colour where all stand in one chart."""

    role_id: int
    name: str
    chosen: bool
    swatch: int


class Totals(Struct, frozen=True):
    """Sums over roles and weeks, in hours."""

    assigned: float
    projected: float
    demand: float
    capacity: float

    @property
    def available(self) -> float:
        """What nobody has asked for yet."""
        return max(0.0, self.capacity - self.demand)

    @property
    def percent(self) -> float:
        """How much of the capacity is asked for."""
        return percent_of(self.demand, self.capacity)


class RoleCard(Struct, frozen=True):
    """A role: its chart's figures as a table, and what they come to."""

    role_id: int
    name: str
    people: int
    totals: Totals
    rows: list[dict[str, Any]]
    over_weeks: int


class ReportPage(Struct, frozen=True):
    """All that the template shows."""

    query: ReportQuery
    address: str
    first_day: str
    last_day: str
    first_week: str
    timeframes: list[Choice]
    departments: list[Choice]
    verticals: list[Choice]
    fixed_vertical: str | None
    roles: list[RoleToggle]
    all_address: str
    none_address: str
    cards: list[RoleCard]
    charts: list[Spec]
    configs: dict[str, Spec]
    totals: Totals
    this_week: Totals
    unmapped_hours: float
    today: str


class Named(Struct, frozen=True):
    """A department or vertical to choose from."""

    id: int
    name: str


def report_page(
    query: ReportQuery,
    report: RoleCapacityAnswer,
    *,
    departments: Sequence[Named],
    verticals: Sequence[Named],
    fixed_vertical: str | None,
    today: date,
) -> ReportPage:
    """Return what the page shows of a report of all roles."""
    chosen = shown_roles(query, report)
    shown = replace_series(report, chosen)
    together = query.layout == "together"
    named = labels(report.series)
    return ReportPage(
        query=query,
        address=query.address(PATH),
        first_day=said_day(report.week_keys[0]),
        last_day=said_day(report.week_keys[-1]),
        first_week=report.week_keys[0],
        timeframes=[Choice(str(each), str(each), each == query.weeks) for each in TIMEFRAMES],
        departments=_choices(departments, query.department, "All departments"),
        verticals=_choices(verticals, query.vertical, "All verticals"),
        fixed_vertical=fixed_vertical,
        roles=[
            RoleToggle(
                each.role_id,
                named[each.role_id],
                each in chosen,
                number % len(ROLE_COLOURS["light"]),
            )
            for number, each in enumerate(report.series)
        ],
        all_address=replace(query, role_ids=None).address(PATH),
        none_address=replace(query, role_ids=()).address(PATH),
        cards=[_card(each, named[each.role_id], report.week_keys) for each in chosen],
        charts=report_charts(
            shown, unit=query.unit, together=together, all_roles=report.series, legend=False
        ),
        configs={
            "light": config("light", together=together),
            "dark": config("dark", together=together),
        },
        totals=_totals(chosen, slice(None)),
        this_week=_totals(chosen, slice(1)),
        unmapped_hours=report.summary.unmapped_project_role_hours,
        today=today.isoformat(),
    )


def shown_roles(query: ReportQuery, report: RoleCapacityAnswer) -> list[RoleSeries]:
    """Return the series of the roles that are chosen."""
    if query.role_ids is None:
        return list(report.series)
    wanted = set(query.role_ids)
    return [each for each in report.series if each.role_id in wanted]


def replace_series(report: RoleCapacityAnswer, series: list[RoleSeries]) -> RoleCapacityAnswer:
    """Return a report with other series."""
    return replace(report, series=series)


def _choices(found: Sequence[Named], chosen: int | None, all_of_them: str) -> list[Choice]:
    known = [Choice(str(each.id), each.name, each.id == chosen) for each in found]
    if chosen is not None and not any(each.chosen for each in known):
        known.append(Choice(str(chosen), f"{chosen} (unknown)", True))
    return [Choice("", all_of_them, chosen is None), *known]


def _card(series: RoleSeries, name: str, weeks: Sequence[str]) -> RoleCard:
    rows = week_rows(series, weeks)
    return RoleCard(
        role_id=series.role_id,
        name=name,
        people=series.people[0],
        totals=_totals([series], slice(None)),
        rows=rows,
        over_weeks=sum(bool(row["over"]) for row in rows),
    )


def _totals(series: Sequence[RoleSeries], weeks: slice) -> Totals:
    return Totals(
        assigned=sum(sum(each.assigned[weeks]) for each in series),
        projected=sum(sum(each.projected[weeks]) for each in series),
        demand=sum(sum(each.demand[weeks]) for each in series),
        capacity=sum(sum(each.capacity[weeks]) for each in series),
    )
