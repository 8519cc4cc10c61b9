"""Charts of role capacity as Vega-Lite specs: drawn alike in a browser, in a file and on paper.

Assigned hours are solid, demand dotted, capacity dashed. A spec has no colours of its own for light
or dark: these are its config, which is put in where it is drawn.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import date
from typing import Any

from interfaces.pages.chart_parts import (
    TOOLTIP,
    ChartUnit,
    Spec,
    amount_axis,
    legend_of,
    measure_lines,
    nearest,
    over_marks,
    pointer,
    weeks_axis,
)
from interfaces.pages.chart_themes import Theme, config
from interfaces.role_capacity import RoleCapacityAnswer, RoleSeries

_PICTURE_WIDTH, _HEIGHT, _TALL = 460, 150, 320
_PICTURE_COLUMNS = 2


# What stands in a chart.


def week_rows(series: RoleSeries, weeks: Sequence[str]) -> list[dict[str, Any]]:
    """Return one row for each week of a role; percent are of the capacity, 0 without any."""
    return [
        {
            "week": week,
            "when": said_day(week),
            "assigned": assigned,
            "projected": projected,
            "demand": demand,
            "capacity": capacity,
            "available": max(0.0, capacity - demand),
            "percent": percent_of(demand, capacity),
            "people": people,
            "over": demand > capacity,
        }
        for week, assigned, projected, demand, capacity, people in zip(
            weeks,
            series.assigned,
            series.projected,
            series.demand,
            series.capacity,
            series.people,
            strict=True,
        )
    ]


def percent_of(hours: float, capacity: float) -> float:
    """Return a share of the capacity; 0 where there is none."""
    return 100 * hours / capacity if capacity else 0.0


def said_day(day: str) -> str:
    """Return a day as people write it, such as `15 Nov 2026`."""
    found = date.fromisoformat(day)
    return f"{found.day} {found:%b} {found.year:04}"


def labels(series: Sequence[RoleSeries]) -> dict[int, str]:
    """Return what each role is called; of two with one name, each with its id."""
    many = Counter(each.role_name for each in series)
    return {
        each.role_id: each.role_name
        if many[each.role_name] == 1
        else f"{each.role_name} ({each.role_id})"
        for each in series
    }


# Specs.


def role_chart(
    series: RoleSeries, weeks: Sequence[str], *, unit: ChartUnit, legend: bool = True
) -> Spec:
    """Return the chart of one role: what is assigned, sought and there, week by week."""
    rows = [_in_unit(each, unit) for each in week_rows(series, weeks)]
    x = weeks_axis(weeks)
    area = {
        "mark": {"type": "area", "interpolate": "monotone", "style": "area"},
        "encoding": {"x": x, "y": amount_axis("assigned_shown", unit, rows)},
    }
    lines = measure_lines(x, unit, rows, legend=legend)
    return {
        "title": series.role_name,
        "description": described(series, weeks),
        "data": {"values": rows},
        "height": _HEIGHT,
        "layer": [area, *lines, over_marks(x, unit, rows), pointer(x, TOOLTIP)],
    }


def roles_chart(
    chosen: Sequence[RoleSeries],
    weeks: Sequence[str],
    *,
    unit: ChartUnit,
    all_roles: Sequence[RoleSeries],
    legend: bool = True,
) -> Spec:
    """Return one chart of all chosen roles; each keeps its colour, whichever others are chosen."""
    named = labels(all_roles)
    rows = [
        _in_unit(each, unit) | {"role": named[series.role_id]}
        for series in chosen
        for each in week_rows(series, weeks)
    ]
    x = weeks_axis(weeks)
    colour = {
        "field": "role",
        "type": "nominal",
        "scale": {"domain": list(named.values())},
        "legend": legend_of(legend, values=[named[each.role_id] for each in chosen]),
    }
    lines = measure_lines(x, unit, rows, legend=legend, colour=colour)
    many = f"{len(chosen)} roles" if len(chosen) != 1 else "one role"
    return {
        "title": "All chosen roles",
        "description": f"Assigned hours, demand and capacity of {many}, {_span(weeks)}",
        "data": {"values": rows},
        "height": _TALL,
        "layer": [*lines, nearest(x, unit, rows, (("role", "Role", ""), *TOOLTIP))],
    }


def empty_chart(weeks: Sequence[str], *, unit: ChartUnit, legend: bool = True) -> Spec:
    """Return the frame of a chart in which nothing is shown."""
    x = weeks_axis(weeks)
    return {
        "title": "No role is chosen",
        "description": f"An empty chart: no role is chosen, {_span(weeks)}",
        "data": {"values": []},
        "height": _HEIGHT,
        "layer": measure_lines(x, unit, [], legend=legend),
    }


def report_charts(
    report: RoleCapacityAnswer,
    *,
    unit: ChartUnit = "hours",
    together: bool = False,
    all_roles: Sequence[RoleSeries] | None = None,
    legend: bool = True,
) -> list[Spec]:
    """Return the charts of a report: one for each role, or all together; never none.

    A page has one legend of its own for all of them.
    """
    weeks, chosen = report.week_keys, report.series
    if not chosen:
        return [empty_chart(weeks, unit=unit, legend=legend)]
    if together:
        every = chosen if all_roles is None else all_roles
        return [roles_chart(chosen, weeks, unit=unit, all_roles=every, legend=legend)]
    return [role_chart(each, weeks, unit=unit, legend=legend) for each in chosen]


def picture(charts: Sequence[Spec], *, title: str, together: bool, theme: Theme = "light") -> Spec:
    """Return charts as one picture that stands alone, with its title, legend and colours."""
    columns = min(_PICTURE_COLUMNS, len(charts))
    width = _PICTURE_WIDTH if columns > 1 else _PICTURE_WIDTH * _PICTURE_COLUMNS
    sized = [
        each | {"width": width, "title": {"text": each["title"], "limit": width}} for each in charts
    ]
    return {
        "title": {"text": title, "fontSize": 16, "anchor": "start", "offset": 16},
        "concat": sized,
        "columns": columns,
        "spacing": 28,
        "padding": 16,
        "config": config(theme, together=together),
        "resolve": {"scale": {"y": "independent", "color": "shared", "strokeDash": "shared"}},
    }


def described(series: RoleSeries, weeks: Sequence[str]) -> str:
    """Return what a chart shows, in a sentence for who does not see it."""
    demand, capacity = sum(series.demand), sum(series.capacity)
    over = sum(a > b for a, b in zip(series.demand, series.capacity, strict=True))
    said = f"{series.role_name}, {_span(weeks)}: {demand:,.1f} h demand, {capacity:,.1f} h capacity"
    return f"{said}; demand is above capacity in {over} of {len(weeks)} weeks"


def _span(weeks: Sequence[str]) -> str:
    return f"weeks of {said_day(weeks[0])} to {said_day(weeks[-1])}"


def _in_unit(row: dict[str, Any], unit: ChartUnit) -> dict[str, Any]:
    """Add what lines go by: hours as they are, or each as a share of the week's capacity."""
    for name in ("assigned", "demand", "capacity"):
        row[f"{name}_shown"] = (
            row[name] if unit == "hours" else percent_of(row[name], row["capacity"])
        )
    return row
