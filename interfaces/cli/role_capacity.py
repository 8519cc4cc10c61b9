"""Commands: how much of each role is taken, and whether the tables behind that answer agree."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from interfaces.cli.commands import command, group
from interfaces.cli.doors import Door, Session
from interfaces.cli.exit_codes import ExitCode
from interfaces.cli.output import many, table
from interfaces.cli.report_files import CsvFile, XlsxFile, write_files
from interfaces.cli.report_options import (
    Department,
    Gating,
    Roles,
    Start,
    Tentative,
    Weeks,
    one_of,
    weeks_asked,
)
from interfaces.cli.report_pictures import PngFile, SvgFile, draw_pictures

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from interfaces.role_capacity import RoleCapacityAnswer, RoleSeries
    from projections.role_capacity import Question, Reconciled

report = group("report", "Reports: what is planned, against what there is.")

_BARS = "▁▂▃▄▅▆▇█"


@command(report, "role-capacity", dated=True)
def role_capacity(
    door: Door,
    department: Department = None,
    vertical: Annotated[
        int | None, typer.Option(help="Only this vertical, by its id.", metavar="ID")
    ] = None,
    weeks: Weeks = 12,
    start: Start = "",
    role: Roles = None,
    filter_out_lt5h: Annotated[
        bool, typer.Option("--filter-out-lt5h", help="Without people below 5 h a week.")
    ] = False,
    gating: Gating = "",
    unit: Annotated[str, typer.Option(help="hours, fte or percent.")] = "hours",
    include_tentative: Tentative = False,
    source: Annotated[
        str, typer.Option(help="rollup, normalized, jsonb or python; else the setting.")
    ] = "",
    csv_file: CsvFile = None,
    xlsx_file: XlsxFile = None,
    png_file: PngFile = None,
    svg_file: SvgFile = None,
) -> None:
    """Show for each role how much is taken of what there is, week by week.

    The bars are demand as a share of the capacity; `!` stands for more than there is.

    **Example:** `capacity report role-capacity --department 3 --weeks 8`
    """
    from interfaces.role_capacity import UNITS, hidden_words, report_body
    from interfaces.role_sheets import report_sheet
    from projections import role_capacity as queries
    from projections.database import standing

    settings = door.settings
    said_gating = one_of("gating", gating or settings.role_capacity_gating, queries.GATINGS)
    said_source = one_of("source", source or settings.role_capacity_source, queries.SOURCES)
    said_unit: Any = one_of("unit", unit, UNITS)

    async def work(session: Session) -> Any:
        question: Question = queries.Question(
            weeks=weeks_asked(session, start, weeks),
            department_id=department,
            vertical_id=vertical,
            role_ids=tuple(role or ()),
            gating=said_gating,
            include_tentative=include_tentative,
            filter_out_lt5h=filter_out_lt5h,
            hidden_words=hidden_words(settings),
        )
        made_at = session.service.clock().isoformat(timespec="seconds")

        def looked_at(connection: "Connection") -> Any:
            position, _ = standing(connection, queries.role_capacity.name)
            found = queries.role_capacity_report(connection, question=question, source=said_source)
            about = {"report": "role-capacity", "position": position, "made_at": made_at}
            about |= {"unit": said_unit, "source": found.source}
            body = report_body(found.report, said_unit)
            write_files(csv_file, xlsx_file, lambda: report_sheet(body), question, about)
            return found, body

        return await session.read(looked_at)

    found, body = door.ask(work)
    draw_pictures(png_file, svg_file, report_body(found.report), said_unit)
    lines = [*_report_lines(report_body(found.report)), f"Read from {found.source}."]
    if found.failed:
        lines.append(f"Failed: {', '.join(f'{e.source} ({e.error})' for e in found.failed)}")
    door.answer(body, *lines)


def _report_lines(body: "RoleCapacityAnswer") -> list[Any]:
    first, last = body.week_keys[0], body.week_keys[-1]
    rows = [
        (
            each.role_name,
            sparkline(each),
            f"{sum(each.assigned):.1f}",
            f"{sum(each.projected):.1f}",
            f"{sum(each.capacity):.1f}",
            each.people[-1],
        )
        for each in body.series
    ]
    columns = ("Role", "Demand", ">Assigned h", ">Projected h", ">Capacity h", ">People")
    lines: list[Any] = [f"Weeks of {first} to {last}", table(columns, rows)]
    if unmapped := body.summary.unmapped_project_role_hours:
        lines.append(f"{unmapped:g} h are sought of project roles that no role serves.")
    return lines


def sparkline(series: "RoleSeries") -> str:
    """Return a bar for each week: demand as a share of the capacity, `!` for more than all."""
    return "".join(
        _bar(demand, capacity)
        for demand, capacity in zip(series.demand, series.capacity, strict=True)
    )


def _bar(demand: float, capacity: float) -> str:
    if demand > capacity:
        return "!"
    return _BARS[min(7, int(8 * demand / capacity))] if demand > 0 else "·"


# Whether the tables agree.


def reconcile(
    door: Door,
    department: Department = None,
    sample: Annotated[
        int | None, typer.Option(help="Only so many assignments, and no totals.", min=1)
    ] = None,
    fail_on_drift: Annotated[
        bool, typer.Option("--fail-on-drift", help="Exit with 1 if anything differs.")
    ] = False,
) -> None:
    """Compare hours by week, and totals, with the hours that assignments hold as JSON.

    **Example:** `capacity assignments reconcile --fail-on-drift`
    """
    from projections import role_capacity as queries

    async def work(session: Session) -> "Reconciled":
        return await session.read(queries.reconcile, sample=sample, department_id=department)

    found = door.ask(work)
    looked = f"{many(found.assignments, 'assignment')}, {many(found.week_rows, 'week cell')}"
    rows = [(each.department_id or "none", each.week_rows, each.totals) for each in found.drift]
    lines: list[Any] = [f"Compared {looked}{'' if found.totals_compared else ', no totals'}."]
    if rows:
        lines.append(table((">Department", ">Week cells", ">Totals"), rows))
        lines.append("They differ; `capacity assignments backfill` makes them anew.")
    else:
        lines.append("They agree.")
    door.answer(found, *lines)
    if rows and fail_on_drift:
        door.exit_code = ExitCode.FOUND_WRONG


def backfill(
    door: Door,
    department: Department = None,
    chunk: Annotated[
        int,
        typer.Option(help="With --department: so many assignments at a time.", min=1, max=10_000),
    ] = 500,
) -> None:
    """Make hours by week and totals anew from the events, beside those that are read meanwhile.

    With --department only its rows that are not right are made right, in place, from planning as
    it stands. Once or ten times, it comes to the same.

    **Example:** `capacity assignments backfill --department 3`
    """
    if department is not None:
        _mend(door, department, chunk)
        return

    async def work(session: Session) -> int:
        import asyncio

        return await asyncio.to_thread(session.service.projector.rebuild, ["role_capacity"])

    position = door.run(work)
    told = {"projection": "role_capacity", "position": position}
    door.answer(told, f"Made anew, up to position {position}.")


def _mend(door: Door, department: int, chunk: int) -> None:
    from projections.catalogue import PROJECTIONS
    from projections.role_capacity import Mended, mend

    async def work(session: Session) -> Mended:
        import asyncio

        await session.bring_current()
        engine, about = session.service.projection_engine, {"department_id": department}
        return await asyncio.to_thread(mend, engine, PROJECTIONS, chunk=chunk, **about)

    found = door.run(work)
    wrong = found.week_rows + found.totals
    did = f"Made {many(wrong, 'row')} right" if wrong else "Nothing to do: all rows are right"
    cells = f"{many(found.week_rows, 'week cell')}, {many(found.totals, 'total')}"
    looked = f"looked at {many(found.assignments, 'assignment')}"
    door.answer(found, f"{did} ({cells}); {looked}.")
