"""Every command can be tried out: it says what it would record, and records nothing."""

import json
from pathlib import Path
from typing import Any

import pytest

from interfaces.demo import LINE
from tests.support.servers import SUPPLIER, Live

DOCUMENT = json.loads((Path(__file__).parents[3] / "docs" / "openapi.json").read_text())
BOOKING = {"registration_id": "R-2", "supplier_id": SUPPLIER}
OFFERS = {"SupplierOffers": [{"SupplierID": SUPPLIER, "Capacity": 9}]}
_ROOT = "/v1/lines/{line}/scenarios/{scenario}"
# By method and route: what is sent, where R-1 is booked and newer offers are published.
COMMANDS: dict[tuple[str, str], Any] = {
    ("post", f"{_ROOT}/matches"): BOOKING,
    ("delete", f"{_ROOT}/matches/{{registration_id}}"): None,
    ("post", f"{_ROOT}/matches/{{registration_id}}/reassign"): {"supplier_id": "iSoalr"},
    ("post", f"{_ROOT}/choose"): {
        "registrations": [{"registration_id": "R-3", "zip_code": "55447", "product_type": "Solar"}]
    },
    ("post", _ROOT): None,
    ("post", f"{_ROOT}/resync"): None,
    ("post", f"{_ROOT}/reset"): None,
    ("put", "/v1/lines/{line}/offers"): OFFERS | {"Comment": "newer"},
    ("put", "/v1/lines/{line}/aliases"): {"aliases": {"AES": SUPPLIER}},
}


def operations() -> list[tuple[str, str, set[str]]]:
    return [
        (method, path, {each["name"] for each in operation.get("parameters", ())})
        for path, methods in DOCUMENT["paths"].items()
        for method, operation in methods.items()
    ]


def test_every_command_of_every_context_takes_it() -> None:
    without = [
        (method, path)
        for method, path, parameters in operations()
        if "Idempotency-Key" in parameters and "dry_run" not in parameters
    ]
    assert without == []


def test_every_command_on_a_line_is_tried_out_below() -> None:
    on_lines = {
        (method, path)
        for method, path, parameters in operations()
        if method != "get" and path.startswith("/v1/lines")
    }
    assert on_lines == set(COMMANDS)


@pytest.mark.parametrize(("method", "route"), COMMANDS)
def test_it_says_what_it_would_record_and_records_nothing(
    both: Live, method: str, route: str
) -> None:
    assert both.book("R-1").status_code == 201
    assert both.client.put(f"/v1/lines/{LINE}/offers", json=OFFERS).status_code == 201
    scenario = "another" if route == _ROOT else "overlap_only"
    path = route.format(line=LINE, scenario=scenario, registration_id="R-1")
    body = COMMANDS[method, route]
    before = both.events()
    key = {"Idempotency-Key": "tried"}
    tried = both.client.request(
        method, path, json=body, params={"dry_run": "true"}, headers=key
    ).json()
    assert tried["dry_run"] is True
    assert tried["events"]
    assert both.events() == before
    done = both.client.request(method, path, json=body, headers=key)  # the key is not taken
    assert done.status_code < 300
    recorded = both.events()[len(before) :]
    names = ("topic", "stream_id", "version", "data")
    assert [{name: each[name] for name in names} for each in recorded] == [
        {name: each[name] for name in names} for each in tried["events"]
    ]
