"""Bad input is a clear problem that names the field and the limit; nothing is stored."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from interfaces.demo import LINE

SCENARIO = f"/v1/lines/{LINE}/scenarios/overlap_only"
MATCHES = f"{SCENARIO}/matches"
OFFERS = f"/v1/lines/{LINE}/offers"
SUPPLIER = "All Energy Solar"
JSON = {"content-type": "application/json"}
MATCH = {"registration_id": "R-1", "supplier_id": SUPPLIER}


def _offer(capacity: str) -> str:
    return f'{{"SupplierOffers": [{{"SupplierID": "A", "Capacity": {capacity}}}]}}'


def _match(**changes: Any) -> str:
    return json.dumps(MATCH | changes)


BODIES: dict[str, tuple[str, str, str | bytes, str, str]] = {
    # what: (method, path, body, pointer of the fault, what its detail holds)
    "missing document": ("PUT", OFFERS, "", "", "no JSON"),
    "document of null": ("PUT", OFFERS, "null", "", "an object"),
    "document of a list": ("PUT", OFFERS, "[]", "", "an object"),
    "no offers": ("PUT", OFFERS, "{}", "/SupplierOffers", "missing"),
    "empty offers": ("PUT", OFFERS, '{"SupplierOffers": []}', "/SupplierOffers", "1 to 10000"),
    **{
        f"capacity {text}": (
            "PUT",
            OFFERS,
            _offer(text),
            "/SupplierOffers/0/Capacity",
            "needed" if not text.lstrip("-").isdecimal() else str(2**63 - 1),
        )
        for text in ("null", '"7"', "-1", "true", "1.5", "9223372036854775808", "1e400")
    },
    "capacity of 5000 digits": ("PUT", OFFERS, _offer("9" * 5_000), "", "too long"),
    "broken JSON": ("POST", MATCHES, '{"registration_id": ', "", "no JSON"),
    "no UTF-8": ("POST", MATCHES, b'{"registration_id": "\xff"}', "", "UTF-8"),
    "not a number": ("POST", MATCHES, _match(num_panels=float("nan")), "", "NaN"),
    "nested deeply": ("POST", MATCHES, "[" * 90_000, "", "nested too deeply"),
    "a key twice": ("POST", MATCHES, '{"supplier_id": "a", "supplier_id": "b"}', "", "twice"),
    "a text": ("POST", MATCHES, '"text"', "", "an object"),
    "unknown field": ("POST", MATCHES, _match(suplier=1), "/suplier", "unknown"),
    "surrogate field": ("POST", MATCHES, _match(**{"\ud800": 1}), "/\\ud800", "unknown"),
    "no supplier": ("POST", MATCHES, '{"registration_id": "R"}', "/supplier_id", "needed"),
    "long id": ("POST", MATCHES, _match(registration_id="x" * 10_000), "/registration_id", "200"),
    "NUL": ("POST", MATCHES, _match(registration_id="a\0b"), "/registration_id", "U+0000"),
    "control": ("POST", MATCHES, _match(supplier_id="a\nb"), "/supplier_id", "U+000A"),
    "surrogate": ("POST", MATCHES, _match(supplier_id="\ud800"), "/supplier_id", "U+D800"),
    "number as id": ("POST", MATCHES, _match(registration_id=7), "/registration_id", "text"),
    "panels of 65 bits": ("POST", MATCHES, _match(num_panels=2**64), "/num_panels", "to 92233"),
    "half a panel": ("POST", MATCHES, _match(num_panels=0.5), "/num_panels", "whole"),
    "bad zip code": ("POST", MATCHES, _match(zip_code="5544"), "/zip_code", "five digits"),
    "empty list": ("POST", MATCHES, "[]", "", "1 to 1000"),
    "long list": ("POST", MATCHES, json.dumps([MATCH] * 1_001), "", "1 to 1000"),
    "nothing to choose for": ("POST", f"{SCENARIO}/choose", "{}", "/registrations", "a list"),
    "explain maybe": (
        "POST",
        f"{SCENARIO}/choose",
        '{"registrations": [{}], "explain": "maybe"}',
        "/explain",
        "true or false",
    ),
    "reassign to nobody": ("POST", f"{MATCHES}/R/reassign", "{}", "/supplier_id", "text"),
    "aliases of text": (
        "PUT",
        f"/v1/lines/{LINE}/aliases",
        '{"aliases": "x"}',
        "/aliases",
        "an object",
    ),
    "alias of a number": (
        "PUT",
        f"/v1/lines/{LINE}/aliases",
        '{"aliases": {"\\ud800": 7}}',
        "/\\ud800",
        "U+D800",
    ),
    "reason of a number": ("POST", f"{SCENARIO}/reset", '{"reason": 7}', "/reason", "text"),
    "unknown option": ("POST", f"{SCENARIO}/reset", '{"force": true}', "/force", "unknown"),
    "path that leaves": (
        "POST",
        f"{SCENARIO}-2",
        '{"capacity_file": "../../etc/passwd"}',
        "/capacity_file",
        "below the data folder",
    ),
    "absolute path": (
        "POST",
        f"{SCENARIO}-2",
        '{"capacity_file": "/etc/passwd"}',
        "/capacity_file",
        "below the data folder",
    ),
}

PATHS: dict[str, tuple[str, str, int, str]] = {
    # what: (method, path, status, what the answer holds)
    "NUL in a path": ("GET", "/v1/lines/%00/offers", 422, "U+0000"),
    "control in a path": ("GET", "/v1/lines/a%0Ab/offers", 422, "U+000A"),
    "no UTF-8 in a path": ("GET", "/v1/lines/%FF/offers", 422, "UTF-8"),
    "long id in a path": ("GET", f"{MATCHES}/{'x' * 5_000}", 422, "at most 200"),
    "long path": ("GET", f"{MATCHES}/{'x' * 10_000}", 414, "8192"),
    "line that is no file name": ("PUT", "/v1/lines/..%2Fx/offers", 422, "slash"),
    "scenario that is no file name": ("POST", f"/v1/lines/{LINE}/scenarios/..%2Fx", 422, "slash"),
    "unknown path": ("GET", "/v2/lines", 404, "route-not-found"),
    "slash at the end": ("GET", "/v1/lines/", 404, "route-not-found"),
    "method": ("PATCH", MATCHES, 405, "method-not-allowed"),
    "unknown query": ("GET", "/v1/lines?dryrun=true", 422, "known here: after"),
    "query twice": ("GET", "/v1/lines?after=1&after=2", 422, "twice"),
    "no UTF-8 in a query": ("GET", f"{MATCHES}?supplier=%FF", 422, "UTF-8"),
    "NUL in a query": ("GET", f"{MATCHES}?supplier=%00", 422, "U+0000"),
    "limit of zero": ("GET", f"{MATCHES}?limit=0", 422, "1 to 1000"),
    "limit too high": ("GET", "/v1/events?limit=1001", 422, "1 to 1000"),
    "limit of text": ("GET", "/v1/events?limit=ten", 422, "1 to 1000"),
    "digits that are not ASCII": ("GET", "/v1/events?limit=%C2%B2", 422, "1 to 1000"),
    "position of 65 bits": ("GET", f"/v1/events?after={2**64}", 422, str(2**63 - 1)),
    "cursor": ("GET", f"{MATCHES}?cursor=nonsense", 422, "/cursor"),
    "unknown topic": ("GET", "/v1/events?topic=x.y", 422, "suppliers.booked"),
    "dry run maybe": ("DELETE", f"{MATCHES}/R?dry_run=maybe", 422, "true or false"),
    "unknown line": ("GET", "/v1/lines/nowhere/offers", 404, "line-not-found"),
    "aliases of an unknown line": ("GET", "/v1/lines/nowhere/aliases", 404, "line-not-found"),
    "scenarios of an unknown line": ("GET", "/v1/lines/nowhere/scenarios", 404, "line-not-found"),
    "unknown scenario": ("GET", f"{SCENARIO}x/capacity", 404, "scenario-not-found"),
    "matches of an unknown scenario": ("GET", f"{SCENARIO}x/matches", 404, "scenario-not-found"),
    "unknown supplier": ("GET", f"{SCENARIO}/suppliers/x/history", 404, "supplier-not-found"),
    "unknown registration": ("GET", f"{MATCHES}/x", 404, "booking-not-found"),
    "publication of zero": ("GET", f"{OFFERS}?publication=0", 422, "/publication"),
}

HEADERS: dict[str, tuple[dict[str, Any], int, str]] = {
    "empty key": ({"Idempotency-Key": ""}, 422, "/Idempotency-Key"),
    "long key": ({"Idempotency-Key": "k" * 201}, 422, "1 to 200"),
    "unprintable key": ({"Idempotency-Key": "a\tb"}, 422, "printable"),
    "actor that is no UTF-8": ({"Capacity-Actor": b"\xff"}, 422, "UTF-8"),
    "long actor": ({"Capacity-Actor": "x" * 10_000}, 422, "at most 200"),
    "long reason": ({"Capacity-Reason": "x" * 201}, 422, "at most 200"),
    "cause that is no UUID": ({"Capacity-Causation-Id": "7"}, 422, "a UUID"),
    "media type": ({"content-type": "text/plain"}, 415, "application/json"),
    "charset": ({"content-type": "application/json; charset=latin-1"}, 415, "utf-8"),
    "precondition": ({"If-Match": '"7"'}, 412, "not honoured"),
}


@pytest.fixture(scope="module", autouse=True)
def nothing_is_stored(shared: Any) -> Iterator[None]:
    """Whatever this module sends: not one event comes of it, and no file."""
    before = shared.events()
    data_dir = shared.service.settings.data_dir
    yield
    assert shared.events() == before
    files = [each for each in data_dir.rglob("*.json") if not each.name.startswith(".")]
    assert {each.name for each in files} <= {"overlap_only.json"}


def _check(answered: Any, status: int) -> Any:
    assert answered.status_code == status, answered.text
    assert answered.headers["content-type"] == "application/problem+json"
    problem = answered.json()
    assert problem["status"] == status
    assert problem["instance"] == f"urn:uuid:{answered.headers['x-request-id']}"
    assert problem["type"].startswith("/problems/")
    assert problem["retryable"] is False
    return problem


@pytest.mark.parametrize("case", BODIES)
def test_a_bad_body_is_refused(shared: Any, case: str) -> None:
    method, path, body, pointer, detail = BODIES[case]
    answered = shared.client.request(method, path, content=body, headers=JSON)
    fault = _check(answered, 422)["errors"][0]
    assert fault["pointer"] == pointer
    assert detail in fault["detail"]


@pytest.mark.parametrize("case", PATHS)
def test_a_bad_path_or_query_is_refused(shared: Any, case: str) -> None:
    method, path, status, said = PATHS[case]
    body = {"content": _offer("1"), "headers": JSON} if method == "PUT" else {}
    answered = shared.client.request(method, path, **body)
    _check(answered, status)
    assert said in answered.text


def test_the_methods_of_a_path_are_named(shared: Any) -> None:
    answered = shared.client.request("PATCH", MATCHES)
    assert (answered.status_code, answered.headers["allow"]) == (405, "GET, POST")


@pytest.mark.parametrize("case", HEADERS)
def test_a_bad_header_is_refused(shared: Any, case: str) -> None:
    headers, status, said = HEADERS[case]
    answered = shared.client.post(MATCHES, content=_match(), headers=JSON | headers)
    _check(answered, status)
    assert said in answered.text


def test_every_fault_is_named(shared: Any) -> None:
    said = {"registration_id": 7, "supplier_id": "", "zip_code": "x", "num_panels": -1, "nope": 1}
    faults = _check(shared.client.post(MATCHES, json=said), 422)["errors"]
    assert {each["pointer"] for each in faults} == {f"/{name}" for name in said}


def test_a_header_may_not_stand_twice(shared: Any) -> None:
    headers = [
        ("content-type", "application/json"),
        ("capacity-actor", "a"),
        ("capacity-actor", "b"),
    ]
    _check(shared.client.post(MATCHES, content=_match(), headers=headers), 422)


def test_a_release_has_no_body(shared: Any) -> None:
    _check(shared.client.request("DELETE", f"{MATCHES}/R", content=b"{}"), 422)


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_that_is_too_large_is_refused(shared: Any, chunked: bool) -> None:
    """Also when its length is not said before."""
    size = shared.service.settings.body_bytes + 1
    body = (b"x" * 1_000 for _ in range(size // 1_000 + 1)) if chunked else b"x" * size
    problem = _check(shared.client.post(MATCHES, content=body, headers=JSON), 413)
    assert str(size - 1) in problem["detail"]


def test_too_much_to_explain_is_refused(start: Any, load_sample: Any) -> None:
    offers = [{"SupplierID": f"s{i}", "Capacity": 1} for i in range(200)]
    with start() as live:
        load_sample(live)
        live.client.put(OFFERS, json={"SupplierOffers": offers})
        live.client.post(f"/v1/lines/{LINE}/scenarios/wide")
        path = f"/v1/lines/{LINE}/scenarios/wide/choose"
        body = {"registrations": [{"registration_id": f"R-{i}"} for i in range(251)]}
        fault = _check(live.client.post(path, json=body), 422)["errors"][0]
        assert "explain: false" in fault["detail"]
        assert live.client.post(path, json=body | {"explain": False}).status_code == 200
