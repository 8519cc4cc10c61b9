"""Which supplier gets a registration: among those that serve, offer and have room, the least used.

Least used means the lowest exact Used / Capacity, then the larger room, then the name. Two decimals
would tie 1 of 200 with 3 of 200, so shares are compared as integers, cross-multiplied.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from msgspec import Struct

from domain.errors import Invalid
from domain.names import name_fault, shown
from domain.suppliers.offers import SupplierTerms, is_zip_code


class Registration(Struct, frozen=True):
    """Somebody who wants a supplier; an empty product type asks for none in particular."""

    registration_id: str
    zip_code: str
    product_type: str = ""


class Considered(Struct, frozen=True):
    """What was seen of one supplier, and why it was eligible or not."""

    supplier: str
    used_slots: int
    capacity_slots: int
    eligible: bool
    reason: str


class Choice(Struct, frozen=True):
    """The supplier chosen, or an empty text; `considered` is filled by `explain` alone."""

    supplier: str
    reason: str
    considered: tuple[Considered, ...] = ()


class Slots(Protocol):
    """What a choice must know of a supplier; the aggregate SupplierCapacity answers it."""

    @property
    def used_slots(self) -> int:
        """How many registrations it holds."""

    @property
    def capacity_slots(self) -> int:
        """How many it may hold."""


class ServiceIndex:
    """Who serves which zip code with which product; built once from the terms of a scenario.

    A choice then looks only at suppliers that serve its zip code.
    """

    def __init__(self, terms: tuple[SupplierTerms, ...]) -> None:
        self.terms = terms
        serving: dict[str, list[SupplierTerms]] = {}
        for each in terms:
            for zip_code in dict.fromkeys(each.service_areas):
                serving.setdefault(zip_code, []).append(each)
        self._serving = {zip_code: tuple(found) for zip_code, found in serving.items()}
        self._offering: dict[tuple[str, str], tuple[str, ...]] = {}

    def serves(self, zip_code: str) -> bool:
        """Whether anybody serves this zip code."""
        return zip_code in self._serving

    def suppliers(self, zip_code: str, product_type: str = "") -> tuple[str, ...]:
        """Return who serves the zip code and offers the product, in the order of the terms."""
        key = (zip_code, product_type)
        found = self._offering.get(key)
        if found is None:
            serving = self._serving.get(zip_code, ())
            found = tuple(each.supplier for each in serving if _offers(each, product_type))
            if found:  # what nobody serves may be asked for in endless spellings
                self._offering[key] = found
        return found


def choose(
    registration: Registration, *, index: ServiceIndex, slots: Mapping[str, Slots]
) -> Choice:
    """Choose a supplier by the counts in `slots`, which names every supplier of the terms."""
    best = ""
    best_used = best_capacity = eligible = 0
    candidates = index.suppliers(registration.zip_code, registration.product_type)
    for supplier in candidates:
        used, capacity = slots[supplier].used_slots, slots[supplier].capacity_slots
        if used >= capacity:
            continue
        eligible += 1
        # Capacity is above zero here, on both sides: who has room has capacity.
        ours, theirs = used * best_capacity, best_used * capacity
        if not best or (ours, best_capacity - best_used, supplier) < (
            theirs,
            capacity - used,
            best,
        ):
            best, best_used, best_capacity = supplier, used, capacity
    if best:
        return Choice(best, f"least used of {eligible} eligible: {best_used} of {best_capacity}")
    return Choice("", _why_nobody(registration, index, candidates))


def explain(
    registration: Registration, *, index: ServiceIndex, slots: Mapping[str, Slots]
) -> Choice:
    """Choose, and say of every supplier of the scenario why it was or was not the one."""
    choice = choose(registration, index=index, slots=slots)
    considered = tuple(
        _considered(each, registration, choice.supplier, slots) for each in index.terms
    )
    return Choice(choice.supplier, choice.reason, considered)


def _offers(terms: SupplierTerms, product_type: str) -> bool:
    return not product_type or product_type in terms.product_types


def _why_nobody(
    registration: Registration, index: ServiceIndex, candidates: tuple[str, ...]
) -> str:
    zip_code, product_type = registration.zip_code, registration.product_type
    if not index.serves(zip_code):
        return f"no supplier serves {zip_code}"
    if not candidates:
        return f"no supplier that serves {zip_code} offers {product_type}"
    offering = f" and offers {product_type}" if product_type else ""
    return f"every supplier that serves {zip_code}{offering} is full"


def _considered(
    terms: SupplierTerms, registration: Registration, chosen: str, slots: Mapping[str, Slots]
) -> Considered:
    used, capacity = slots[terms.supplier].used_slots, slots[terms.supplier].capacity_slots
    eligible = False
    if registration.zip_code not in terms.service_areas:
        reason = f"does not serve {registration.zip_code}"
    elif not _offers(terms, registration.product_type):
        reason = f"does not offer {registration.product_type}"
    elif used > capacity:
        reason = f"overbooked by {used - capacity}: {used} of {capacity} used"
    elif used == capacity:
        reason = f"full: {used} of {capacity} used"
    else:
        eligible = True
        reason = _why_eligible(terms.supplier, used, capacity, chosen, slots[chosen])
    return Considered(terms.supplier, used, capacity, eligible, reason)


def _why_eligible(supplier: str, used: int, capacity: int, chosen: str, best: Slots) -> str:
    seen = f"{used} of {capacity} used"
    if supplier == chosen:
        return f"chosen: {seen}"
    if used * best.capacity_slots != best.used_slots * capacity:
        return f"{seen}: a larger share than {chosen}"
    if capacity - used != best.capacity_slots - best.used_slots:
        return f"{seen}: the same share as {chosen}, with less room"
    return f"{seen}: the same share and room as {chosen}, which comes first by name"


# Reading a registration as people hand it in.


def read_registration(record: object, *, pointer: str = "") -> Registration:
    """Return the registration that a record holds; its other columns may be anything.

    `pointer` is where the record stands in what was handed in. Raises Invalid naming every fault.
    """
    if not isinstance(record, Mapping):
        raise Invalid((pointer, f"found {shown(record)}, an object is needed"))
    faults: list[tuple[str, str]] = []

    def name(keys: Iterable[str]) -> str:
        key, value = _first_of(record, keys)
        if fault := name_fault(value):
            faults.append((f"{pointer}/{key}", fault))
        return value if isinstance(value, str) else ""

    registration_id = name(("registration_id", "RegistrationNumber"))
    key, value = _first_of(record, ("zip_code", "Contact_Zip"))
    zip_code = zip_text(value)
    if not zip_code:
        detail = f"found {shown(value)}, a zip code of five digits is needed"
        faults.append((f"{pointer}/{key}", detail))
    product_type = "" if record.get("product_type") in (None, "") else name(("product_type",))
    if faults:
        raise Invalid(*faults)
    return Registration(registration_id, zip_code, product_type)


def zip_text(value: object) -> str:
    """Return a zip code as five digits of text, or the empty text if it is none.

    A CSV reader makes 2134 or 2134.0 of the zip code 02134.
    """
    if isinstance(value, str):
        return value if is_zip_code(value) else ""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return ""
    if not 0 <= value <= 99_999 or value != int(value):
        return ""
    return f"{int(value):05d}"


def _first_of(record: Mapping[Any, Any], keys: Iterable[str]) -> tuple[str, Any]:
    """Return the first key that says something, with its value; else the first key and None."""
    first = ""
    for key in keys:
        first = first or key
        if record.get(key) not in (None, ""):
            return key, record[key]
    return first, None
