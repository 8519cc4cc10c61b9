"""Commands: how full people's weeks are, who has hours left, and who has too much."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from domain.assignments import PersonNotFound
from interfaces.cli.doors import Door, Session
from interfaces.cli.people_tables import available_lines, heatmap_lines, over_lines, used_lines
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

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from application.assignments import PersonNames
    from interfaces.people_views import AvailabilityAnswer, OverAllocationAnswer, UtilizationAnswer
    from interfaces.role_views import HeatmapAnswer
    from interfaces.sheets import Sheet
    from projections.role_capacity import Question

Vertical = Annotated[
    int | None, typer.Option(help="Only people of this vertical, by its id.", metavar="ID")
]
TimeOff = Annotated[bool, typer.Option("--ignore-time-off", help="As if nobody were off.")]
Limit = Annotated[int, typer.Option(help="At most so many people.", min=1, max=1_000)]


@dataclass(frozen=True)
class People:
    """Whose weeks are looked at, how, and the files for the rows."""

    department: Department = None
    vertical: Vertical = None
    weeks: Weeks = 12
    start: Start = ""
    role: Roles = None
    gating: Gating = ""
    include_tentative: Tentative = False
    ignore_time_off: TimeOff = False
    limit: Limit = 100
    csv_file: CsvFile = None
    xlsx_file: XlsxFile = None


@dataclass(frozen=True)
class PeopleWithTime(People):
    """The same where few are wanted, and soon."""

    weeks: Weeks = 4
    limit: Annotated[int, typer.Option(help="At most so many of each.", min=1, max=200)] = 20


class _Looked(NamedTuple):
    """What a view looks at."""

    connection: "Connection"
    question: "Question"
    names: "PersonNames"
    position: int


def heatmap(door: Door, people: People) -> None:
    """Show for each person and week how much there is to do, against what they can give.

    **Example:** `capacity report heatmap --department 3 --weeks 8`
    """
    from interfaces.role_sheets import heatmap_sheet
    from interfaces.role_views import heatmap_body, opened
    from projections.role_capacity import people_weeks

    def look(looked: _Looked) -> "HeatmapAnswer":
        found = people_weeks(looked.connection, question=looked.question, limit=people.limit + 1)
        page = found[: people.limit]
        return heatmap_body(
            page,
            opened(looked.names, [each.person for each in page]),
            question=looked.question,
            position=looked.position,
            follows="more" if len(found) > people.limit else None,
        )

    def sheet(looked: _Looked, _: Any) -> "Sheet":
        return heatmap_sheet(looked.connection, question=looked.question, names=looked.names)

    body = _ask(door, people, look, sheet, "people-heatmap")
    door.answer(body, *heatmap_lines(body))


def utilization(
    door: Door,
    person: Annotated[
        int, typer.Argument(help="The person's id, such as 17.", metavar="PERSON", min=1)
    ],
    weeks: Weeks = 12,
    start: Start = "",
    gating: Gating = "",
    include_tentative: Tentative = False,
    ignore_time_off: TimeOff = False,
    csv_file: CsvFile = None,
    xlsx_file: XlsxFile = None,
) -> None:
    """Show how much of somebody's time is used, week by week and all together.

    **Example:** `capacity report utilization 17 --weeks 8`
    """
    from interfaces.people_views import utilization_body
    from interfaces.role_sheets import utilization_sheet
    from interfaces.role_views import opened
    from projections.role_capacity import one_person_weeks

    asked = People(
        weeks=weeks,
        start=start,
        gating=gating,
        include_tentative=include_tentative,
        ignore_time_off=ignore_time_off,
        csv_file=csv_file,
        xlsx_file=xlsx_file,
    )

    def look(looked: _Looked) -> "UtilizationAnswer":
        found = one_person_weeks(looked.connection, question=looked.question, person_id=person)
        if found is None:
            raise PersonNotFound(person)
        names = opened(looked.names, [found.person])
        return utilization_body(found, names, question=looked.question, position=looked.position)

    name = f"utilization-{person}"
    body = _ask(door, asked, look, lambda _, body: utilization_sheet(body), name)
    door.answer(body, *used_lines(body))


def available(
    door: Door,
    hours: Annotated[
        str, typer.Argument(help="Hours that each week must have left.", metavar="HOURS")
    ],
    people: PeopleWithTime,
) -> None:
    """Show who has so many hours left in each week, best first, and why others have not.

    **Example:** `capacity report availability 8 --weeks 4 --role 2`
    """
    from interfaces.people_views import availability_body, read_needed
    from interfaces.role_sheets import availability_sheet
    from interfaces.role_views import opened
    from projections.role_capacity import availability

    needed = read_needed(hours)

    def look(looked: _Looked) -> "AvailabilityAnswer":
        connection, question, names, position = looked
        found = availability(connection, question=question, needed_units=needed, limit=people.limit)
        told = opened(names, [e.person for e in (*found.available, *found.excluded)])
        return availability_body(
            found, told, question=question, needed_units=needed, position=position
        )

    body = _ask(door, people, look, lambda _, body: availability_sheet(body), "availability")
    door.answer(body, *available_lines(body))


def over_allocation(door: Door, people: People) -> None:
    """Show who has more to do in a week than they can give, by how much, and what makes it.

    **Example:** `capacity report over-allocation --department 3`
    """
    from interfaces.people_views import over_allocation_body
    from interfaces.role_sheets import over_allocation_sheet
    from interfaces.role_views import opened
    from projections.role_capacity import over_allocated

    def look(looked: _Looked) -> "OverAllocationAnswer":
        found = over_allocated(looked.connection, question=looked.question, limit=people.limit + 1)
        page = found[: people.limit]
        return over_allocation_body(
            page,
            opened(looked.names, [each.person for each in page]),
            question=looked.question,
            position=looked.position,
            follows="more" if len(found) > people.limit else None,
            only_vertical=None,
        )

    def sheet(looked: _Looked, _: Any) -> "Sheet":
        return over_allocation_sheet(
            looked.connection, question=looked.question, names=looked.names, only_vertical=None
        )

    body = _ask(door, people, look, sheet, "over-allocation")
    door.answer(body, *over_lines(body))


# What is asked, and written into files.


def _ask(
    door: Door,
    people: People,
    look: Callable[[_Looked], Any],
    sheet: "Callable[[_Looked, Any], Sheet]",
    report: str,
) -> Any:
    """Return what a view answers; its files are written in the same transaction."""
    from projections import role_capacity
    from projections.database import standing

    question_of = _asking(door, people)

    async def work(session: Session) -> Any:
        question, names = question_of(session), session.service.person_names
        made_at = session.service.clock().isoformat(timespec="seconds")

        def looked_at(connection: "Connection") -> Any:
            position, _ = standing(connection, role_capacity.role_capacity.name)
            looked = _Looked(connection, question, names, position)
            body = look(looked)
            about = {"report": report, "position": position, "made_at": made_at}
            write_files(
                people.csv_file, people.xlsx_file, lambda: sheet(looked, body), question, about
            )
            return body

        return await session.read(looked_at)

    return door.ask(work)


def _asking(door: Door, people: People) -> "Callable[[Session], Question]":
    from interfaces.role_capacity import hidden_words
    from projections.role_capacity import GATINGS, Question

    said = one_of("gating", people.gating or door.settings.role_capacity_gating, GATINGS)
    return lambda session: Question(
        weeks=weeks_asked(session, people.start, people.weeks),
        department_id=people.department,
        vertical_id=people.vertical,
        role_ids=tuple(people.role or ()),
        gating=said,
        include_tentative=people.include_tentative,
        include_time_off=not people.ignore_time_off,
        hidden_words=hidden_words(door.settings),
    )
