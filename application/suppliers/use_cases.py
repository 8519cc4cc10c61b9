"""What people do with supplier capacity: publish offers, open scenarios, book, release, reset."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from uuid import UUID

from application.ledger import Command, Ledger, Outcome, UnitOfWork
from application.suppliers import imports, openings, steps
from application.suppliers.results import (
    AliasesSet,
    Booked,
    BookingState,
    Chosen,
    Imported,
    Match,
    Published,
    ScenarioState,
)
from domain.errors import Invalid
from domain.names import check_file_name, check_name
from domain.suppliers import (
    Offers,
    Scenario,
    ScenarioNotFound,
    SupplierAliases,
    SupplierCapacity,
    SupplierNotFound,
)
from domain.suppliers.aliases import check_suppliers
from domain.suppliers.capacity_files import ImportedFile
from domain.suppliers.choosing import ServiceIndex
from domain.suppliers.file_claims import file_of
from domain.suppliers.offers import prepare_offers
from domain.versions import Seen


class Suppliers:
    """The use cases of the supplier context; each loads, decides and saves through the ledger.

    `expected` is what the caller saw: OtherVersion is raised unless it stands when it is decided.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._indexes: dict[UUID, ServiceIndex] = {}

    # Offers and aliases.

    async def publish_offers(
        self, command: Command, *, line: str, document: bytes
    ) -> Outcome[Published]:
        """Publish an offers document for a business line. Raises Invalid naming every fault."""
        check_file_name("line", line)
        # In a thread, because decisions hold up everybody and a document may have megabytes.
        prepared = await asyncio.to_thread(prepare_offers, document)

        def decide(work: UnitOfWork) -> Published:
            offers = work.get(Offers, Offers.identity(line))
            new = offers.publish_prepared(line, prepared)
            return Published(line, offers.publication, offers.digest, new)

        return await self._ledger.execute(command, decide)

    async def set_aliases(
        self,
        command: Command,
        *,
        line: str,
        supplier_by_alias: Mapping[str, str],
        expected: Seen | None = None,
    ) -> Outcome[AliasesSet]:
        """Replace the aliases of a business line. Raises LineNotFound and Invalid."""
        await self._read_newest_offers(line)

        def decide(work: UnitOfWork) -> AliasesSet:
            offers = steps.published_offers(work, line)
            aliases = work.get(SupplierAliases, SupplierAliases.identity(line))
            if expected is not None:
                expected.check(aliases, subject=f"Aliases of {line}")
            changed = aliases.set(line, dict(supplier_by_alias))
            if changed:
                check_suppliers(supplier_by_alias, {each.supplier for each in offers.terms})
            return AliasesSet(line, dict(aliases.supplier_by_alias), changed, aliases.version)

        return await self._ledger.execute(command, decide)

    async def _read_newest_offers(self, line: str) -> None:
        """Read the newest offers in a thread, so that a decision finds them read."""
        offers = await self._ledger.newest(Offers, Offers.identity(line))
        if offers.exists:
            with suppress(Invalid):  # for the decision to say, if it needs them
                await asyncio.to_thread(lambda: offers.terms)

    # Scenarios.

    async def open_scenario(
        self,
        command: Command,
        *,
        line: str,
        scenario: str,
        capacity_file: str = "",
        real_file: str = "",
    ) -> Outcome[ScenarioState]:
        """Open a scenario from the newest offers; `capacity_file` is empty for the default path.

        `real_file` is what the file is known by where links lead to it, if the caller has looked.
        Raises OpenedElsewhere and CapacityFileTaken.
        """
        check_file_name("scenario", scenario)
        file = real_file or file_of(line, scenario, capacity_file)
        await self._read_newest_offers(line)
        decide = openings.open_scenario(line, scenario, capacity_file, file=file)
        return await self._ledger.execute(command, decide)

    async def resync(
        self, command: Command, *, line: str, scenario: str, expected: Seen | None = None
    ) -> Outcome[ScenarioState]:
        """Take over the newest offers; what is used stays, also where it is over capacity now."""
        await self._read_newest_offers(line)

        def decide(work: UnitOfWork) -> ScenarioState:
            offers = steps.published_offers(work, line)
            state = steps.open_scenario(work, line, scenario, expected=expected)
            changed = state.resync(offers.publication, offers.terms)
            if changed:
                steps.resync_capacities(work, state)
            return steps.scenario_state(state, changed=changed)

        return await self._ledger.execute(command, decide)

    async def reset(
        self, command: Command, *, line: str, scenario: str, expected: Seen | None = None
    ) -> Outcome[ScenarioState]:
        """Begin a new count from zero; the history keeps the one before."""

        def decide(work: UnitOfWork) -> ScenarioState:
            state = steps.open_scenario(work, line, scenario, expected=expected)
            state.reset()
            for capacity in steps.supplier_capacities(work, state, state.terms):
                capacity.clear(state.reset_number)
            return steps.scenario_state(state, changed=True)

        return await self._ledger.execute(command, decide)

    async def import_capacity_file(
        self,
        command: Command,
        *,
        line: str,
        scenario: str,
        imported: ImportedFile,
        capacity_file: str = "",
        real_file: str = "",
        afresh: bool = False,
    ) -> Outcome[Imported]:
        """Count on from a capacity file, opening the scenario if need be; quiet if both agree.

        `afresh`: begin a new count in any case; `real_file` as in `open_scenario`. Raises
        OpenedElsewhere and CapacityFileTaken.
        """
        decide = imports.import_file(
            line, scenario, imported, capacity_file, real_file=real_file, afresh=afresh
        )
        return await self._ledger.execute(command, decide)

    # Bookings.

    async def count(
        self, command: Command, *, line: str, scenario: str, match: Match, slot_id: UUID
    ) -> Outcome[None]:
        """Take a slot: once for a registration that has an id, at each call for one without.

        Raises BookedElsewhere, CapacityExceeded and SupplierNotFound.
        """
        decide = imports.count(line, scenario, match, slot_id)
        return await self._ledger.execute(command, decide)

    async def book(self, command: Command, *, line: str, scenario: str, match: Match) -> Booked:
        """Book one registration with one supplier, once; the same again is quiet."""
        return await self._ledger.execute(command, steps.book(line, scenario, match))

    async def book_all(
        self, command: Command, *, line: str, scenario: str, matches: Sequence[Match | Invalid]
    ) -> Outcome[list[BookingState | Exception]]:
        """Book several registrations, each decided for itself, stored together.

        What could not be read as a match stands among them as the Invalid that says why.
        """
        decisions = [
            steps.book(line, scenario, match)
            if isinstance(match, Match)
            else steps.refuse(line, scenario, match)
            for match in matches
        ]
        return await self._ledger.execute_all(command, decisions)

    async def release(
        self,
        command: Command,
        *,
        line: str,
        scenario: str,
        registration_id: str,
        expected: Seen | None = None,
    ) -> Booked:
        """Give back the slot of a registration. Raises BookingNotFound."""
        check_name("registration_id", registration_id)

        def decide(work: UnitOfWork) -> BookingState:
            booking = steps.held_booking(work, line, scenario, registration_id, expected=expected)
            supplier = booking.supplier
            capacity = steps.supplier_capacity(work, line, scenario, supplier)
            capacity.release_slot(booking.id, registration_id)
            booking.release()
            return steps.booking_state(booking, "released", capacity)

        return await self._ledger.execute(command, decide)

    async def reassign(
        self,
        command: Command,
        *,
        line: str,
        scenario: str,
        registration_id: str,
        supplier: str,
        expected: Seen | None = None,
    ) -> Booked:
        """Move a registration to another supplier; refused when that one is full."""
        check_name("registration_id", registration_id)
        check_name("supplier_id", supplier)

        def decide(work: UnitOfWork) -> BookingState:
            booking = steps.held_booking(work, line, scenario, registration_id, expected=expected)
            name, alias = steps.meant(work, line, supplier)
            to = steps.supplier_capacity(work, line, scenario, name)
            held_by = steps.supplier_capacity(work, line, scenario, booking.supplier)
            if not booking.reassign(name, alias):
                return steps.booking_state(booking, "already_booked", to, alias)
            to.book_slot(booking.id, registration_id)
            held_by.release_slot(booking.id, registration_id)
            return steps.booking_state(booking, "reassigned", to, alias)

        return await self._ledger.execute(command, decide)

    async def choose(
        self,
        command: Command,
        *,
        line: str,
        scenario: str,
        records: Sequence[object],
        explained: bool = False,
    ) -> Outcome[list[Chosen | Exception]]:
        """Book each registration with the supplier that the rule chooses, stored together.

        A record is a registration in the original's or our own names. `explained` adds what was
        seen of every supplier to each answer.
        """
        decisions = [
            steps.choose_and_book(
                line, scenario, record, index_of=self._index_of, explained=explained
            )
            for record in records
        ]
        return await self._ledger.execute_all(command, decisions)

    def _index_of(self, state: Scenario) -> ServiceIndex:
        """Return who serves what in a scenario, made once for each change of its terms."""
        index = self._indexes.get(state.id)
        if index is None or index.terms is not state.terms:
            index = self._indexes[state.id] = ServiceIndex(state.terms)
        return index

    # History.

    async def supplier_id(
        self, *, line: str, scenario: str, supplier: str, up_to: int | None = None
    ) -> UUID:
        """Return the id of one supplier's count.

        Raises ScenarioNotFound and SupplierNotFound, also for what did not exist yet at `up_to`.
        """
        if not await self._born(Scenario.identity(line, scenario), up_to):
            raise ScenarioNotFound(line, scenario)
        identity = SupplierCapacity.identity(line, scenario, supplier)
        if not await self._born(identity, up_to):
            raise SupplierNotFound(line, scenario, supplier)
        return identity

    async def _born(self, aggregate_id: UUID, up_to: int | None) -> bool:
        first = await self._ledger.store.events(aggregate_id, after_version=0, limit=1)
        return bool(first) and (up_to is None or first[0].position <= up_to)
