"""Charts of role capacity as Vega-Lite specs: drawn alike in a browser, in a file and on paper.

Assigned hours are solid, demand dotted, capacity dashed. A spec has no colours of its own for light
or dark: these are its config, which is put in where it is drawn.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import date
from typing import Any, Literal

from interfaces.role_capacity import RoleCapacityAnswer, RoleSeries

Spec = dict[str, Any]
ChartUnit = Literal["hours", "percent"]
Theme = Literal["light", "dark"]

MEASURES = ("Assigned", "Demand", "Capacity")
_SHOWN = ("assigned_shown", "demand_shown", "capacity_shown")
_DASHES = ([1, 0], [1, 3], [6, 4])
_LABELLED_WEEKS = 7  # more labels would run into each other at phone width
_PICTURE_WIDTH, _HEIGHT, _TALL = 460, 150, 320
_PICTURE_COLUMNS = 2

_TEXT = {"light": "#475569", "dark": "#a3b1c6"}
_LINES = {"light": "#e2e8f0", "dark": "#2b3648"}
_PAPER = {"light": "#ffffff", "dark": "#151c28"}
_OVER = {"light": "#b91c1c", "dark": "#f87171"}
_MEASURE_COLOURS = {
    "light": ["#2563eb", "#b45309", "#64748b"],
    "dark": ["#6ea8fe", "#f0a44b", "#94a3b8"],
}
# Ten that are told apart, also by most who do not see all colours; more roles begin anew. The
# swatches of the page are the same, in the same order.
ROLE_COLOURS = {
    "light": ["#2563eb", "#c2410c", "#0f766e", "#9333ea", "#a16207",
              "#be185d", "#0369a1", "#4d7c0f", "#7f1d1d", "#475569"],
    "dark": ["#6ea8fe", "#fb923c", "#2dd4bf", "#c084fc", "#facc15",
             "#f472b6", "#38bdf8", "#a3e635", "#fca5a5", "#cbd5e1"],
}  # fmt: skip

_TOOLTIP = (
    ("when", "Week of", ""),
    ("assigned", "Assigned h", ",.1f"),
    ("projected", "Projected h", ",.1f"),
    ("demand", "Demand h", ",.1f"),
    ("capacity", "Capacity h", ",.1f"),
    ("available", "Available h", ",.1f"),
    ("percent", "Demand of capacity %", ",.0f"),
    ("people", "People", ",d"),
)


# Of plain text Vega-Lite forgets, where the nearest point is meant, whose row it is to look in.
_TEXT_TYPE = {"type": "nominal", "formatType": "truncate", "format": "60"}


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
    x = _weeks_axis(weeks)
    lines = [
        _line(measure, {"x": x, "y": _amount(f"{measure.lower()}_shown", unit, rows)}, legend)
        for measure in ("Capacity", "Demand", "Assigned")
    ]
    area = {
        "mark": {"type": "area", "interpolate": "monotone", "style": "area"},
        "encoding": {"x": x, "y": _amount("assigned_shown", unit, rows)},
    }
    layers = [area, *lines, _over(x, unit, rows), _pointer(x, _TOOLTIP)]
    return {
        "title": series.role_name,
        "description": described(series, weeks),
        "data": {"values": rows},
        "height": _HEIGHT,
        "layer": layers,
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
    x = _weeks_axis(weeks)
    colour = {
        "field": "role",
        "type": "nominal",
        "scale": {"domain": list(named.values())},
        "legend": _legend(legend, values=[named[each.role_id] for each in chosen]),
    }
    lines = [
        _line(
            measure,
            {"x": x, "y": _amount(f"{measure.lower()}_shown", unit, rows), "color": colour},
            legend,
        )
        for measure in ("Capacity", "Demand", "Assigned")
    ]
    many = f"{len(chosen)} roles" if len(chosen) != 1 else "one role"
    return {
        "title": "All chosen roles",
        "description": f"Assigned hours, demand and capacity of {many}, {_span(weeks)}",
        "data": {"values": rows},
        "height": _TALL,
        "layer": [*lines, _nearest(x, unit, rows, (("role", "Role", ""), *_TOOLTIP))],
    }


def empty_chart(weeks: Sequence[str], *, unit: ChartUnit, legend: bool = True) -> Spec:
    """Return the frame of a chart in which nothing is shown."""
    x = _weeks_axis(weeks)
    return {
        "title": "No role is chosen",
        "description": f"An empty chart: no role is chosen, {_span(weeks)}",
        "data": {"values": []},
        "height": _HEIGHT,
        "layer": [_line("Assigned", {"x": x, "y": _amount("assigned_shown", unit, [])}, legend)],
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


def config(theme: Theme, *, together: bool) -> Spec:
    """Return the colours and fonts in which charts are drawn."""
    text, lines = _TEXT[theme], _LINES[theme]
    colours = ROLE_COLOURS[theme] if together else _MEASURE_COLOURS[theme]
    return {
        "background": _PAPER[theme],
        "font": "Liberation Sans, Arial, sans-serif",
        "view": {"stroke": None},
        "range": {"category": colours},
        "axis": {
            "domainColor": lines,
            "gridColor": lines,
            "tickColor": lines,
            "labelColor": text,
            "titleColor": text,
            "labelFontSize": 11,
        },
        "axisX": {"grid": False, "labelPadding": 6},
        "axisY": {"domain": False, "ticks": False, "tickCount": 4, "labelPadding": 6},
        "title": {"color": text, "fontSize": 13, "anchor": "start", "offset": 10},
        "legend": {"labelColor": text, "titleColor": text, "orient": "top", "symbolSize": 400},
        "line": {"strokeWidth": 2, "strokeCap": "round"},
        "style": {
            "area": {"fill": colours[0], "fillOpacity": 0.12},
            "over": {"color": _OVER[theme], "size": 60},
            "pointer": {"stroke": text, "strokeWidth": 1},
        },
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


# Parts of a spec.


def _weeks_axis(weeks: Sequence[str]) -> Spec:
    # Weeks are names in a row, not moments: no time zone can move them.
    step = -(-len(weeks) // _LABELLED_WEEKS)
    parsed = "utcParse(datum.value, '%Y-%m-%d')"
    return {
        "field": "week",
        "type": "ordinal",
        "scale": {"domain": list(weeks), "type": "point", "padding": 0.4},
        "axis": {
            "values": list(weeks[::step]),
            "labelExpr": f"utcFormat({parsed}, '%-d %b')",
            "labelAngle": 0,
            "title": None,
        },
    }


def _amount(field: str, unit: ChartUnit, rows: Sequence[dict[str, Any]]) -> Spec:
    axis: Spec = {"title": None, "format": ",~r"}
    scale: Spec = {"domainMin": 0, "nice": True}
    if unit == "percent":
        axis["labelExpr"] = "datum.label + ' %'"
    largest = max((max(each[name] for name in _SHOWN) for each in rows), default=0.0)
    if not largest:
        scale = {"domain": [0, 100 if unit == "percent" else 40]}  # else zero is in the middle
    elif unit == "percent":
        scale["domainMax"] = max(100.0, largest)
    return {"field": field, "type": "quantitative", "axis": axis, "scale": scale}


def _line(measure: str, encoding: Spec, legend: bool) -> Spec:
    dash = {
        "datum": measure,
        "scale": {"domain": list(MEASURES), "range": list(_DASHES)},
        "legend": _legend(legend),
    }
    colour = {
        "datum": measure,
        "scale": {"domain": list(MEASURES)},
        "legend": _legend(legend),
    }
    return {
        "mark": {"type": "line", "interpolate": "monotone", "clip": True},
        "encoding": {"color": colour, **encoding, "strokeDash": dash},
    }


def _legend(shown: bool, **options: Any) -> Spec | None:
    return {"title": None, **options} if shown else None


def _over(x: Spec, unit: ChartUnit, rows: Sequence[dict[str, Any]]) -> Spec:
    """Mark the weeks in which more is sought than there is; by a shape, not by colour alone."""
    return {
        "mark": {"type": "point", "style": "over", "shape": "triangle-up", "filled": True},
        "encoding": {
            "x": x,
            "y": _amount("demand_shown", unit, rows),
            "opacity": {"condition": {"test": "datum.over", "value": 1}, "value": 0},
        },
    }


def _pointer(x: Spec, fields: Sequence[tuple[str, str, str]]) -> Spec:
    """Show the figures of the week that is pointed at."""
    return {
        "params": [_hover("x")],
        "mark": {"type": "rule", "style": "pointer"},
        "encoding": {"x": x, "opacity": _if_hovered(0.6), "tooltip": _tooltip(fields)},
    }


def _nearest(
    x: Spec,
    unit: ChartUnit,
    rows: Sequence[dict[str, Any]],
    fields: Sequence[tuple[str, str, str]],
) -> Spec:
    """Show the figures of the role and week that is pointed at."""
    return {
        "params": [_hover("x", "y")],
        "mark": {"type": "circle", "size": 70},
        "encoding": {
            "x": x,
            "y": _amount("demand_shown", unit, rows),
            "opacity": _if_hovered(1),
            "tooltip": _tooltip(fields),
        },
    }


def _hover(*encodings: str) -> Spec:
    select: Spec = {
        "type": "point",
        "on": "pointerover",
        "clear": "pointerout",
        "nearest": True,
        "encodings": list(encodings),
    }
    return {"name": "hover", "select": select}


def _if_hovered(opacity: float) -> Spec:
    return {"condition": {"param": "hover", "empty": False, "value": opacity}, "value": 0}


def _tooltip(fields: Sequence[tuple[str, str, str]]) -> list[Spec]:
    return [
        {"field": field, "title": title}
        | ({"format": form, "type": "quantitative"} if form else _TEXT_TYPE)
        for field, title, form in fields
    ]
