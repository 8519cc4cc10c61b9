"""Commands: take over a planning document, set hours of assignments, end them, forget a name."""

from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from domain.errors import Invalid
from domain.names import shown
from interfaces.cli.commands import command, group
from interfaces.cli.documents import open_document, write_document_file
from interfaces.cli.doors import Door, Session
from interfaces.cli.output import answer_bytes, many, table
from interfaces.cli.problems import Usage

if TYPE_CHECKING:
    from application.assignments import PlanningImported

assignments = group("assignments", "Who works on what, in which week, for how many hours.")

CELLS_SHOWN = 20

Assignment = Annotated[
    int, typer.Argument(help="The assignment's id, such as 1001.", metavar="ASSIGNMENT", min=1)
]


_FORMAT = typer.Option(
    "--format",
    help="json, csv or xlsx; else by the name of the file, and JSON otherwise.",
    metavar="FORMAT",
)
ListName = Annotated[
    str, typer.Option("--list", help="The list that a CSV file holds.", metavar="LIST")
]


@command(assignments, "import", writes=True)
def import_document(
    door: Door,
    file: Annotated[
        Path,
        typer.Argument(help="A planning document; - for stdin.", metavar="FILE"),
    ],
    lenient: Annotated[
        bool,
        typer.Option(
            "--lenient", help="Read unusable hours as the original's report does, and list them."
        ),
    ] = False,
    format_: Annotated[str | None, _FORMAT] = None,
    list_name: ListName = "assignments",
) -> None:
    """Take over a planning document: all it names is then as it says, and the rest stays.

    The whole document is checked before any of it is stored. The same document again records
    nothing, and ends an import that was interrupted. JSON and XLSX hold any of its lists, CSV one.

    **Example:** `capacity assignments import planning.xlsx --reason "plan of March"`
    """
    from interfaces.planning_sheets import check_list, given_records

    limit_bytes = door.settings.planning_bytes
    chosen = _format(file, format_)
    check_list(list_name)
    with open_document(file, limit_bytes=limit_bytes, setting="CAPACITY_PLANNING_BYTES") as opened:
        records = given_records(opened, chosen, key=list_name, limit_bytes=limit_bytes)

        async def work(session: Session) -> Any:
            planning = session.service.planning
            return await planning.import_records(
                session.command(), records=records, lenient=lenient
            )

        outcome = door.tell(work)
    imported: PlanningImported = outcome.result
    did = "Would take over" if door.dry_run else "Took over"
    sentence = (
        f"{did} {many(imported.week_cells, 'week cell')}; recorded {many(imported.events, 'event')}"
        if imported.changed
        else "Nothing new: everything is as the document says"
    )
    door.answer_command(outcome, imported, f"{sentence}.", *_details(imported))


def _format(file: Path | None, given: str | None) -> Any:
    """Return the format that is named, or that the file's name tells."""
    formats = ("json", "csv", "xlsx")
    if given is None:
        suffix = file.suffix.lower().removeprefix(".") if file is not None else ""
        return suffix if suffix in formats else "json"
    if given not in formats:
        raise Usage(f"Found the format {shown(given)}, {', '.join(formats)} are known")
    return given


def _details(imported: "PlanningImported") -> list[Any]:
    rows = [
        (key.replace("_", " "), each.added, each.changed, each.unchanged)
        for key, each in imported.counts.items()
    ]
    lines: list[Any] = [table(("List", ">New", ">Changed", ">As before"), rows)]
    if cells := imported.lenient_cells:
        lines += [
            f"{many(len(cells), 'value')} read leniently:",
            table(
                ("Where", "Found", "Read as"),
                [(each.pointer, each.found, each.read_as) for each in cells[:CELLS_SHOWN]],
            ),
        ]
        if len(cells) > CELLS_SHOWN:
            lines.append(f"and {len(cells) - CELLS_SHOWN} more; --json lists them all")
    return lines


@command(assignments, "export", dated=True)
def export_document(
    door: Door,
    file: Annotated[
        Path | None,
        typer.Argument(help="Where to write it; else to stdout.", metavar="FILE"),
    ] = None,
    format_: Annotated[str | None, _FORMAT] = None,
    list_name: ListName = "assignments",
) -> None:
    """Write everything as a planning document, with the names of people.

    Taken over again it changes nothing. JSON and XLSX hold all its lists, CSV one. Time off, last
    days and probabilities have no fields in it.

    **Example:** `capacity assignments export planning.xlsx`
    """
    from interfaces.planning_sheets import check_list, write_document

    chosen = _format(file, format_)
    check_list(list_name)

    async def work(session: Session) -> Any:
        service = session.service
        past = service.ledger.head if session.past is None else session.past
        details = [("position", past), ("exported at", service.clock().isoformat())]
        return await service.planning.export_document(up_to=session.past), details

    document, details = door.ask(work)
    written = BytesIO()
    write_document(written, document, chosen, key=list_name, details=details)
    if file is None or str(file) == "-":
        answer_bytes(written.getvalue())
        return
    write_document_file(file, written.getbuffer())
    door.answer({"file": str(file)}, f"Wrote {file}.")


@command(assignments, "hours", writes=True)
def set_hours(
    door: Door,
    assignment: Assignment,
    pairs: Annotated[
        list[str],
        typer.Argument(help="Hours by a day of the week; 0 takes a week out.", metavar="DAY=HOURS"),
    ],
    replace: Annotated[
        bool, typer.Option("--replace", help="Take out all weeks that are not named.")
    ] = False,
) -> None:
    """Set the hours of an assignment in some weeks; weeks begin on Sunday.

    **Example:** `capacity assignments hours 1001 2026-03-01=7.5 2026-03-08=0`
    """
    from domain.assignments.hours import HoursReader

    faults: list[tuple[str, str]] = []
    reader = HoursReader(limit_hours=door.settings.week_limit_hours)
    units_by_week = reader.read(_pairs(pairs), faults, pointer="")
    if faults:
        raise Invalid(*faults)

    async def work(session: Session) -> Any:
        from application.assignments import HoursChange

        change = HoursChange(assignment, units_by_week, replace)
        return await session.service.planning.change_hours(session.command(), change=change)

    outcome = door.tell(work)
    changed = outcome.result
    did = "Would set" if door.dry_run else "Set"
    what = f"{did} hours" if changed.status == "ok" else "Nothing new: so are the hours"
    sentence = f"{what} of assignment {assignment}; {many(changed.weeks, 'week')} with hours."
    answer = {"assignment_id": assignment, "status": changed.status, "weeks": changed.weeks}
    door.answer_command(outcome, answer, sentence)


def _pairs(texts: list[str]) -> dict[str, str]:
    hours_by_day: dict[str, str] = {}
    for text in texts:
        day, equals, hours = text.partition("=")
        if not equals:
            raise Usage(f"Found {shown(text)}, DAY=HOURS is needed, such as 2026-03-01=7.5")
        if day in hours_by_day:
            raise Usage(f"The day {shown(day)} stands twice")
        hours_by_day[day] = hours
    return hours_by_day


@command(assignments, "end", writes=True)
def end_assignment(door: Door, assignment: Assignment) -> None:
    """End an assignment: it counts no more, and its hours stay in the history.

    **Example:** `capacity assignments end 1001 --reason "project cancelled"`
    """

    async def work(session: Session) -> Any:
        planning = session.service.planning
        return await planning.end_assignment(session.command(), assignment_id=assignment)

    outcome = door.tell(work)
    did = "Would end" if door.dry_run else "Ended"
    sentence = f"{did} assignment" if outcome.result.changed else "Nothing new: ended is assignment"
    door.answer_command(outcome, outcome.result, f"{sentence} {assignment}.")


@command(assignments, "forget", writes=True)
def forget_person(
    door: Door,
    person: Annotated[
        int, typer.Argument(help="The person's id, such as 17.", metavar="PERSON", min=1)
    ],
) -> None:
    """Make a person's name unreadable for good, in everything that was ever recorded.

    Backups made before still hold the key: they must be deleted too.

    **Example:** `capacity assignments forget 17 --reason "asked to be forgotten"`
    """

    async def work(session: Session) -> Any:
        planning = session.service.planning
        return await planning.forget_person(session.command(), person_id=person)

    outcome = door.tell(work)
    did = "Would forget" if door.dry_run else "Forgot"
    sentence = f"{did} the name" if outcome.result.changed else "Nothing new: forgotten is the name"
    door.answer_command(outcome, outcome.result, f"{sentence} of person {person}.")
