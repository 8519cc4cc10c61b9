"""Offers: what the suppliers of one business line offer, published whole and never changed.

A published document is kept as it was handed in; a new document is a new publication.
"""

import json
import zlib
from functools import lru_cache
from hashlib import sha256
from typing import Any
from uuid import UUID

from msgspec import Struct

from domain.aggregate import Aggregate, Event, evolves
from domain.errors import Invalid, NotFound
from domain.identity import identity
from domain.json_faults import json_faults_named
from domain.names import name_fault, shown

MAX_CAPACITY_SLOTS = 2**63 - 1  # what both stores can hold in one integer column
MAX_SUPPLIERS = 10_000
PUBLICATIONS_KEPT_READ = 4  # 10 000 suppliers with 100 zip codes each are some 10 MB


class LineNotFound(NotFound):
    """No offers were ever published for this business line."""

    code = "line-not-found"

    def __init__(self, line: str) -> None:
        self.line = line
        super().__init__(f"Business line {line}: no offers have been published")


class PublicationNotFound(NotFound):
    """The business line has no publication of this number."""

    code = "publication-not-found"

    def __init__(self, line: str, publication: int, newest: int) -> None:
        self.line, self.publication, self.newest = line, publication, newest
        super().__init__(
            f"Business line {line}: no publication {publication}, the newest is {newest}"
        )


class SupplierTerms(Struct, frozen=True, forbid_unknown_fields=True):
    """What one supplier offers, as far as a decision needs it; zip codes are five-digit text."""

    supplier: str
    capacity_slots: int
    service_areas: tuple[str, ...] = ()
    product_types: tuple[str, ...] = ()


class PreparedOffers(Struct, frozen=True):
    """A document that was read and found without fault, ready to be published."""

    digest: str
    document_deflated: bytes


class Offers(Aggregate):
    line: str
    publication: int
    digest: str
    document_deflated: bytes

    class Published(Event, topic="suppliers.offers_published"):
        """Published the offers of {line}, publication {publication}."""

        line: str
        publication: int
        digest: str
        document_deflated: bytes

    @staticmethod
    def identity(line: str) -> UUID:
        return identity("suppliers.offers", line)

    # Decisions.

    def publish(self, line: str, document: bytes) -> bool:
        """Prepare a document and publish it. Raises Invalid naming every fault of it."""
        return self.publish_prepared(line, prepare_offers(document))

    def publish_prepared(self, line: str, prepared: PreparedOffers) -> bool:
        """Publish a document and return whether it is new; the last one said again is quiet."""
        if self.exists and prepared.digest == self.digest:
            return False
        self.record(
            self.Published(
                line=line,
                publication=self.publication + 1 if self.exists else 1,
                digest=prepared.digest,
                document_deflated=prepared.document_deflated,
            )
        )
        return True

    # Evolutions.

    @evolves(Published)
    def _published(self, event: Published) -> None:
        self.line = event.line
        self.publication = event.publication
        self.digest = event.digest
        self.document_deflated = event.document_deflated

    # Questions.

    @property
    def document(self) -> bytes:
        """The document as it was handed in."""
        return zlib.decompress(self.document_deflated)

    @property
    def terms(self) -> tuple[SupplierTerms, ...]:
        """The suppliers in the order of the document."""
        return _read_terms(self.document_deflated)


# Reading a document: every fault is found before anything is recorded.


def prepare_offers(document: bytes) -> PreparedOffers:
    """Return a document ready for publication. Raises Invalid naming every fault.

    A document of several megabytes takes half a second; whoever publishes it may wait elsewhere.
    """
    document_deflated = zlib.compress(document)
    _read_terms(document_deflated)
    return PreparedOffers(digest_of(document), document_deflated)


@lru_cache(maxsize=PUBLICATIONS_KEPT_READ)
def _read_terms(document_deflated: bytes) -> tuple[SupplierTerms, ...]:
    """Return the terms of a document, which is read once for all decisions that ask for them."""
    return parse_offers(zlib.decompress(document_deflated))


def digest_of(document: bytes) -> str:
    """Return the SHA-256 of a document's bytes, in hexadecimal."""
    return sha256(document).hexdigest()


def parse_offers(document: bytes) -> tuple[SupplierTerms, ...]:
    """Return the terms of a `SupplierOffers` document. Raises Invalid naming every fault."""
    offers = _offers_list(parse_json(document))
    faults: list[tuple[str, str]] = []
    terms = [
        _terms(f"/SupplierOffers/{index}", offer, faults) for index, offer in enumerate(offers)
    ]
    first_place: dict[str, int] = {}
    for index, each in enumerate(terms):
        if first_place.setdefault(each.supplier, index) != index:
            pointer = f"/SupplierOffers/{index}/SupplierID"
            faults.append(
                (pointer, f"{shown(each.supplier)} stands at {first_place[each.supplier]} already")
            )
    if faults:
        raise Invalid(*faults[:100])
    return tuple(terms)


def parse_json(document: bytes | str) -> Any:
    """Return what a JSON document says. Raises Invalid; duplicated keys and NaN are faults too."""

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            names = [name for name, _ in pairs]
            twice = next(name for name in names if names.count(name) > 1)
            raise Invalid(("", f"the key {shown(twice)} stands twice in one object"))
        return found

    def no_constant(text: str) -> None:
        raise Invalid(("", f"found {text}, which is no JSON number"))

    with json_faults_named():
        return json.loads(document, object_pairs_hook=unique, parse_constant=no_constant)


def _offers_list(document: Any) -> list[Any]:
    if not isinstance(document, dict):
        raise Invalid(("", f"found {shown(document)}, an object with SupplierOffers is needed"))
    if "SupplierOffers" not in document:
        raise Invalid(("/SupplierOffers", "missing; a list of suppliers is needed"))
    offers = document["SupplierOffers"]
    if not isinstance(offers, list):
        raise Invalid(("/SupplierOffers", f"found {shown(offers)}, a list is needed"))
    if not 1 <= len(offers) <= MAX_SUPPLIERS:
        raise Invalid(
            ("/SupplierOffers", f"found {len(offers)} suppliers, 1 to {MAX_SUPPLIERS} are allowed")
        )
    return offers


def _terms(pointer: str, offer: Any, faults: list[tuple[str, str]]) -> SupplierTerms:
    if not isinstance(offer, dict):
        faults.append((pointer, f"found {shown(offer)}, an object is needed"))
        return SupplierTerms(supplier=pointer, capacity_slots=0)
    supplier = offer.get("SupplierID")
    if fault := name_fault(supplier):
        faults.append((f"{pointer}/SupplierID", fault))
    if fault := capacity_fault(offer.get("Capacity")):
        faults.append((f"{pointer}/Capacity", fault))
    areas = _texts(f"{pointer}/ServiceAreas", offer.get("ServiceAreas", []), faults)
    for index, area in enumerate(areas):
        if not is_zip_code(area):
            detail = f"found {shown(area)}, a zip code is five digits of text"
            faults.append((f"{pointer}/ServiceAreas/{index}", detail))
    products = offer.get("Offers", [])
    if not isinstance(products, list) or not all(isinstance(each, dict) for each in products):
        faults.append((f"{pointer}/Offers", "a list of objects is needed"))
        products = []
    types = [each["ProductType"] for each in products if "ProductType" in each]
    return SupplierTerms(
        supplier=supplier if isinstance(supplier, str) else pointer,
        capacity_slots=offer.get("Capacity", 0),
        service_areas=tuple(dict.fromkeys(areas)),
        product_types=tuple(dict.fromkeys(_texts(f"{pointer}/Offers", types, faults))),
    )


def _texts(pointer: str, values: Any, faults: list[tuple[str, str]]) -> list[str]:
    if not isinstance(values, list):
        faults.append((pointer, f"found {shown(values)}, a list is needed"))
        return []
    for index, value in enumerate(values):
        if fault := name_fault(value):
            faults.append((f"{pointer}/{index}", fault))
    return [value for value in values if isinstance(value, str)]


def capacity_fault(capacity: object) -> str:
    """Say what is wrong with a capacity, or return the empty text."""
    if isinstance(capacity, bool) or not isinstance(capacity, int):
        return f"found {shown(capacity)}, a whole number of registrations is needed"
    if not 0 <= capacity <= MAX_CAPACITY_SLOTS:
        return f"found {shown(capacity)}, allowed is 0 to {MAX_CAPACITY_SLOTS}"
    return ""


def is_zip_code(text: str) -> bool:
    """Whether the text is five ASCII digits."""
    return len(text) == 5 and text.isascii() and text.isdecimal()
