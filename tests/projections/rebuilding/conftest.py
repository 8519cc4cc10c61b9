"""A ledger with some bookings, its live read models, and rebuilds of them, which may be killed."""

from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Engine, text, update

from projections.beside import Copy
from projections.building import Manner, Stage
from projections.closing import Wish
from projections.projector import Projector
from projections.rebuilding import Rebuilt, rebuild_here, versions_beside
from projections.supplier_capacity import capacities, matches_table
from projections.workers import Sources
from tests.projections.conftest import PROJECTIONS, SUPPLIERS, BareLedger, Life

NAME = "supplier_capacity"


NOW = PROJECTIONS[0].version


NEXT = NOW + 1


class Desk:
    """A ledger with some bookings, its live read models, and rebuilds of them."""

    def __init__(self, ledger: BareLedger, life: Life, folder: Path) -> None:
        self.ledger, self.life, self.folder = ledger, life, folder / "spools"
        self.engine: Engine = ledger.engine()
        self.projector: Projector = ledger.projector(self.engine)
        ledger.append(life.open())
        self.book(8)
        self.projector.catch_up()

    @property
    def sources(self) -> Sources:
        return Sources(self.ledger.log, self.engine, PROJECTIONS)

    def book(self, many: int, begin: int = 0) -> int:
        groups = (
            self.life.book(f"R-{number}", SUPPLIERS[number % 3])
            for number in range(begin, begin + many)
        )
        return [self.ledger.append(group) for group in groups][-1]

    def rebuild(
        self,
        wish: Wish = Wish(),  # noqa: B008 - it never changes
        *,
        at: Callable[[Stage, int, int], object] = lambda stage, done, total: None,
        anew: bool = False,
    ) -> Rebuilt:
        how = Manner(folder=self.folder, checkpoint_positions=4, anew=anew)
        return rebuild_here(
            self.ledger.log, self.engine, PROJECTIONS, [NAME], manner=how, wish=wish, tell=at
        )

    def beside(self) -> dict[str, Copy]:
        return {copy.place: copy for copy in versions_beside(self.engine)}

    def spoil(self) -> None:
        """Make the live rows wrong in three ways: one changed, one more, one less."""
        with self.engine.begin() as connection:
            connection.execute(
                update(capacities).where(capacities.c.supplier == "ACME").values(used_slots=77)
            )
            rows = connection.execute(matches_table.select()).all()
            gone = min(rows, key=lambda row: row.registration_id)
            connection.execute(
                matches_table.delete().where(matches_table.c.booking_id == gone.booking_id)
            )
            more = gone._asdict() | {"booking_id": bytes(16), "registration_id": "R-never"}
            connection.execute(matches_table.insert().values(more))


@pytest.fixture
def desk(ledger: BareLedger, life: Life, tmp_path: Path) -> Desk:
    """A ledger with eight bookings, all of them projected."""
    return Desk(ledger, life, tmp_path)


class Killed(BaseException):
    """What ends a rebuild in the middle, as a kill does: nothing may be tidied up because of it."""


def killing(stage: Stage, share: float = 0.0) -> Callable[[Stage, int, int], object]:
    def at(now: Stage, done: int, total: int) -> None:
        if now == stage and done >= share * total:
            raise Killed

    return at


def applied_of(engine: Engine) -> list[tuple[int, int]]:
    with engine.connect() as connection:
        sql = "SELECT applied_events, applied_digest FROM projection_positions"
        return [(events, digest) for events, digest in connection.execute(text(sql))]
