"""What a matcher is shown, and what it may answer: every fault of an answer is named.

An answer is only read here. Whether the supplier exists, serves, offers and has room is decided
where it is booked, on the state of that moment.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from typing import Any

from application.suppliers import Match, SlotCount
from domain.errors import Invalid
from domain.names import name_fault, shown
from domain.suppliers import MatchDetails
from domain.suppliers.choosing import Registration, zip_text
from domain.suppliers.offers import MAX_CAPACITY_SLOTS, parse_json
from interfaces.files.asking import one_line

PAYMENT_TYPES = ("CashPrice", "LoanInstallment")
MAX_ANSWER_CHARACTERS = 1_000_000
_FENCED = re.compile(r"\s*```(?:json)?\s*\n(.*)\n\s*```\s*", re.DOTALL)

Fault = tuple[str, str]


def offers_shown(
    offers: Iterable[Mapping[str, Any]], slots: Sequence[SlotCount]
) -> list[dict[str, Any]]:
    """Return each supplier's offer with what it has left, as the matcher's own copy."""
    by_supplier = {each.supplier: each for each in slots}
    found = []
    for offer in offers:
        if (count := by_supplier.get(offer["SupplierID"])) is None:
            continue  # of a publication that the scenario does not go by
        share = count.used_slots / count.capacity_slots if count.capacity_slots > 0 else 0.0
        found.append(
            deepcopy(dict(offer))
            | {
                "Capacity": count.capacity_slots,
                "Used": count.used_slots,
                "UsedPct": share,  # exact: two decimals would tie 1 of 200 with 3 of 200
                "Room": count.room_slots,
            }
        )
    return found


def answered_records(answer: Any) -> list[Any]:
    """Return the objects of an answer: an object, a list, or JSON text of either. Raises Invalid.

    The answer that nobody fits is null, or an empty list.
    """
    found = _parsed(answer if isinstance(answer, str | bytes) else _as_json(answer))
    if found is None:
        return []
    if isinstance(found, dict | list):
        return found if isinstance(found, list) else [found]
    raise Invalid(("", f"found {shown(found)}, an object, a list of objects or JSON is needed"))


def _as_json(answer: Any) -> str:
    """Return an answer as text, so that whatever it is made of is plain and whole when read."""
    try:
        return json.dumps(answer)
    except (TypeError, ValueError, RecursionError) as error:
        kind = type(answer).__name__
        raise Invalid(("", f"found {kind}, which is no JSON: {one_line(error)}")) from None


def _parsed(text: str | bytes) -> Any:
    if len(text) > MAX_ANSWER_CHARACTERS:
        found = f"found {len(text)} characters"
        raise Invalid(("", f"{found}, at most {MAX_ANSWER_CHARACTERS} are allowed"))
    if isinstance(text, str):
        # A language model likes to put its JSON into a Markdown fence.
        fenced = _FENCED.fullmatch(text)
        text = (fenced[1] if fenced else text).encode(errors="surrogatepass")
    return parse_json(text)


def answered_id(record: Any, asked: Registration) -> str:
    """Return which registration a record is about; the one asked about unless it says so."""
    if not isinstance(record, dict):
        raise Invalid(("", f"found {shown(record)}, an object is needed"))
    found = record.get("registration_id") or record.get("RegistrationNumber")
    if found is None or found == "":
        return asked.registration_id
    if fault := name_fault(found):
        raise Invalid(("/registration_id", fault))
    return str(found)


def answered_match(record: Mapping[str, Any], asked: Registration) -> Match | None:
    """Return the match that a record says; None if it names no supplier. Raises Invalid."""
    supplier = record.get("supplier_id") or record.get("SupplierID")
    if supplier is None or supplier == "":
        return None
    faults: list[Fault] = []
    if fault := name_fault(supplier):
        faults.append(("/supplier_id", fault))
    details = MatchDetails(
        zip_code=_zip_code(record, asked, faults),
        product_type=_product_type(record, asked, faults),
        panel_name=_text(record, "panel_name", faults),
        payment_type=_payment_type(record, faults),
        num_panels=_num_panels(record, faults),
    )
    if faults:
        raise Invalid(*faults)
    return Match(asked.registration_id, str(supplier), details)


def _text(record: Mapping[str, Any], key: str, faults: list[Fault]) -> str:
    value = record.get(key)
    if value is None or value == "":
        return ""
    if fault := name_fault(value):
        faults.append((f"/{key}", fault))
        return ""
    return str(value)


def _zip_code(record: Mapping[str, Any], asked: Registration, faults: list[Fault]) -> str:
    value = record.get("zip_code")
    if value not in (None, "") and zip_text(value) != asked.zip_code:
        detail = f"found {shown(value)}, the registration's is {asked.zip_code}"
        faults.append(("/zip_code", detail))
    return asked.zip_code


def _product_type(record: Mapping[str, Any], asked: Registration, faults: list[Fault]) -> str:
    found = _text(record, "product_type", faults)
    if found and asked.product_type and found != asked.product_type:
        detail = f"found {shown(found)}, the registration asks for {asked.product_type}"
        faults.append(("/product_type", detail))
    return found or asked.product_type


def _payment_type(record: Mapping[str, Any], faults: list[Fault]) -> str:
    found = _text(record, "payment_type", faults)
    if found and found not in PAYMENT_TYPES:
        allowed = ", ".join(PAYMENT_TYPES)
        faults.append(("/payment_type", f"found {shown(found)}, allowed are {allowed}"))
    return found


def _num_panels(record: Mapping[str, Any], faults: list[Fault]) -> int | None:
    value = record.get("num_panels")
    if value is None:
        return None
    whole = isinstance(value, int) and not isinstance(value, bool)
    if whole and 0 <= value <= MAX_CAPACITY_SLOTS:
        return int(value)
    detail = f"found {shown(value)}, a whole number from 0 to {MAX_CAPACITY_SLOTS} is needed"
    faults.append(("/num_panels", detail))
    return None
