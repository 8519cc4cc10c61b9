"""What reports of planning can be asked: whose weeks, which weeks, and how people count."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from domain.errors import Invalid
from domain.names import shown

if TYPE_CHECKING:
    from interfaces.cli.doors import Session

Department = Annotated[
    int | None, typer.Option("--department", help="Only this department, by its id.", metavar="ID")
]
Weeks = Annotated[int, typer.Option(help="How many weeks.", min=1, max=52)]
Start = Annotated[str, typer.Option(help="The first week, by its Sunday; else the current one.")]
Roles = Annotated[
    list[int] | None,
    typer.Option("--role", help="Only this role; may be said again.", metavar="ID"),
]
Gating = Annotated[
    str, typer.Option(help="From when people count: hire_week or strict; else the setting.")
]
Tentative = Annotated[
    bool, typer.Option("--include-tentative", help="With what is less than certain.")
]


def weeks_asked(session: "Session", start: str, weeks: int) -> tuple[str, ...]:
    """Return the weeks that are asked about; the current one is the first if none is said."""
    from interfaces.role_capacity import read_start, weeks_from
    from projections.role_capacity import week_of

    today = session.service.clock().date()
    return weeks_from(read_start(start) if start else week_of(today), weeks)


def one_of(name: str, text: str, allowed: tuple[str, ...]) -> Any:
    """Return one of some words. Raises Invalid."""
    if text not in allowed:
        raise Invalid((f"/{name}", f"found {shown(text)}, one of {', '.join(allowed)} is needed"))
    return text
