"""The colours in which charts are drawn, on light ground and on dark."""

from typing import Any, Literal

Theme = Literal["light", "dark"]

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


def config(theme: Theme, *, together: bool) -> dict[str, Any]:
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
