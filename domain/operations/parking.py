"""Parking: what people decided about events that a projection could not apply."""

from uuid import UUID

from domain.aggregate import Aggregate, Event, evolves
from domain.identity import identity


class Parking(Aggregate):
    """The decisions about one projection; what is parked there now is the projection's to know."""

    projection: str = ""

    class RetryOrdered(Event, topic="operations.parked_retry_ordered"):
        projection: str
        position: int | None  # None: everything that was parked

    class Skipped(Event, topic="operations.parked_event_skipped"):
        projection: str
        position: int
        parked_topic: str
        error: str

    @staticmethod
    def identity(projection: str) -> UUID:
        return identity("operations.parking", projection)

    # Decisions. Neither is quiet when it is said twice: each is an order to do it now.

    def order_retry(self, projection: str, position: int | None) -> None:
        """Have parked events applied again, because what stood in their way is mended."""
        self.record(self.RetryOrdered(projection=projection, position=position))

    def skip(self, projection: str, position: int, *, parked_topic: str, error: str) -> None:
        """Leave out one event for good; what waited for it goes on without it."""
        self.record(
            self.Skipped(
                projection=projection, position=position, parked_topic=parked_topic, error=error
            )
        )

    # Evolutions.

    @evolves(RetryOrdered)
    def _retry_ordered(self, event: RetryOrdered) -> None:
        self.projection = event.projection

    @evolves(Skipped)
    def _skipped(self, event: Skipped) -> None:
        self.projection = event.projection
