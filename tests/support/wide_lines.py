"""A line with more suppliers than one page shows: some are full, some over, one has a bad name."""

from tests.support.offers import offers_document
from tests.support.servers import Live

LINE, SCENARIO = "wide", "all & more"
SUPPLIERS = 95
BAD_NAME = "</script><img src=x onerror=alert(1)>"
ROOT = f"/v1/lines/{LINE}/scenarios/all%20%26%20more"
PAGE = f"/suppliers/{LINE}/all%20%26%20more"
JSON = {"content-type": "application/json"}


def names() -> list[str]:
    """Return the suppliers in the order of the offers."""
    return [BAD_NAME, *(f"Supplier {number:03}" for number in range(1, SUPPLIERS))]


def with_wide_line(live: Live) -> Live:
    """Publish the offers, book some registrations, and lower one capacity below what is used.

    The first is then full, the second over its capacity, and the third half full.
    """
    capacities = {name: 3 + number % 7 for number, name in enumerate(names())}
    _publish(live, capacities)
    assert live.client.post(ROOT).status_code == 201
    for name, many in zip(names(), (3, 4, 2), strict=False):
        for number in range(many):
            body = {
                "registration_id": f"R-{name[-3:]}-{number}",
                "supplier_id": name,
                "zip_code": "55407",
            }
            booked = live.client.post(f"{ROOT}/matches", json=body)
            assert booked.status_code == 201, booked.text
    _publish(live, capacities | {names()[1]: 2, names()[2]: 4})
    synced = live.client.post(f"{ROOT}/resync", headers={"Capacity-Reason": "fewer crews"})
    assert synced.status_code == 200, synced.text
    return live


def _publish(live: Live, capacities: dict[str, int]) -> None:
    document = offers_document(capacities)
    published = live.client.put(f"/v1/lines/{LINE}/offers", content=document, headers=JSON)
    assert published.is_success, published.text
