"""What the suppliers of a publication sell, and at which price: read from the offers document."""

from collections.abc import Iterable, Mapping
from typing import Any

from domain.errors import Refused
from domain.names import shown
from domain.suppliers import MatchDetails


class PanelNotOffered(Refused):
    """The supplier offers no product of this name."""

    code = "product-not-offered"

    def __init__(self, supplier: str, panel_name: str, names: Iterable[str]) -> None:
        listed = ", ".join(names) or "nothing"
        super().__init__(f"Supplier {supplier} does not offer {panel_name}; it offers {listed}")


class Products:
    """Products by supplier, in the order of the offers."""

    def __init__(self, offers: Iterable[Mapping[str, Any]]) -> None:
        self._offers = {each["SupplierID"]: each for each in offers}

    def offer(self, supplier: str) -> Mapping[str, Any]:
        """Return a supplier's offer; empty where this publication has none."""
        return self._offers.get(supplier, {})

    def check(self, supplier: str, details: MatchDetails) -> None:
        """Raise PanelNotOffered if a panel is named that the supplier does not offer."""
        names = [each["ProductName"] for each in self._of(supplier, details.product_type)]
        if details.panel_name and details.panel_name not in names:
            raise PanelNotOffered(supplier, details.panel_name, names)

    def filled(self, supplier: str, details: MatchDetails, panels: int | None) -> dict[str, Any]:
        """Return a match's columns; what the choice left open is the first product that fits it."""
        known = self._of(supplier, details.product_type)
        named = [each for each in known if each["ProductName"] == details.panel_name]
        product = next(iter(named or ([] if details.panel_name else known)), {})
        return {
            "zip_code": details.zip_code,
            "num_panels": panels if details.num_panels is None else details.num_panels,
            "product_type": details.product_type or product.get("ProductType", ""),
            "panel_name": details.panel_name or product.get("ProductName", ""),
            "payment_type": details.payment_type or "CashPrice",
        }

    def price(self, match: Mapping[str, Any]) -> int | float | None:
        """Return the listed price of a match; None where none is listed for its quantity."""
        for product in self._of(match["supplier_id"], match["product_type"]):
            if product["ProductName"] == match["panel_name"]:
                return _listed_price(product, match)
        return None

    def _of(self, supplier: str, product_type: str) -> list[Mapping[str, Any]]:
        products: list[Mapping[str, Any]] = self.offer(supplier).get("Offers", [])
        return [
            each
            for each in products
            if isinstance(each.get("ProductName"), str)
            and (not product_type or each.get("ProductType") == product_type)
        ]


def _listed_price(product: Mapping[str, Any], match: Mapping[str, Any]) -> int | float | None:
    prices = product.get("ProductPrices", [])
    for each in prices if isinstance(prices, list) else []:
        if isinstance(each, dict) and each.get("Quantity") == match["num_panels"]:
            price = each.get(match["payment_type"])
            return price if is_price(price) else None
    return None


def is_price(value: object) -> bool:
    """Whether a value can be a price: a number, finite and not negative."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return 0 <= value < float("inf")


def panels_of(record: Mapping[str, Any]) -> int | None:
    """Return how many panels a registration asks for, if it says so."""
    for key in ("Product_AmountOfPanels", "Proposal_OptimalAmountOfPanels"):
        value = record.get(key)
        if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
            return value
    return None


def price_fault(value: object) -> str:
    """Say what is wrong with a price, or return the empty text; null says that none is known."""
    if value is None or is_price(value):
        return ""
    return f"found {shown(value)}, a number that is not negative is needed"
