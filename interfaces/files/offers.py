"""The first capacity file of some offers, made as the original makes it: every count at zero."""

import json
from pathlib import Path
from typing import Any

from domain.names import name_fault, shown
from domain.suppliers.capacity_files import printed
from domain.suppliers.offers import capacity_fault
from interfaces.files.errors import OffersInvalid


def fresh_capacity_file(offers_file: str | Path) -> bytes:
    """Return the bytes of a capacity file for these offers. Raises OffersInvalid.

    Offers without a SupplierID are passed over, and of two for one supplier the last capacity
    stands at the place of the first. `Used` and `UsedPct` of an offer are not looked at.
    """
    document: dict[str, dict[str, Any]] = {}
    for index, offer in enumerate(_offers(offers_file)):
        place = f"{offers_file}: /SupplierOffers/{index}"
        if not isinstance(offer, dict):
            raise OffersInvalid(f"Offers file {place}: found {shown(offer)}, an object is needed")
        if not (supplier := offer.get("SupplierID")):
            continue
        if fault := name_fault(supplier):
            raise OffersInvalid(f"Offers file {place}/SupplierID: {fault}")
        capacity = offer.get("Capacity", 0)
        if fault := capacity_fault(capacity):
            raise OffersInvalid(f"Offers file {place}/Capacity: {fault}")
        document[supplier] = {
            "SupplierID": supplier,
            "Capacity": capacity,
            "Used": 0,
            "UsedPct": 0.0,
        }
    return printed(document).encode()


def _offers(offers_file: str | Path) -> list[Any]:
    try:
        found = json.loads(Path(offers_file).read_bytes().decode())
    except (OSError, ValueError, RecursionError):
        raise OffersInvalid(f"Could not read or parse offers file at {offers_file}") from None
    if not isinstance(found, dict) or "SupplierOffers" not in found:
        raise OffersInvalid("Offers file must contain a 'SupplierOffers' key with a list")
    offers = found["SupplierOffers"]
    if not isinstance(offers, list):
        raise OffersInvalid(
            "Offers file must contain a 'SupplierOffers' key with a list"
            f"; {offers_file} has {shown(offers)} there"
        )
    return offers
