"""Who chooses the supplier of a registration: the rule, many at once, or a matcher, one by one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from application.suppliers import BookingState, Chosen, Match, Workflows
from domain.errors import DomainError, Invalid
from domain.suppliers import MatchDetails, ScenarioNotFound
from domain.suppliers.choosing import Registration
from interfaces.files.asking import Asked, NoAnswer, ask
from interfaces.files.matcher_answers import (
    answered_id,
    answered_match,
    answered_records,
    offers_shown,
)
from interfaces.files.products import Products
from interfaces.files.workflow_count import Count, Held
from interfaces.service import Service

RULE_CHUNK = 500


class Item(Protocol):
    """A registration of the run, and its record as a matcher gets it."""

    @property
    def registration(self) -> Registration:
        """Who wants a supplier."""

    @property
    def record(self) -> dict[str, Any]:
        """Everything that the file says of it."""


@dataclass(frozen=True, slots=True)
class NotHeld:
    """A registration that holds none: `unmatched` where nobody fits, else something failed."""

    reason: str
    unmatched: bool = False


Outcome = Held | NotHeld


class Matching(Protocol):
    """Finds a supplier for each of some registrations, and books it."""

    chunk: int

    async def match(self, items: Sequence[Item]) -> list[Outcome]:
        """Return what became of each, in their order."""


class ByRule:
    """The choosing rule: among those that serve, offer and have room, the least used."""

    def __init__(self, count: Count, *, chunk: int = RULE_CHUNK) -> None:
        self._count, self.chunk = count, chunk

    async def match(self, items: Sequence[Item]) -> list[Outcome]:
        """Book all of them in one transaction, each decided for itself."""
        count = self._count
        records = [_plain_record(each.registration) for each in items]

        async def chosen(service: Service) -> list[Chosen | Exception]:
            outcome = await service.suppliers.choose(
                count.command(), line=count.line, scenario=count.scenario, records=records
            )
            _remember_booked(count, outcome.result)
            return outcome.result

        pairs = zip(items, await count.do(chosen), strict=True)
        return [_chosen(count, each.registration, result) for each, result in pairs]


def _remember_booked(count: Count, results: Sequence[object]) -> None:
    """Note who was booked, for when it is done again and found booked already."""
    for each in results:
        if isinstance(each, Chosen | BookingState) and each.status == "booked":
            count.booked_now.add(each.registration_id)


def _plain_record(registration: Registration) -> dict[str, str]:
    return {
        "registration_id": registration.registration_id,
        "zip_code": registration.zip_code,
        "product_type": registration.product_type,
    }


def _chosen(count: Count, registration: Registration, result: Chosen | Exception) -> Outcome:
    if isinstance(result, ScenarioNotFound) or not isinstance(result, Chosen | DomainError):
        raise result  # it would be the same for every other
    if isinstance(result, DomainError):
        return NotHeld(str(result))
    if not result.supplier:
        return NotHeld(result.reason, unmatched=result.status == "unmatched")
    details = MatchDetails(zip_code=registration.zip_code, product_type=registration.product_type)
    return Held(result.supplier, details, new=result.registration_id in count.booked_now)


class ByMatcher:
    """A callable of the caller's own; whatever it answers is checked before it is booked."""

    chunk = 1

    def __init__(
        self,
        count: Count,
        matcher: Asked,
        *,
        timeout_seconds: float,
        registrations: Mapping[str, Registration],
        products: Products,
    ) -> None:
        self._count, self._matcher, self._timeout_seconds = count, matcher, timeout_seconds
        self._registrations, self._products = registrations, products

    async def match(self, items: Sequence[Item]) -> list[Outcome]:
        """Ask about each, and book what is answered."""
        return [await self._match(each) for each in items]

    async def _match(self, item: Item) -> Outcome:
        asked = item.registration
        try:
            answer = await self._ask(item)
            matches = self._read(asked, answered_records(answer))
        except NoAnswer as error:
            return NotHeld(str(error))
        except Invalid as invalid:
            return NotHeld(f"the matcher answered what cannot be used: {invalid}")
        own = matches.pop(asked.registration_id, None)
        outcome = self._unnamed(matches) if own is None else await self._book(asked, own)
        for registration_id, match in matches.items():
            await self._book_another(asked, registration_id, match)
        return outcome

    def _unnamed(self, matches: Mapping[str, Match | Invalid]) -> Outcome:
        strangers = [name for name in matches if name not in self._registrations]
        if strangers:
            return NotHeld(f"the matcher answered for {strangers[0]}, which is not in this run")
        return NotHeld("the matcher named no supplier for it", unmatched=True)

    async def _ask(self, item: Item) -> Any:
        count = self._count
        slots = await count.do(
            lambda service: Workflows(service.ledger).slots(
                count.command(dry_run=True), line=count.line, scenario=count.scenario
            )
        )
        # Copies: whatever the matcher does to them, the next registration gets fresh ones.
        shown = dict(item.record), offers_shown(count.offers, slots)
        return await ask(
            self._matcher, *shown, called="matcher", timeout_seconds=self._timeout_seconds
        )

    def _read(self, asked: Registration, records: Sequence[Any]) -> dict[str, Match | Invalid]:
        """Return what is answered of each registration.

        Raises Invalid if the part about the one asked about cannot be used.
        """
        found: dict[str, Match | Invalid] = {}
        for record in records:
            name = answered_id(record, asked)
            try:
                if (about := self._registrations.get(name)) is None:
                    raise Invalid(("/registration_id", f"found {name}, which is not in this run"))
                match = answered_match(record, about)
            except Invalid as invalid:
                if name == asked.registration_id:
                    raise
                found[name] = invalid
                continue
            if match is not None:
                found[name] = self._one(found.get(name), match)
        return found

    def _one(self, known: Match | Invalid | None, match: Match) -> Match | Invalid:
        """Return the one match that two answers about a registration come to. Raises Invalid."""
        if not isinstance(known, Match):
            return known or match
        if self._count.meant(known.supplier) != self._count.meant(match.supplier):
            named = f"{known.supplier} and {match.supplier}"
            raise Invalid(("", f"found two suppliers for {match.registration_id}: {named}"))
        return known

    async def _book(self, about: Registration, match: Match | Invalid) -> Outcome:
        if isinstance(match, Invalid):
            return NotHeld(str(match))
        count = self._count
        try:
            self._products.check(count.meant(match.supplier), match.details)
            booked: BookingState = await count.do(
                lambda service: self._booked(service, about, match)
            )
        except DomainError as error:
            return NotHeld(str(error))
        return Held(booked.supplier, match.details, new=booked.registration_id in count.booked_now)

    async def _booked(self, service: Service, about: Registration, match: Match) -> BookingState:
        count = self._count
        outcome = await Workflows(service.ledger).book_checked(
            count.command(),
            line=count.line,
            scenario=count.scenario,
            registration=about,
            match=match,
        )
        _remember_booked(count, [outcome.result])
        return outcome.result

    async def _book_another(
        self, asked: Registration, registration_id: str, match: Match | Invalid
    ) -> None:
        """Book what an answer says of a registration that was not asked about, if its turn comes.

        What was dealt with before is not booked again: an answer may hold what is long past.
        """
        count, about = self._count, self._registrations.get(registration_id, asked)
        if registration_id in count.dealt_with or registration_id in count.held:
            return
        outcome = await self._book(about, match)  # a stranger's match is an Invalid
        if isinstance(outcome, Held):
            count.held[registration_id] = outcome
            return
        told = f"the answer for {asked.registration_id} also names {registration_id}"
        count.messages.append(f"{told}, which was not booked: {outcome.reason}")
