"""Supplier capacity: in one scenario a supplier never holds more registrations than its capacity.

Only the count stands here; which registrations they are is the knowledge of their bookings.
"""

from typing import Any
from uuid import UUID

from domain.aggregate import Aggregate, Event, evolves
from domain.errors import Conflict, NotFound
from domain.identity import identity
from domain.suppliers.capacity_files import Count, ImportedUsage


class CapacityExceeded(Conflict):
    """One slot too many was asked for."""

    code = "capacity-exceeded"

    def __init__(self, supplier: str, used_slots: int, capacity_slots: int) -> None:
        self.supplier, self.used_slots, self.capacity_slots = supplier, used_slots, capacity_slots
        super().__init__(f"Supplier {supplier} capacity exceeded: {used_slots} > {capacity_slots}")


class SupplierNotFound(NotFound):
    """The scenario has no such supplier."""

    code = "supplier-not-found"

    def __init__(self, line: str, scenario: str, supplier: str) -> None:
        self.line, self.scenario, self.supplier = line, scenario, supplier
        super().__init__(f"Supplier {supplier} is not in the scenario {line}/{scenario}")


class SupplierCapacity(Aggregate):
    line: str
    scenario: str
    supplier: str
    capacity_slots: int
    used_slots: int
    listed: bool  # whether its scenario still names it
    as_imported: bool  # whether its record in an imported file still says what the file said

    class Opened(Event, topic="suppliers.capacity_opened"):
        line: str
        scenario: str
        supplier: str
        capacity_slots: int

    class CapacityChanged(Event, topic="suppliers.capacity_changed"):
        capacity_slots: int
        publication: int

    class SlotBooked(Event, topic="suppliers.slot_booked"):
        booking_id: UUID
        registration_id: str

    class SlotReleased(Event, topic="suppliers.slot_released"):
        booking_id: UUID
        registration_id: str

    class Cleared(Event, topic="suppliers.capacity_cleared"):
        reset_number: int

    class UsageImported(Event, topic="suppliers.usage_imported"):
        line: str
        scenario: str
        supplier: str
        capacity_slots: int
        used_slots: int
        source_sha256: str

    class Withdrawn(Event, topic="suppliers.capacity_withdrawn"):
        source_sha256: str

    @staticmethod
    def identity(line: str, scenario: str, supplier: str) -> UUID:
        return identity("suppliers.capacity", line, scenario, supplier)

    # Birth.

    def open(self, line: str, scenario: str, supplier: str, capacity_slots: int) -> None:
        self.record(
            self.Opened(
                line=line, scenario=scenario, supplier=supplier, capacity_slots=capacity_slots
            )
        )

    # Decisions.

    def change_capacity(self, capacity_slots: int, publication: int) -> None:
        """Take over a capacity from the offers; it may fall below what is used already."""
        if capacity_slots != self.capacity_slots or not self.listed:
            self.record(
                self.CapacityChanged(capacity_slots=capacity_slots, publication=publication)
            )

    def book_slot(self, booking_id: UUID, registration_id: str) -> None:
        """Take one slot. Whether this booking exists already is the Booking's own knowledge."""
        if self.used_slots >= self.capacity_slots:
            raise CapacityExceeded(self.supplier, self.used_slots + 1, self.capacity_slots)
        self.record(self.SlotBooked(booking_id=booking_id, registration_id=registration_id))

    def release_slot(self, booking_id: UUID, registration_id: str) -> None:
        """Give back the slot of a booking that is known to hold one."""
        self.record(self.SlotReleased(booking_id=booking_id, registration_id=registration_id))

    def clear(self, reset_number: int) -> None:
        """Count from zero again, also when nothing is used: a booking meanwhile must collide."""
        self.record(self.Cleared(reset_number=reset_number))

    # Only an import may decide these: what a file says is taken as it is, also over capacity.

    def import_usage(
        self, line: str, scenario: str, usage: ImportedUsage, source_sha256: str
    ) -> None:
        """Count from what a capacity file says, whatever was counted before."""
        self.record(
            self.UsageImported(
                line=line,
                scenario=scenario,
                supplier=usage.supplier,
                capacity_slots=usage.capacity_slots,
                used_slots=usage.used_slots,
                source_sha256=source_sha256,
            )
        )

    def withdraw(self, source_sha256: str) -> None:
        """Leave the scenario, because a capacity file no longer names the supplier."""
        if self.listed:
            self.record(self.Withdrawn(source_sha256=source_sha256))

    # Evolutions.

    @evolves(Opened)
    def _opened(self, event: Opened) -> None:
        self.line = event.line
        self.scenario = event.scenario
        self.supplier = event.supplier
        self.capacity_slots = event.capacity_slots
        self.used_slots = 0
        self.listed, self.as_imported = True, False

    @evolves(CapacityChanged)
    def _capacity_changed(self, event: CapacityChanged) -> None:
        self.capacity_slots = event.capacity_slots
        self.listed, self.as_imported = True, False

    @evolves(SlotBooked)
    def _slot_booked(self, event: SlotBooked) -> None:
        self.used_slots += 1
        self.as_imported = False

    @evolves(SlotReleased)
    def _slot_released(self, event: SlotReleased) -> None:
        self.used_slots -= 1
        self.as_imported = False

    @evolves(Cleared)
    def _cleared(self, event: Cleared) -> None:
        self.used_slots = 0
        self.as_imported = False

    @evolves(UsageImported)
    def _usage_imported(self, event: UsageImported) -> None:
        self.line = event.line
        self.scenario = event.scenario
        self.supplier = event.supplier
        self.capacity_slots = event.capacity_slots
        self.used_slots = event.used_slots
        self.listed = self.as_imported = True

    @evolves(Withdrawn)
    def _withdrawn(self, event: Withdrawn) -> None:
        self.capacity_slots = self.used_slots = 0
        self.listed = self.as_imported = False

    # Questions.

    @property
    def count(self) -> Count:
        """The count as a capacity file shows it."""
        return Count(self.supplier, self.capacity_slots, self.used_slots, self.as_imported)

    @property
    def room_slots(self) -> int:
        """How many more registrations fit; never below zero."""
        return max(0, self.capacity_slots - self.used_slots)

    @property
    def over_slots(self) -> int:
        """How many registrations are held beyond a capacity that was lowered since."""
        return max(0, self.used_slots - self.capacity_slots)

    def described(self) -> dict[str, Any]:
        """Return the state as history shows it after each event."""
        return {
            "capacity": self.capacity_slots,
            "used": self.used_slots,
            "overbooked": self.over_slots,
        }
