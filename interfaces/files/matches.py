"""Match data as the drop-in functions take it: JSON text, one object, or a list of objects."""

import json
from typing import Any

from application.suppliers import Match
from domain.names import name_fault, shown
from domain.suppliers import MatchDetails
from interfaces.files.errors import MatchInvalid, NotCounted

# The original's workflow calls every registration without an id so, however many there are.
_NO_REGISTRATION = "unknown"


def last_match(match_data: object) -> dict[str, Any]:
    """Return the match that counts: the last one of a list. Raises MatchInvalid."""
    if isinstance(match_data, str):
        try:
            match_data = json.loads(match_data)
        except (ValueError, RecursionError):
            raise MatchInvalid("Invalid JSON string provided for match_data") from None
    if isinstance(match_data, dict):
        match_data = [match_data]
    if not isinstance(match_data, list) or not all(isinstance(each, dict) for each in match_data):
        raise MatchInvalid("match_data must be a dictionary or list of dictionaries")
    if not match_data:
        raise MatchInvalid("match_data: found an empty list, at least one match is needed")
    _registration_id(match_data[-1])
    found: dict[str, Any] = match_data[-1]
    return found


def read_match(match: dict[str, Any]) -> Match:
    """Return a match as it is booked. Raises MatchInvalid, and NotCounted for no possible name."""
    supplier = match.get("supplier_id") or match.get("SupplierID")
    if not supplier:
        raise MatchInvalid(f"Match missing both supplier_id and SupplierID: {match}")
    if name_fault(supplier):
        raise not_found(supplier)
    return Match(_registration_id(match), supplier, _details(match))


def not_found(supplier: object) -> NotCounted:
    """Return what is raised for a supplier that the capacity file does not have."""
    return NotCounted(f"SupplierID {supplier} not found in capacity data")


def _registration_id(match: dict[str, Any]) -> str:
    """Return the registration's id, empty where the match has none: then it counts each time."""
    found = match.get("registration_id")
    if found in (None, "", _NO_REGISTRATION):
        return ""
    if isinstance(found, int) and not isinstance(found, bool):
        found = str(found)
    if fault := name_fault(found):
        raise MatchInvalid(f"match_data: registration_id: {fault}; got {shown(match)}")
    assert isinstance(found, str)
    return found


def _details(match: dict[str, Any]) -> MatchDetails:
    """Return what else the match says; what is not text (or a number of panels) is passed over."""
    texts = {
        key: match[key]
        for key in ("zip_code", "product_type", "panel_name", "payment_type")
        if not name_fault(match.get(key))
    }
    panels = match.get("num_panels")
    whole = isinstance(panels, int) and not isinstance(panels, bool) and abs(panels) < 2**63
    return MatchDetails(**texts, num_panels=panels if whole else None)
