"""The other side: the same bookings with the library's own classes, as its manual shows them."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from eventsourcing.application import Application
from eventsourcing.domain import Aggregate, event

from tests.bench.measuring import stopwatch


class StockCapacity(Aggregate):
    @event("Opened")
    def __init__(self, line: str, scenario: str, supplier: str, capacity_slots: int) -> None:
        self.line, self.scenario, self.supplier = line, scenario, supplier
        self.capacity_slots = capacity_slots
        self.used_slots = 0

    @staticmethod
    def create_id(line: str, scenario: str, supplier: str, capacity_slots: int) -> UUID:
        return uuid5(NAMESPACE_URL, f"{line}/{scenario}/{supplier}")

    @event("SlotBooked")
    def book_slot(self, booking_id: UUID, registration_id: str, actor: str, reason: str) -> None:
        if self.used_slots >= self.capacity_slots:
            raise ValueError("capacity exceeded")
        self.used_slots += 1


class StockBooking(Aggregate):
    @event("Booked")
    def __init__(
        self,
        line: str,
        scenario: str,
        registration_id: str,
        supplier: str,
        actor: str,
        reason: str,
    ) -> None:
        self.line, self.scenario, self.supplier = line, scenario, supplier
        self.registration_id = registration_id

    @staticmethod
    def create_id(line: str, scenario: str, registration_id: str, **_: Any) -> UUID:
        return uuid5(NAMESPACE_URL, f"{line}/{scenario}/r/{registration_id}")


def booking(supplier: str, registration_id: str) -> StockBooking:
    """Return the second aggregate of a stock booking."""
    return StockBooking("sbus", "bench", registration_id, supplier, "bench", "measuring")


class StockBookings(Application[UUID]):
    """Bookings saved as the manual shows: both aggregates in one save."""

    def open(self, suppliers: int) -> list[StockCapacity]:
        """Open the suppliers and return them."""
        opened = [StockCapacity("sbus", "bench", f"S{each}", 10**9) for each in range(suppliers)]
        for begin in range(0, suppliers, 100):  # a larger save can hang (its pipeline)
            self.save(*opened[begin : begin + 100])
        return opened


def stock_bookings_per_second(environment: dict[str, str], *, callers: int, each: int) -> float:
    """Book from threads, each with suppliers of its own: aggregates in memory, no conflicts."""
    application = StockBookings(env=environment)
    capacities = application.open(callers * 20)

    def caller(number: int) -> None:
        mine = capacities[number * 20 : (number + 1) * 20]
        for count in range(each):
            capacity = mine[count % len(mine)]
            held = booking(capacity.supplier, f"R{number}-{count}")
            capacity.book_slot(held.id, held.registration_id, "bench", "measuring")
            application.save(capacity, held)

    try:
        with stopwatch() as elapsed, ThreadPoolExecutor(callers) as threads:
            list(threads.map(caller, range(callers)))
            return callers * each / elapsed()
    finally:
        application.close()
