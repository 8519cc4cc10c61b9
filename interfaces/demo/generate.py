"""Makes the sample data, the same bytes each time.

`python -m interfaces.demo.generate` writes it into the package.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any, TypeVar

T = TypeVar("T")

SHARED_ZIPS = ("55407", "55419", "55447")
OWN_ZIPS = {
    "All Energy Solar": ("55101", "55104", "55116"),
    "iSoalr": ("55303", "55304"),
    "TruNorthSolar": ("55802", "55803", "55811"),
}
UNSERVED_ZIPS = ("02134", "56501")
CAPACITY_SLOTS = {"All Energy Solar": 70, "iSoalr": 50, "TruNorthSolar": 80}
INTEREST_RATES = {"All Energy Solar": 7.73, "iSoalr": 6.99, "TruNorthSolar": 8.25}
# Name and price in cash of one panel, and of one battery; iSoalr sells no battery.
PANELS = {
    "All Energy Solar": ("Silfab SIL-430", 1_180),
    "iSoalr": ("Q.PEAK DUO 410", 1_065),
    "TruNorthSolar": ("REC Alpha Pure 420", 1_240),
}
BATTERIES = {"All Energy Solar": ("Encharge 10T", 9_800), "TruNorthSolar": ("Powerwall 3", 11_400)}
LOAN_MONTHS = 240

# Random.random() alone is promised to stay the same in every release of Python.
Draw = Random


def generate() -> dict[str, bytes]:
    """Return every file of the sample data by its name."""
    draw = Draw(55407)
    numbers = _registration_numbers(draw)
    everywhere = SHARED_ZIPS * 3 + sum(OWN_ZIPS.values(), ()) + UNSERVED_ZIPS
    products = ("", "Solar", "Solar", "Battery")
    return {
        "base_offers.json": _text({"SupplierOffers": [_offer(each) for each in CAPACITY_SLOTS]}),
        "overlap_only.json": _text(_registrations(draw, numbers[:100], SHARED_ZIPS, ("",))),
        "full_dataset.json": _text(_registrations(draw, numbers[100:280], everywhere, products)),
        "no_battery.json": _text(_registrations(draw, numbers[280:400], everywhere, ("Solar",))),
    }


def write(folder: Path) -> None:
    """Write every file of the sample data."""
    for name, text in generate().items():
        (folder / name).write_bytes(text)


def _registration_numbers(draw: Draw) -> list[str]:
    numbers: dict[str, None] = {}
    while len(numbers) < 400:
        numbers[f"SPUS{_between(draw, 53_000, 63_999)}"] = None
    return list(numbers)


def _registrations(
    draw: Draw, numbers: Sequence[str], zip_codes: Sequence[str], products: Sequence[str]
) -> list[dict[str, Any]]:
    return [
        _registration(draw, number, _one_of(draw, zip_codes), _one_of(draw, products))
        for number in numbers
    ]


def _registration(draw: Draw, number: str, zip_code: str, product_type: str) -> dict[str, Any]:
    optimal = _between(draw, 8, 32)
    # What passed through a CSV reader is a number by now, and a zip code may have lost its zero.
    spelled: str | int = int(zip_code) if draw.random() < 0.5 else zip_code
    registration: dict[str, Any] = {
        "RegistrationNumber": number,
        "Contact_Zip": spelled,
        "Contact_LowMediumIncome": int(draw.random() < 0.3),
        "Proposal_OptimalAmountOfPanels": optimal,
        "Product_AmountOfPanels": _between(draw, 6, optimal),
        "Product_EstimatedRoofSizeFt": _between(draw, 60, 240) * 10,
        "Product_HomeSize": _between(draw, 90, 400) * 10,
        "Product_NumberOfStories": _between(draw, 1, 3),
    }
    return registration | ({"product_type": product_type} if product_type else {})


def _offer(supplier: str) -> dict[str, Any]:
    rate = INTEREST_RATES[supplier]
    products = [_product("Solar", *PANELS[supplier], quantities=(1, 10, 20, 30), rate=rate)]
    if supplier in BATTERIES:
        products.append(_product("Battery", *BATTERIES[supplier], quantities=(1, 2), rate=rate))
    return {
        "SupplierID": supplier,
        "Capacity": CAPACITY_SLOTS[supplier],
        "InterestRate": rate,
        "ServiceAreas": [*SHARED_ZIPS, *OWN_ZIPS[supplier]],
        "Offers": products,
    }


def _product(
    product_type: str, name: str, each_cash: int, *, quantities: Sequence[int], rate: float
) -> dict[str, Any]:
    monthly = rate / 1_200
    share = monthly / (1 - (1 + monthly) ** -LOAN_MONTHS)
    prices = []
    for quantity in quantities:
        cash = (
            each_cash * quantity * (100 - quantity // 10) // 100
        )  # one per cent less for each ten
        installment = round(cash * share, 2)
        prices.append({"Quantity": quantity, "CashPrice": cash, "LoanInstallment": installment})
    return {"ProductType": product_type, "ProductName": name, "ProductPrices": prices}


def _between(draw: Draw, lowest: int, highest: int) -> int:
    return lowest + int(draw.random() * (highest - lowest + 1))


def _one_of(draw: Draw, values: Sequence[T]) -> T:
    return values[_between(draw, 0, len(values) - 1)]


def _text(document: object) -> bytes:
    return json.dumps(document, indent=2).encode() + b"\n"


if __name__ == "__main__":
    write(Path(__file__).parent / "data")
