"""Bookings: in one count of a scenario a registration is held once, and by one supplier."""

from uuid import UUID

from msgspec import Struct

from domain.aggregate import Aggregate, Event, evolves
from domain.errors import Conflict, NotFound
from domain.identity import identity_once


class BookedElsewhere(Conflict):
    """The registration is held by another supplier."""

    code = "booked-elsewhere"

    def __init__(self, registration_id: str, supplier: str, asked: str) -> None:
        self.registration_id, self.supplier, self.asked = registration_id, supplier, asked
        super().__init__(
            f"Registration {registration_id} is booked with {supplier}, not with {asked}; "
            "reassign it to move it"
        )


class BookingNotFound(NotFound):
    """The registration holds no slot in this count."""

    code = "booking-not-found"

    def __init__(self, line: str, scenario: str, registration_id: str) -> None:
        self.line, self.scenario, self.registration_id = line, scenario, registration_id
        super().__init__(f"Registration {registration_id} is not booked in {line}/{scenario}")


class MatchDetails(Struct, frozen=True, forbid_unknown_fields=True):
    """What a match says beyond who and with whom; empty where it does not say."""

    zip_code: str = ""
    product_type: str = ""
    panel_name: str = ""
    payment_type: str = ""
    num_panels: int | None = None


class Booking(Aggregate):
    line: str
    scenario: str
    reset_number: int
    registration_id: str
    supplier: str
    details: MatchDetails

    assumed_new = True

    class Booked(Event, topic="suppliers.booked"):
        """Booked {registration_id} with {supplier} in {line}/{scenario}."""

        line: str
        scenario: str
        reset_number: int
        registration_id: str
        supplier: str
        details: MatchDetails
        asked_supplier: str = ""  # the alias that was used, if one was

    class Released(Event, topic="suppliers.released"):
        """Released from {supplier}."""

        supplier: str

    class Reassigned(Event, topic="suppliers.reassigned"):
        """Moved from {from_supplier} to {supplier}."""

        from_supplier: str
        supplier: str
        asked_supplier: str = ""

    @staticmethod
    def identity(line: str, scenario: str, reset_number: int, registration_id: str) -> UUID:
        return identity_once(
            "suppliers.booking", line, scenario, str(reset_number), registration_id
        )

    # Decisions.

    def book(
        self,
        line: str,
        scenario: str,
        reset_number: int,
        registration_id: str,
        supplier: str,
        details: MatchDetails,
        asked_supplier: str,
    ) -> bool:
        """Hold a slot; with the same supplier again is quiet. Return whether it is new."""
        if self.held:
            if supplier != self.supplier:
                raise BookedElsewhere(registration_id, self.supplier, supplier)
            return False
        self.record(
            self.Booked(
                line=line,
                scenario=scenario,
                reset_number=reset_number,
                registration_id=registration_id,
                supplier=supplier,
                details=details,
                asked_supplier=asked_supplier,
            )
        )
        return True

    def release(self) -> None:
        """Give the slot back; only a held booking is released."""
        self.record(self.Released(supplier=self.supplier))

    def reassign(self, supplier: str, asked_supplier: str) -> bool:
        """Move to another supplier; to the same one is quiet. Return whether it moved."""
        if supplier == self.supplier:
            return False
        self.record(
            self.Reassigned(
                from_supplier=self.supplier, supplier=supplier, asked_supplier=asked_supplier
            )
        )
        return True

    # Evolutions.

    @evolves(Booked)
    def _booked(self, event: Booked) -> None:
        self.line = event.line
        self.scenario = event.scenario
        self.reset_number = event.reset_number
        self.registration_id = event.registration_id
        self.supplier = event.supplier
        self.details = event.details

    @evolves(Released)
    def _released(self, event: Released) -> None:
        self.supplier = ""

    @evolves(Reassigned)
    def _reassigned(self, event: Reassigned) -> None:
        self.supplier = event.supplier

    # Questions.

    @property
    def held(self) -> bool:
        """Whether the registration holds a slot now."""
        return self.exists and self.supplier != ""
