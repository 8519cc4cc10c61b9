"""A whole context on one page: a desk is never given to two people on the same day."""

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import Column, Connection, Table, Text, select

from application.ledger import UnitOfWork
from domain.aggregate import Aggregate, Event, evolves
from domain.catalogue import claim
from domain.errors import Conflict
from domain.identity import identity
from interfaces.embedded import embedded
from projections.database import metadata
from projections.projection import Projection, Row, events_of


class DeskTaken(Conflict):
    code = "desk-taken"


class DeskDay(Aggregate):
    person: str = ""

    class Reserved(Event, topic="desks.reserved"):
        desk: str
        day: str
        person: str

    def reserve(self, desk: str, day: str, person: str) -> None:  # decide: check, then record
        if self.person not in ("", person):
            raise DeskTaken(f"Desk {desk} is {self.person}'s on {day}")
        if not self.person:
            self.record(self.Reserved(desk=desk, day=day, person=person))

    @evolves(Reserved)
    def _reserved(self, event: Reserved) -> None:  # remember: assign, and never check
        self.person = event.person


claim(DeskDay)  # its events may be stored, and loaded

columns = (Column("day", Text, primary_key=True), Column("desk", Text, primary_key=True))
desk_days = Table("desk_days", metadata, *columns, Column("person", Text))


class DeskDayRow(Row):
    day: str
    desk: str
    person: str


rows = {desk_days: DeskDayRow}
who_sits = Projection("who_sits", version=1, rows=rows, subscribes=events_of(DeskDay))


@who_sits.rule(desk_days, DeskDay.Reserved, key=lambda event: (event.day, event.desk))
def _reserved(_row: DeskDayRow | None, event: DeskDay.Reserved, _position: int) -> DeskDayRow:
    return DeskDayRow(event.day, event.desk, event.person)


def people(connection: Connection, *, day: str) -> dict[str, str]:
    """Return who sits where on a day: the question."""
    found = select(desk_days.c.desk, desk_days.c.person).where(desk_days.c.day == day)
    return {desk: person for desk, person in connection.execute(found)}  # noqa: C416 - rows are typed as pairs only here


async def main(folder: Path, desk: str = "D7", day: str = "2026-11-23") -> dict[str, str]:
    """Two people want one desk."""
    async with embedded(folder, who_sits) as program:
        for person in ("Ada", "Grace"):

            def reserve(work: UnitOfWork, person: str = person) -> None:
                work.get(DeskDay, identity("desks.day", desk, day)).reserve(desk, day, person)

            try:
                await program.execute(person, "I like the window", reserve)
            except DeskTaken as taken:
                print(f"{person}: {taken}")
        return await program.read(people, day=day)


if __name__ == "__main__":
    with TemporaryDirectory() as temporary:
        print(asyncio.run(main(Path(temporary))))
