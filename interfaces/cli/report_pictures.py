"""The charts of the report page as files."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from domain.errors import Invalid
from interfaces.cli.output import note

if TYPE_CHECKING:
    from interfaces.role_capacity import RoleCapacityAnswer

PngFile = Annotated[
    Path | None, typer.Option("--png", help="Draw the charts into this file.", metavar="FILE")
]
SvgFile = Annotated[
    Path | None, typer.Option("--svg", help="Draw the charts into this file.", metavar="FILE")
]


def draw_pictures(
    png_file: Path | None, svg_file: Path | None, body: "RoleCapacityAnswer", unit: Any
) -> None:
    """Draw a report of hours, in hours or as percent of the capacity. Raises Invalid."""
    from interfaces.pages.charts import picture, report_charts
    from interfaces.pages.drawing import drawn

    if png_file is None and svg_file is None:
        return
    if unit == "fte":
        raise Invalid(("/unit", "found 'fte', a picture shows hours or percent"))
    charts = report_charts(body, unit=unit)
    spec = picture(charts, title="Role capacity", together=False)
    for path, form in ((png_file, "png"), (svg_file, "svg")):
        if path is not None:
            try:
                path.write_bytes(drawn(spec, "png" if form == "png" else "svg"))
            except OSError as error:
                raise Invalid((f"/{form}", f"{path} cannot be written: {error.strerror}")) from None
            note(f"Drew {path}")
