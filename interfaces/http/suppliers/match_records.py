"""A match as people write it: in our own names or in the original's, every fault of it named."""

from typing import Any

from application.suppliers import Match
from domain.errors import Invalid
from domain.names import name_fault, shown
from domain.suppliers import MatchDetails
from domain.suppliers.choosing import zip_text
from domain.suppliers.offers import MAX_CAPACITY_SLOTS
from interfaces.http.asked import unknown_fields

_TEXTS = ("product_type", "panel_name", "payment_type")
_FIELDS = (
    "registration_id",
    "RegistrationNumber",
    "supplier_id",
    "SupplierID",
    "zip_code",
    "num_panels",
    *_TEXTS,
)
_PLAIN = frozenset(("registration_id", "supplier_id"))
_NO_DETAILS = MatchDetails()


def read_match(record: Any) -> Match:
    """Return the match that a JSON value says. Raises Invalid naming every fault.

    Of two names for the same thing the first counts that says something, our own before.
    """
    if not isinstance(record, dict):
        raise Invalid(("", f"found {shown(record)}, an object is needed"))
    faults = unknown_fields(record, _FIELDS)
    registration_id = _either(record, "registration_id", "RegistrationNumber", faults)
    supplier = _either(record, "supplier_id", "SupplierID", faults)
    details = _NO_DETAILS if record.keys() <= _PLAIN else _details(record, faults)
    if faults:
        raise Invalid(*faults)
    return Match(registration_id, supplier, details)


def match_schema() -> dict[str, Any]:
    """Return the JSON schema of a match."""
    name = {"type": "string", "minLength": 1, "maxLength": 200}
    text = {"type": ["string", "null"], "maxLength": 200}
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "registration_id": name,
            "RegistrationNumber": name,
            "supplier_id": name,
            "SupplierID": name,
            "zip_code": {"type": ["string", "integer", "null"]},
            "num_panels": {
                "type": ["integer", "null"],
                "minimum": 0,
                "maximum": MAX_CAPACITY_SLOTS,
            },
            **dict.fromkeys(_TEXTS, text),
        },
        "allOf": [
            {"anyOf": [{"required": ["registration_id"]}, {"required": ["RegistrationNumber"]}]},
            {"anyOf": [{"required": ["supplier_id"]}, {"required": ["SupplierID"]}]},
        ],
        "example": {"registration_id": "SPUS63956", "supplier_id": "iSoalr", "zip_code": "55447"},
    }


def _either(record: dict[str, Any], ours: str, original: str, faults: list[tuple[str, str]]) -> str:
    key = ours if record.get(ours) or original not in record else original
    value = record.get(key)
    if fault := name_fault(value):
        faults.append((f"/{key}", fault))
        return ""
    assert isinstance(value, str)
    return value


def _details(record: dict[str, Any], faults: list[tuple[str, str]]) -> MatchDetails:
    texts = {}
    for key in _TEXTS:
        value = record.get(key)
        if value in (None, ""):
            continue
        if fault := name_fault(value):
            faults.append((f"/{key}", fault))
        texts[key] = value
    zip_code = record.get("zip_code")
    if zip_code in (None, ""):
        zip_code = ""
    elif not (text := zip_text(zip_code)):
        detail = f"found {shown(zip_code)}, a zip code of five digits is needed"
        faults.append(("/zip_code", detail))
    else:
        zip_code = text
    panels = record.get("num_panels")
    if panels is not None and (
        isinstance(panels, bool)
        or not isinstance(panels, int)
        or not 0 <= panels <= MAX_CAPACITY_SLOTS
    ):
        detail = f"found {shown(panels)}, a whole number from 0 to {MAX_CAPACITY_SLOTS} is needed"
        faults.append(("/num_panels", detail))
    if faults:
        return _NO_DETAILS
    return MatchDetails(zip_code=zip_code, num_panels=panels, **texts)
