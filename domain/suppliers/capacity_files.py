"""Capacity files: what one says, read strictly, and what the ledger says in its place.

A file that holds more than the four fields of each supplier, or has them in another order, is kept
as a pattern: what the ledger counts stands in it where it stood, and the rest stays as it was.
"""

import json
import zlib
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from msgspec import Struct

from domain.errors import Invalid
from domain.names import name_fault, shown
from domain.suppliers.offers import (
    MAX_SUPPLIERS,
    capacity_fault,
    digest_of,
    parse_json,
)

Document = dict[str, Any]


class ImportedUsage(Struct, frozen=True, forbid_unknown_fields=True):
    """One supplier's count as a file has it; more may be used than there is."""

    supplier: str
    capacity_slots: int
    used_slots: int


class ImportedFile(Struct, frozen=True):
    """A capacity file that was read and found without fault; suppliers in the file's order."""

    sha256: str
    usages: tuple[ImportedUsage, ...]
    pattern_deflated: bytes  # empty where four plain fields of each supplier say everything
    text: str  # the whole document as `printed` has it, to compare with


class Count(NamedTuple):
    """One supplier's count as the ledger has it."""

    supplier: str
    capacity_slots: int
    used_slots: int
    as_imported: bool


def used_share(used_slots: int, capacity_slots: int) -> float:
    """Return UsedPct: two decimals, and 0.0 where there is no capacity."""
    return round(used_slots / capacity_slots, 2) if capacity_slots > 0 else 0.0


def capacity_document(counts: Iterable[Count], pattern_deflated: bytes = b"") -> Document:
    """Return a capacity file's document: the pattern's order first, then that of the counts."""
    counted = {each.supplier: each for each in counts}
    document: Document = {}
    if pattern_deflated:
        for key, record in json.loads(zlib.decompress(pattern_deflated)).items():
            if not isinstance(record, dict):
                document[key] = record
            elif (count := counted.get(key)) is not None:
                document[key] = record if count.as_imported else record | _fields(count)
    for supplier, count in counted.items():
        if supplier not in document:
            document[supplier] = {"SupplierID": supplier, **_fields(count)}
    return document


def _fields(count: Count) -> Document:
    return {
        "Capacity": count.capacity_slots,
        "Used": count.used_slots,
        "UsedPct": used_share(count.used_slots, count.capacity_slots),
    }


def printed(document: Mapping[str, Any]) -> str:
    """Return the text of a capacity file: indented, ASCII, without a newline at the end."""
    return json.dumps(document, indent=2)


# Reading a file: every fault is found before anything is recorded.


def read_capacity_file(content: bytes) -> ImportedFile:
    """Return what a capacity file says. Raises Invalid naming every fault by its place."""
    document = _object(content)
    faults: list[tuple[str, str]] = []
    usages: list[tuple[str, Any, Any]] = []
    for supplier, record in document.items():
        # What is no record stays where it is; nothing can be booked with it.
        if isinstance(record, dict):
            faults += _faults(supplier, record)
            usages.append((supplier, record.get("Capacity"), record.get("Used")))
    if len(usages) > MAX_SUPPLIERS:
        faults.insert(
            0, ("", f"found {len(usages)} suppliers, at most {MAX_SUPPLIERS} are allowed")
        )
    if faults:
        raise Invalid(*faults[:100])
    return _imported(digest_of(content), document, tuple(ImportedUsage(*each) for each in usages))


def _object(content: bytes) -> Document:
    if not content.strip():
        raise Invalid(("", "the file is empty, a JSON object is needed"))
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        raise Invalid(("", f"byte {error.start} is not UTF-8")) from None
    document = parse_json(text)
    if not isinstance(document, dict):
        raise Invalid(("", f"found {shown(document)}, an object keyed by SupplierID is needed"))
    return document


def _imported(sha256: str, document: Document, usages: tuple[ImportedUsage, ...]) -> ImportedFile:
    text = printed(document)
    plain = capacity_document(
        Count(each.supplier, each.capacity_slots, each.used_slots, False) for each in usages
    )
    pattern = b"" if printed(plain) == text else zlib.compress(json.dumps(document).encode())
    return ImportedFile(sha256, usages, pattern, text)


def _faults(supplier: str, record: Mapping[str, Any]) -> list[tuple[str, str]]:
    found = []
    if fault := name_fault(supplier):
        found.append((f"/{supplier[:40]}", fault))
    for key in ("Capacity", "Used"):
        missing = "missing; a whole number of registrations is needed"
        if fault := capacity_fault(record[key]) if key in record else missing:
            found.append((f"/{supplier}/{key}", fault))
    return found
