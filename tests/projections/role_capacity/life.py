"""One planning after the other in one ledger, with its read model."""

from typing import Any

from domain.aggregate import Event
from projections.database import projection_positions
from projections.projector import Projector
from projections.role_capacity import Answered, Question, role_capacity, role_capacity_report
from tests.projections.conftest import BareLedger
from tests.projections.role_capacity.documents import Planning
from tests.projections.role_capacity.reference import Document


class Life:
    """One planning after the other in one ledger, with its read model."""

    def __init__(self, ledger: BareLedger) -> None:
        self.ledger, self.engine = ledger, ledger.engine()
        self.projector = Projector(ledger.log, self.engine, [role_capacity])

    def begin(self, page_events: int) -> None:
        self.ledger.erase()
        begun = {"position": 0, "epoch": 0, "applied_events": 0, "applied_digest": 0}
        with self.engine.begin() as connection:
            for table in role_capacity.rows:
                connection.execute(table.delete())
            connection.execute(projection_positions.update().values(begun))
        self.projector = Projector(
            self.ledger.log, self.engine, [role_capacity], page_events=page_events
        )

    def append(self, events: list[Event], size: int) -> None:
        """Append events in groups of some size, so that pages can end between them."""
        for start in range(0, len(events), size):
            self.ledger.append(events[start : start + size])

    def live(self, document: Document) -> None:
        """Begin anew, and live through one plan."""
        self.begin(page_events=1_000)
        self.append(Planning().declare(document), 1_000)
        self.projector.catch_up()

    def answer(self, question: Question, source: Any) -> dict[str, Any]:
        with self.engine.connect() as connection, connection.begin():
            return told(role_capacity_report(connection, question=question, source=source))


def told(answered: Answered) -> dict[str, Any]:
    """Return an answer in the words of the reference model."""
    found, listed = answered.report, [each.role_id for each in answered.report.roles]

    def cells(figures: dict[Any, Any]) -> dict[Any, Any]:
        return {
            (week, role): figures[week, role]
            for week in found.weeks
            for role in listed
            if figures.get((week, role))
        }

    summary = found.summary
    return {
        "roles": listed,
        "assigned": cells(found.figures.assigned),
        "capacity": cells(found.figures.capacity),
        "people": cells(found.figures.people),
        "projected": cells(found.projected),
        "summary": (summary.mapped_units, summary.unmapped_units, summary.pairs_used),
    }
