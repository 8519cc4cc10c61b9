"""Offers documents for tests, in the original's shape."""

import json
from collections.abc import Sequence

ZIP = "55407"


def offers_document(
    capacities: dict[str, int],
    *,
    areas: dict[str, Sequence[str]] | None = None,
    products: dict[str, Sequence[str]] | None = None,
) -> bytes:
    """Return a document; a supplier serves `ZIP` with Solar unless it is said otherwise."""
    areas, products = areas or {}, products or {}
    return json.dumps(
        {
            "SupplierOffers": [
                {
                    "SupplierID": supplier,
                    "Capacity": capacity,
                    "ServiceAreas": list(areas.get(supplier, [ZIP])),
                    "Offers": [{"ProductType": each} for each in products.get(supplier, ["Solar"])],
                }
                for supplier, capacity in capacities.items()
            ]
        }
    ).encode()
