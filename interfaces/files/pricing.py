"""The phase after a booking: from a match to its orders, by the offers or by a callable."""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from domain.errors import Invalid
from domain.names import name_fault, shown
from interfaces.files.asking import Asked, NoAnswer, ask
from interfaces.files.matcher_answers import answered_records
from interfaces.files.products import Products, price_fault

_FROM_MATCH = ("registration_id", "supplier_id", "product_type", "panel_name", "num_panels")


class PricingFailed(Exception):
    """A match that is booked has no purchase order; the message says why."""


class Pricing:
    """Makes purchase orders. Without a callable the offers say the price, and nobody subsidies."""

    def __init__(
        self, priced: Asked | None, *, timeout_seconds: float, incentives: Any, products: Products
    ) -> None:
        self._priced, self._timeout_seconds = priced, timeout_seconds
        self._incentives, self._products = incentives, products

    async def orders(self, match: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Return the purchase orders of one match. Raises PricingFailed."""
        if self._priced is None:
            return [_order(match, {"product_price": self._products.price(match)})]
        offer = self._products.offer(match["supplier_id"])
        given = deepcopy((dict(match), dict(offer), self._incentives))
        try:
            answer = await ask(
                self._priced, *given, called="pricing", timeout_seconds=self._timeout_seconds
            )
            return [_checked(match, each) for each in _records(answer)]
        except NoAnswer as error:
            raise PricingFailed(str(error)) from error
        except Invalid as invalid:
            raise PricingFailed(f"the pricing answered what cannot be used: {invalid}") from None


def _records(answer: Any) -> list[Any]:
    found = answered_records(answer)
    if not found:
        raise Invalid(("", "found no purchase order, one at least is needed"))
    return found


def _checked(match: Mapping[str, Any], record: Any) -> dict[str, Any]:
    if not isinstance(record, dict):
        raise Invalid(("", f"found {shown(record)}, an object is needed"))
    faults = [
        (f"/{key}", f"found {shown(record[key])}, the match says {shown(match[key])}")
        for key in ("registration_id", "supplier_id")
        if record.get(key) not in (None, "", match[key])
    ]
    if fault := price_fault(record.get("product_price")):
        faults.append(("/product_price", fault))
    subsidies = record.get("eligible_subsidies", [])
    if not isinstance(subsidies, list) or any(name_fault(each) for each in subsidies):
        detail = f"found {shown(subsidies)}, a list of texts is needed"
        faults.append(("/eligible_subsidies", detail))
    if faults:
        raise Invalid(*faults)
    return _order(match, {key: each for key, each in record.items() if each not in (None, "")})


def _order(match: Mapping[str, Any], priced: Mapping[str, Any]) -> dict[str, Any]:
    """Return a purchase order in the columns' order; what the pricing says goes before."""
    known = {key: match[key] for key in _FROM_MATCH}
    order = known | {"product_price": None, "eligible_subsidies": []}
    return order | dict(priced)
