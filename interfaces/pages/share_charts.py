"""How matches are spread over suppliers, as a chart: two bars for each, actual and expected."""

from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from interfaces.pages.chart_parts import Spec

KINDS = ("Actual", "Expected")
_ROW_PIXELS, _FRAME_PIXELS, _PICTURE_WIDTH = 24, 64, 560


class ShareRow(Struct, frozen=True):
    """What a supplier has of the matches in shared zip codes, and should have; in percent."""

    supplier: str
    matches: int
    expected: float
    actual: float

    @property
    def difference(self) -> float:
        """How much more it has than it should, in percentage points."""
        return self.actual - self.expected


def share_chart(rows: Sequence[ShareRow], *, title: str) -> Spec:
    """Return the chart: solid bars are actual, pale ones with an outline expected."""
    colour = {
        "field": "kind",
        "type": "nominal",
        "scale": {"domain": list(KINDS)},
        "legend": {"title": None, "orient": "top"},
    }
    return {
        "title": title,
        "description": described(rows),
        "data": {"values": [value for row in rows for value in _values(row)]},
        # Each row as high as in any other chart of this kind, however many there are.
        "height": _ROW_PIXELS * max(1, len(rows)) + _FRAME_PIXELS,
        "mark": {"type": "bar", "strokeWidth": 1.5},
        "encoding": {
            "y": {
                "field": "supplier",
                "type": "nominal",
                "sort": [each.supplier for each in rows],
                "scale": {"paddingInner": 0.35, "paddingOuter": 0.2},
                "axis": {"title": None, "labelLimit": 130, "ticks": False, "grid": False},
            },
            "yOffset": {"field": "kind", "scale": {"domain": list(KINDS)}},
            "x": {
                "field": "share",
                "type": "quantitative",
                "scale": {"domainMin": 0, "nice": True},
                "axis": {
                    "title": None,
                    "tickCount": 5,
                    "grid": True,
                    "labelExpr": "datum.label + ' %'",
                },
            },
            "fill": colour,
            "stroke": colour,
            "fillOpacity": {
                "condition": {"test": f"datum.kind === '{KINDS[1]}'", "value": 0.2},
                "value": 1,
            },
            "tooltip": [
                {"field": "supplier", "title": "Supplier", "type": "nominal"},
                {"field": "kind", "title": "Share", "type": "nominal"},
                {"field": "share", "title": "Percent", "type": "quantitative", "format": ",.1f"},
                {"field": "matches", "title": "Matches", "type": "quantitative", "format": ",d"},
            ],
        },
    }


def share_picture(rows: Sequence[ShareRow], *, title: str, config: Spec) -> Spec:
    """Return the chart as a picture that stands alone."""
    return share_chart(rows, title=title) | {
        "width": _PICTURE_WIDTH,
        "height": {"step": _ROW_PIXELS / len(KINDS)},
        "padding": 16,
        "config": config,
    }


def described(rows: Sequence[ShareRow]) -> str:
    """Return what the chart shows, in a sentence for who does not see it."""
    if not rows:
        return "An empty chart: none of these suppliers takes part in the distribution"
    furthest = max(rows, key=lambda each: abs(each.difference))
    return (
        f"Actual and expected share of matches of {len(rows)} suppliers; furthest apart is "
        f"{furthest.supplier} with {furthest.actual:.1f} % where {furthest.expected:.1f} % are "
        "expected"
    )


def _values(row: ShareRow) -> list[dict[str, Any]]:
    return [
        {"supplier": row.supplier, "kind": kind, "share": share, "matches": row.matches}
        for kind, share in zip(KINDS, (row.actual, row.expected), strict=True)
    ]
