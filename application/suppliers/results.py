"""What the use cases of the supplier context take and answer."""

from msgspec import Struct

from application.ledger import Outcome
from domain.suppliers import MatchDetails
from domain.suppliers.choosing import Considered


class Match(Struct, frozen=True):
    """One registration and the supplier it shall be booked with, as people write it."""

    registration_id: str
    supplier: str
    details: MatchDetails = MatchDetails()


class Published(Struct, frozen=True):
    line: str
    publication: int
    digest: str
    new: bool


class AliasesSet(Struct, frozen=True):
    line: str
    aliases: dict[str, str]
    changed: bool
    version: int


class ScenarioState(Struct, frozen=True):
    """`changed` tells whether the command did anything; `suppliers` how many the scenario has."""

    line: str
    scenario: str
    publication: int
    reset_number: int
    suppliers: int
    capacity_file: str
    changed: bool
    version: int


class Imported(Struct, frozen=True):
    """What an import of a capacity file did: nothing where ledger and file agreed.

    `new_count`: the file held less than was counted, so which registrations it still holds is
    unknown, and each may be booked again.
    """

    line: str
    scenario: str
    changed: bool
    new_count: bool
    reset_number: int
    suppliers: int
    version: int


class BookingState(Struct, frozen=True):
    """Where a registration stands after a command, and its supplier's count.

    `status` is booked, already_booked, released or reassigned; `alias` is the name that was
    asked for, if it was an alias. `version` is the booking's, in the count `reset_number`.
    """

    registration_id: str
    supplier: str
    status: str
    capacity_slots: int
    used_slots: int
    version: int
    reset_number: int = 0
    alias: str = ""


class SlotCount(Struct, frozen=True):
    """How many registrations a supplier may hold, and how many it holds."""

    supplier: str
    capacity_slots: int
    used_slots: int

    @property
    def room_slots(self) -> int:
        """How many more fit; never below zero."""
        return max(0, self.capacity_slots - self.used_slots)


class Chosen(Struct, frozen=True):
    """What became of one registration, and why.

    `status` is booked, already_booked, unmatched or invalid; `considered` tells of every supplier
    of the scenario, where that was asked for.
    """

    registration_id: str
    zip_code: str
    status: str
    supplier: str
    reason: str
    capacity_slots: int = 0
    used_slots: int = 0
    considered: tuple[Considered, ...] = ()


Booked = Outcome[BookingState]
