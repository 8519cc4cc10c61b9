"""`as_of`: every read answers as it did at an earlier moment, and says which one."""

import json
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

DOCS = Path(__file__).parents[3] / "docs"


READS = [
    path
    for path, methods in json.loads((DOCS / "openapi.json").read_text())["paths"].items()
    if path.startswith("/v1/") and "get" in methods
]


JSON = {"content-type": "application/json"}


# What is asked after every step of a history, by the path as OpenAPI names it.


ASKED: dict[str, list[dict[str, str]]] = {
    "/v1/lines": [{}],
    "/v1/events": [{"limit": "1000"}, {"topic": "suppliers.slot_booked"}],
    "/v1/history/{context}/{id}": [{}, {"order": "newest", "limit": "2"}],
    "/v1/lines/{line}/aliases": [{}],
    "/v1/lines/{line}/offers": [{}, {"publication": "1"}],
    "/v1/lines/{line}/offers/publications": [{}],
    "/v1/lines/{line}/scenarios": [{}],
    "/v1/lines/{line}/scenarios/{scenario}": [{}],
    "/v1/lines/{line}/scenarios/{scenario}/capacity": [{}],
    "/v1/lines/{line}/scenarios/{scenario}/distribution": [{}],
    "/v1/lines/{line}/scenarios/{scenario}/matches": [
        {},
        {"include_released": "true", "supplier": "ACME"},
        {"reset_number": "0"},
    ],
    "/v1/lines/{line}/scenarios/{scenario}/matches/{registration_id}": [{}],
    "/v1/lines/{line}/scenarios/{scenario}/suppliers/{supplier}/history": [{}],
    "/v1/explain/{projection}/{key}": [{}],
    "/v1/planning/export": [{}],
    "/v1/reports/role-capacity": [{"start": "2026-11-15"}],
    "/v1/reports/people-heatmap": [{"start": "2026-11-15"}],
    "/v1/reports/people/{person_id}/utilization": [{"start": "2026-11-15"}],
    "/v1/reports/availability": [{"start": "2026-11-15", "hours": "8"}],
    "/v1/reports/over-allocation": [{"start": "2026-11-15"}],
    "/v1/reports/role-capacity/roles/{role_id}": [{"start": "2026-11-15"}],
    "/v1/reports/role-capacity/people/{person_id}": [{"start": "2026-11-15"}],
    "/v1/reports/role-capacity/assignments/{assignment_id}": [{"start": "2026-11-15"}],
    "/v1/reports/role-capacity/assignments/{assignment_id}/events": [{}],
}


# It names two moments itself.


UNDATED = {
    "/v1/diff",
    "/v1/events/stream",
    "/v1/projections/{projection}/rebuilds/{rebuild_id}",
    "/v1/projections/{projection}/rebuilds/{rebuild_id}/events",
}


NAMES = {
    "context": "suppliers",
    "scenario": "march",
    "registration_id": "R-1",
    "supplier": "ACME",
    "projection": "supplier_capacity",
    "role_id": "1",
    "person_id": "1",
    "assignment_id": "1",
}


steps = st.lists(
    st.tuples(
        st.sampled_from(
            ["book", "book", "release", "reassign", "reset", "publish", "resync", "aliases"]
        ),
        st.sampled_from(["R-1", "R-2"]),
        st.sampled_from(["ACME", "Ëlectra"]),
        st.integers(0, 3),
    ),
    min_size=1,
    max_size=8,
)


FEW = settings(max_examples=6, suppress_health_check=list(HealthCheck), database=None)


_lines = (f"roof {number}" for number in count())


def test_every_read_can_be_dated() -> None:
    """A new route joins here, or says why it has no past."""
    document = json.loads((DOCS / "openapi.json").read_text())["paths"]
    dated = [
        path
        for path in READS
        if "as_of" in {each["name"] for each in document[path]["get"]["parameters"]}
    ]
    assert set(READS) - set(dated) == UNDATED
    assert set(dated) == set(ASKED)


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, run_server: Any
) -> Iterator[Any]:
    """One server on each store, with few events between checkpoints."""
    folder = tmp_path_factory.mktemp("travel")
    if request.param == "sqlite":
        with run_server(folder, past_checkpoint_events=7) as live:
            yield live
        return
    postgres = request.getfixturevalue("postgres_server")
    url = postgres.create_database()
    with run_server(folder, past_checkpoint_events=7, database_url=url) as live:
        yield live
    postgres.drop_database(url)


@FEW
@given(wanted=steps)
def test_an_answer_as_of_a_position_is_the_one_that_was_given_then(
    server: Any, wanted: list[tuple[str, str, str, int]]
) -> None:
    line = next(_lines)
    told = []
    for done in _live(server.client, line, wanted):
        position = done.headers["capacity-position"]
        told += [
            (path, query, position, _answer(server.client, path, query | _wait(path, position)))
            for path, query in _questions(line)
        ]
    for path, query, position, then in told:
        assert _answer(server.client, path, query | {"as_of": position}) == then, (path, query)


def _wait(path: str, position: str) -> dict[str, str]:
    """Wait where a read model answers; what the ledger answers is always there."""
    of_the_ledger = "/history" in path or path in ("/v1/events", "/v1/planning/export")
    return {} if of_the_ledger else {"after": position}


def _questions(line: str) -> Iterator[tuple[str, dict[str, str]]]:
    for template, queries in ASKED.items():
        path = template
        key = f"supplier_capacity/line={line}/scenario=march/supplier=ACME"
        for name, text in {"line": line, "key": key, "id": f"{line}/march/ACME", **NAMES}.items():
            path = path.replace(f"{{{name}}}", quote(text))
        for query in queries:
            yield path, query


def _answer(client: httpx.Client, path: str, query: dict[str, str]) -> tuple[Any, ...]:
    answered = client.get(path, params=query)
    if answered.status_code != 200:
        assert answered.status_code in (404, 422), answered.text
        return answered.status_code, answered.json()["detail"]
    headers = answered.headers
    return 200, answered.content, headers.get("etag"), headers["capacity-position"]


def _live(
    client: httpx.Client, line: str, wanted: list[tuple[str, str, str, int]]
) -> Iterator[httpx.Response]:
    """Do what is wanted where the rules allow it, and yield what was done."""
    here = f"/v1/lines/{quote(line)}"
    march = f"{here}/scenarios/march"
    yield _publish(client, here, 2)
    yield client.post(march)
    for wish, registration_id, supplier, slots in wanted:
        match = f"{march}/matches/{registration_id}"
        if wish == "book":
            body = {"registration_id": registration_id, "supplier_id": supplier}
            done = client.post(f"{march}/matches", json=body)
        elif wish == "release":
            done = client.delete(match)
        elif wish == "reassign":
            done = client.post(f"{match}/reassign", json={"supplier_id": supplier})
        elif wish == "publish":
            done = _publish(client, here, slots)
        elif wish == "aliases":
            done = client.put(f"{here}/aliases", json={"aliases": {f"A{slots}": "ACME"}})
        else:
            done = client.post(f"{march}/{wish}")
        if done.status_code < 300:
            yield done


def _publish(client: httpx.Client, here: str, slots: int) -> httpx.Response:
    offers = [
        {"SupplierID": "ACME", "Capacity": slots, "ServiceAreas": ["55407"]},
        {"SupplierID": "Ëlectra", "Capacity": 2, "ServiceAreas": ["55407"]},
    ]
    body = json.dumps({"SupplierOffers": offers}).encode()
    return client.put(f"{here}/offers", content=body, headers=JSON)
