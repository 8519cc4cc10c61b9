"""What charts are put together from: axes, lines, marks, and what is told of a week."""

from collections.abc import Sequence
from typing import Any, Literal

Spec = dict[str, Any]
ChartUnit = Literal["hours", "percent"]

MEASURES = ("Assigned", "Demand", "Capacity")
_SHOWN = ("assigned_shown", "demand_shown", "capacity_shown")
_DASHES = ([1, 0], [1, 3], [6, 4])
_LABELLED_WEEKS = 7  # more labels would run into each other at phone width

TOOLTIP = (
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


def weeks_axis(weeks: Sequence[str]) -> Spec:
    """Return the axis of weeks, of which some are labelled."""
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


def amount_axis(field: str, unit: ChartUnit, rows: Sequence[dict[str, Any]]) -> Spec:
    """Return the axis of hours or percent, which begins at zero whatever the rows hold."""
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


def measure_lines(
    x: Spec,
    unit: ChartUnit,
    rows: Sequence[dict[str, Any]],
    *,
    legend: bool,
    colour: Spec | None = None,
) -> list[Spec]:
    """Return the three lines, the most important in front; each has its colour, or one is given."""
    # Smoothed, as the report that this one takes the place of draws them; monotone lines pass
    # through each week's figure, and never rise above it or fall below zero in between.
    domain = {"domain": list(MEASURES)}
    return [
        {
            "mark": {"type": "line", "interpolate": "monotone", "clip": True},
            "encoding": {
                "x": x,
                "y": amount_axis(f"{measure.lower()}_shown", unit, rows),
                "color": colour or {"datum": measure, "scale": domain, "legend": legend_of(legend)},
                "strokeDash": {
                    "datum": measure,
                    "scale": domain | {"range": list(_DASHES)},
                    "legend": legend_of(legend),
                },
            },
        }
        for measure in ("Capacity", "Demand", "Assigned")
    ]


def legend_of(shown: bool, **options: Any) -> Spec | None:
    """Return a legend without a title; None hides it."""
    return {"title": None, **options} if shown else None


def over_marks(x: Spec, unit: ChartUnit, rows: Sequence[dict[str, Any]]) -> Spec:
    """Mark the weeks in which more is sought than there is; by a shape, not by colour alone."""
    return {
        "mark": {"type": "point", "style": "over", "shape": "triangle-up", "filled": True},
        "encoding": {
            "x": x,
            "y": amount_axis("demand_shown", unit, rows),
            "opacity": {"condition": {"test": "datum.over", "value": 1}, "value": 0},
        },
    }


def pointer(x: Spec, fields: Sequence[tuple[str, str, str]]) -> Spec:
    """Show the figures of the week that is pointed at."""
    return {
        "params": [_hover("x")],
        "mark": {"type": "rule", "style": "pointer"},
        "encoding": {"x": x, "opacity": _if_hovered(0.6), "tooltip": _tooltip(fields)},
    }


def nearest(
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
            "y": amount_axis("demand_shown", unit, rows),
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
