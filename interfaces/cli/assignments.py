"""Commands: take over a planning document, set hours of assignments, end them, forget a name."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from domain.errors import Invalid
from domain.names import shown
from interfaces.cli.commands import command, group
from interfaces.cli.documents import read_document
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


@command(assignments, "import", writes=True)
def import_document(
    door: Door,
    file: Annotated[Path, typer.Argument(help="A planning document; - for stdin.", metavar="FILE")],
    lenient: Annotated[
        bool,
        typer.Option(
            "--lenient", help="Read unusable hours as the original's report does, and list them."
        ),
    ] = False,
) -> None:
    """Take over a planning document: all it names is then as it says, and the rest stays.

    The whole document is checked before any of it is stored. The same document again records
    nothing, and ends an import that was interrupted.

    **Example:** `capacity assignments import planning.json --reason "plan of March"`
    """
    limit_bytes = door.settings.planning_bytes
    document = read_document(file, limit_bytes=limit_bytes, setting="CAPACITY_PLANNING_BYTES")

    async def work(session: Session) -> Any:
        planning = session.service.planning
        return await planning.import_document(session.command(), document=document, lenient=lenient)

    outcome = door.tell(work)
    imported: PlanningImported = outcome.result
    did = "Would take over" if door.dry_run else "Took over"
    sentence = (
        f"{did} {many(imported.week_cells, 'week cell')}; recorded {many(imported.events, 'event')}"
        if imported.changed
        else "Nothing new: everything is as the document says"
    )
    door.answer_command(outcome, imported, f"{sentence}.", *_details(imported))


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
def export_document(door: Door) -> None:
    """Print everything as a planning document, with the names of people.

    Taken over again it changes nothing. Time off, last days and probabilities have no fields in
    it.

    **Example:** `capacity assignments export > planning.json`
    """
    from msgspec import json

    async def work(session: Session) -> Any:
        return await session.service.planning.export_document(up_to=session.past)

    answer_bytes(json.format(json.encode(door.ask(work))) + b"\n")


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
