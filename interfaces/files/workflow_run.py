"""One run of a workflow: registration after registration, each with whatever becomes of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from domain.errors import DomainError, Invalid
from domain.suppliers.choosing import Registration
from interfaces.files.asking import one_line
from interfaces.files.handed_in import normalised, shown_id
from interfaces.files.matching import Matching, NotHeld, Outcome
from interfaces.files.pricing import Pricing, PricingFailed
from interfaces.files.products import Products, panels_of
from interfaces.files.result_files import ResultFiles
from interfaces.files.workflow_count import Count, Held
from interfaces.files.workflow_summary import Dealt, Status


@dataclass(frozen=True, slots=True)
class Item:
    """A registration that could be read, its place in the file, and its record."""

    place: int
    registration: Registration
    record: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Unreadable:
    """What stands at a place and cannot be matched, and what is reported of it."""

    place: int
    dealt: Dealt


def read_items(records: Sequence[Any]) -> list[Item | Unreadable]:
    """Return the registrations of a file in its order; a fault of one never stops another."""
    items: list[Item | Unreadable] = []
    first: dict[str, int] = {}
    for place, record in enumerate(records):
        name = shown_id(record)
        if name in first:
            reason = f"stands at /{first[name]} already"
            items.append(Unreadable(place, Dealt(name, "", "repeated", reason=reason)))
            continue
        try:
            registration, plain = normalised(record, place)
        except Invalid as invalid:
            items.append(Unreadable(place, Dealt(name, "", "failed", reason=one_line(invalid))))
        else:
            first[registration.registration_id] = place
            items.append(Item(place, registration, plain))
    return items


@dataclass(slots=True)
class Run:
    """Matches, books and prices; what becomes of each is in `dealt`, and in the result files."""

    count: Count
    matching: Matching
    pricing: Pricing
    products: Products
    results: ResultFiles
    dealt: dict[int, Dealt] = field(default_factory=dict)

    @property
    def matched(self) -> dict[str, str]:
        """Who is matched, and with whom."""
        matched = [each for each in self.dealt.values() if each.status == "matched"]
        return {each.registration_id: each.supplier for each in matched}

    async def all(self, items: Sequence[Item | Unreadable], advance: Callable[[int], None]) -> None:
        """Deal with all of them, in their order."""
        waiting: list[Item] = []
        for item in items:
            if isinstance(item, Unreadable):
                self._keep(item.place, item.dealt, None, [])
                advance(1)
                continue
            waiting.append(item)
            if len(waiting) >= self.matching.chunk:
                await self._deal(waiting, advance)
                waiting = []
        await self._deal(waiting, advance)

    async def _deal(self, items: Sequence[Item], advance: Callable[[int], None]) -> None:
        held = self.count.held
        asked = [each for each in items if each.registration.registration_id not in held]
        found: list[Outcome] = await self.matching.match(asked) if asked else []
        names = [each.registration.registration_id for each in asked]
        outcomes = dict(zip(names, found, strict=True))
        for item in items:
            name = item.registration.registration_id
            self.count.dealt_with.add(name)
            await self._finish(item, outcomes.get(name) or held[name])
            advance(1)

    async def _finish(self, item: Item, outcome: Outcome) -> None:
        registration = item.registration
        name, zip_code = registration.registration_id, registration.zip_code
        if isinstance(outcome, NotHeld):
            status: Status = "unmatched" if outcome.unmatched else "failed"
            dealt = Dealt(name, zip_code, status, reason=one_line(outcome.reason))
            return self._keep(item.place, dealt, None, [])
        match = self._match_row(item, outcome)
        orders = [] if outcome.new else self.results.orders(name, outcome.supplier)
        try:
            orders = orders or await self.pricing.orders(match)
        except PricingFailed as failure:
            return await self._give_back(item, outcome, match, one_line(str(failure)))
        dealt = Dealt(name, zip_code, "matched", outcome.supplier, new=outcome.new)
        self._keep(item.place, dealt, match, orders)

    def _match_row(self, item: Item, held: Held) -> dict[str, Any]:
        details = self.products.filled(held.supplier, held.details, panels_of(item.record))
        names = {
            "registration_id": item.registration.registration_id,
            "supplier_id": held.supplier,
        }
        return names | details

    async def _give_back(self, item: Item, held: Held, match: dict[str, Any], why: str) -> None:
        """Release the slot of a match that a later phase has failed, if this run has booked it."""
        count, registration = self.count, item.registration
        name, zip_code = registration.registration_id, registration.zip_code
        kept = ""
        if not held.new:
            kept = "booked before this run, so its slot is kept"
        else:
            try:
                await count.do(
                    lambda service: service.suppliers.release(
                        count.command(why=why),
                        line=count.line,
                        scenario=count.scenario,
                        registration_id=name,
                    )
                )
            except DomainError as error:
                kept = f"its slot could not be given back: {one_line(error)}"
        count.held.pop(name, None)
        if kept:
            dealt = Dealt(name, zip_code, "failed", held.supplier, f"{why}; {kept}")
            return self._keep(item.place, dealt, match, [])
        dealt = Dealt(name, zip_code, "released", held.supplier, why)
        self._keep(item.place, dealt, None, [])

    def _keep(
        self, place: int, dealt: Dealt, match: dict[str, Any] | None, orders: list[Any]
    ) -> None:
        self.dealt[place] = dealt
        if dealt.status != "repeated":  # the row of the first one stands
            self.results.keep(dealt.stats, match, orders)
