"""The count that a workflow books in: begun from offers and capacity file, and left current."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from application.ledger import Command
from application.suppliers import ScenarioState, Workflows
from domain.errors import Invalid
from domain.suppliers import MatchDetails, SupplierTerms
from domain.suppliers.capacity_files import Count as SupplierCount
from domain.suppliers.capacity_files import capacity_document, printed
from domain.suppliers.offers import digest_of, parse_json, parse_offers
from interfaces.files.counted_file import CountedFile
from interfaces.files.handed_in import InputRefused
from interfaces.files.workflow_files import WorkflowFiles
from interfaces.identity import fresh_id
from interfaces.service import Clock, Service
from projections import supplier_capacity as queries

R = TypeVar("R")

MAX_WHY_CHARACTERS = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class CountAsked:
    """What the caller wants counted, and in whose name."""

    files: WorkflowFiles
    offers_document: bytes
    registration_ids: Sequence[str]
    aliases: Mapping[str, str] | None
    resync: bool
    actor: str
    reason: str
    clock: Clock


@dataclass(frozen=True, slots=True)
class Held:
    """A registration that holds a slot; `new` if this run has booked it."""

    supplier: str
    details: MatchDetails
    new: bool = False


class Count:
    """One count of capacity; what is held, booked now and dealt with grows as the run goes on.

    Whatever is done in it goes through the capacity file's lock: what others wrote there is taken
    over before, and the file is current afterwards.
    """

    def __init__(self, asked: CountAsked) -> None:
        self._asked, self._run_id = asked, fresh_id()
        self._file = CountedFile(asked.files.capacity)
        self._terms = _terms(asked)
        self._check_texts()
        self.line, self.scenario = self._file.line, self._file.scenario
        self.offers: Sequence[Mapping[str, Any]] = ()
        self.supplier_by_alias: Mapping[str, str] = {}
        self.held: dict[str, Held] = {}
        self.booked_now: set[str] = set()
        self.dealt_with: set[str] = set()
        self.messages: list[str] = []

    def meant(self, supplier: str) -> str:
        """Return the supplier meant by a name that may be an alias."""
        return self.supplier_by_alias.get(supplier, supplier)

    def command(self, *, dry_run: bool = False, why: str = "") -> Command:
        """Return a command of this run; all of them are known by one correlation id."""
        asked = self._asked
        return Command(
            actor=asked.actor,
            reason=f"{asked.reason}: {why}" if why else asked.reason,
            command_id=fresh_id(),
            correlation_id=self._run_id,
            at=asked.clock(),
            dry_run=dry_run,
        )

    def _check_texts(self) -> None:
        """Raise InputRefused unless every command of the run can be made."""
        try:
            self.command(why="." * MAX_WHY_CHARACTERS)
        except Invalid as invalid:
            raise InputRefused(*invalid.faults) from None

    async def do(self, work: Callable[[Service], Awaitable[R]]) -> R:
        """Have something done in the ledger, with the capacity file current before and after."""
        return await self._file.do(work, self._first_file)

    async def begin(self) -> None:
        """Publish the offers, begin or go on with the scenario, and see who is booked already."""
        await self.do(self._begin)

    async def _begin(self, service: Service) -> None:
        asked, line = self._asked, self.line
        published = (
            await service.suppliers.publish_offers(
                self.command(), line=line, document=asked.offers_document
            )
        ).result
        await self._set_aliases(service)
        state = await self._go_by(service, published.publication)
        await service.catch_up()
        self.messages.clear()  # it may be done again
        found = await service.read(queries.publication, line=line, publication=state.publication)
        assert found is not None  # the scenario goes by it
        if found.publication.digest != digest_of(asked.offers_document):
            told = (
                "the offers have changed since this scenario began, and it goes on by the earlier"
            )
            self.messages.append(f"{told}; resync=True takes the new ones over")
        self.offers = parse_json(found.document)["SupplierOffers"]
        self.supplier_by_alias = await service.read(queries.aliases, line=line)
        self.held = await self._held_now(service)

    async def _held_now(self, service: Service) -> dict[str, Held]:
        found = await service.read(
            queries.held_matches,
            line=self.line,
            scenario=self.scenario,
            registration_ids=self._asked.registration_ids,
        )
        return {name: _held(match) for name, match in found.items()}

    async def end(self, matched: Mapping[str, str]) -> None:
        """Say of matches, suppliers by registration, which of them others undid meanwhile."""

        async def held(service: Service) -> dict[str, Held]:
            await service.catch_up()
            return await self._held_now(service)

        now = await self.do(held) if matched else {}
        undone = [
            name
            for name, supplier in matched.items()
            if name not in now or now[name].supplier != supplier
        ]
        if undone:
            listed = ", ".join(undone[:5]) + (", ..." if len(undone) > 5 else "")
            told = f"{len(undone)} of the matches hold no slot any more: {listed}"
            self.messages.append(f"{told}; somebody released, moved or reset them meanwhile")

    async def _set_aliases(self, service: Service) -> None:
        if (wanted := self._asked.aliases) is None:
            return
        try:
            await service.suppliers.set_aliases(
                self.command(), line=self.line, supplier_by_alias=wanted
            )
        except Invalid as invalid:
            faults = [(f"/aliases{pointer}", detail) for pointer, detail in invalid.faults]
            raise InputRefused(*faults) from None

    async def _go_by(self, service: Service, publication: int) -> ScenarioState:
        return (
            await Workflows(service.ledger).take_offers(
                self.command(why="newer offers" if self._asked.resync else ""),
                line=self.line,
                scenario=self.scenario,
                publication=publication,
                terms=self._terms,
                resync=self._asked.resync,
            )
        ).result

    def _first_file(self) -> bytes:
        """Return the bytes of a capacity file in which nothing is used yet."""
        counts = [
            SupplierCount(each.supplier, each.capacity_slots, 0, as_imported=False)
            for each in self._terms
        ]
        return printed(capacity_document(counts)).encode()


def _terms(asked: CountAsked) -> tuple[SupplierTerms, ...]:
    try:
        return parse_offers(asked.offers_document)
    except Invalid as invalid:
        path = asked.files.offers
        faults = [(f"/offers_file{at}", f"{path}: {what}") for at, what in invalid.faults]
        raise InputRefused(*faults) from None


def _held(match: queries.Match) -> Held:
    details = MatchDetails(
        zip_code=match.zip_code,
        product_type=match.product_type,
        panel_name=match.panel_name,
        payment_type=match.payment_type,
        num_panels=match.num_panels,
    )
    return Held(match.supplier, details)
