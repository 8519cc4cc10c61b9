"""`as_of`: every read answers as it did at an earlier moment, and says which one."""

import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from interfaces.demo import LINE

SCENARIO = f"/v1/lines/{LINE}/scenarios/overlap_only"
MATCHES = f"{SCENARIO}/matches"
SUPPLIER, OTHER = "All Energy Solar", "iSoalr"
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


# Moments.


def test_a_time_means_the_last_position_before_what_came_after_it(both: Any) -> None:
    both.book("R-1")
    first = both.events()[-1]
    position = both.book("R-2").headers["capacity-position"]
    recorded_at = datetime.fromisoformat(first["recorded_at"])
    for moment in (recorded_at, recorded_at.astimezone(UTC) + timedelta(microseconds=1)):
        then = both.client.get(f"{SCENARIO}/capacity", params={"as_of": moment.isoformat()})
        assert then.headers["capacity-position"] == str(first["position"]), then.text
        assert then.json()[SUPPLIER]["Used"] == 1
    now = both.client.get(f"{SCENARIO}/capacity", params={"as_of": _now()})
    assert now.headers["capacity-position"] == position
    before = both.client.get("/v1/lines", params={"as_of": "2020-01-01T00:00:00Z"})
    assert (before.json(), before.headers["capacity-position"]) == ({"lines": []}, "0")


def _now() -> str:
    return datetime.now(UTC).isoformat()


@pytest.mark.parametrize(
    ("as_of", "said"),
    [
        ("", "found '', a position or a time with its zone"),
        ("yesterday", "found 'yesterday', a position or a time with its zone"),
        ("-1", "found '-1', a position or"),
        ("1.5", "found '1.5', a position or"),
        ("99999999999999999999", "a position is at most 9223372036854775807"),
        ("١٢", "a position or a time"),
        ("9223372036854775807", "the ledger ends at "),
        ("2026-03-02", "a time without its zone; add Z or an offset"),
        ("2026-03-02T09:30:00", "a time without its zone"),
        ("2026-02-30T09:30:00Z", "a position or a time with its zone"),
        ("2026-03-02T09:30:00 01:00", "in a URL the plus of an offset is written %2B"),
        ("9999-01-01T00:00:00Z", "which is in the future: it is 20"),
        ("0001-01-01T00:00:00+14:00", "which is beyond all times"),
        ("x" * 41, "found 41 characters"),
    ],
)
@pytest.mark.parametrize(
    "path",
    ["/v1/lines", "/v1/events", f"{SCENARIO}/suppliers/{OTHER}/history", f"{SCENARIO}/matches"],
)
def test_a_moment_that_is_none_is_refused(shared: Any, path: str, as_of: str, said: str) -> None:
    refused = shared.client.get(path, params={"as_of": as_of})
    assert refused.status_code == 422, refused.text
    fault = refused.json()["errors"][0]
    assert fault["pointer"] == "/as_of"
    assert said in fault["detail"]


def test_waiting_for_a_past_says_nothing(shared: Any) -> None:
    refused = shared.client.get("/v1/lines", params={"as_of": "1", "after": "1"})
    assert refused.json()["errors"][0]["pointer"] == "/after"
    ignored = shared.client.get("/v1/lines", params={"as_of": "1"}, headers={"Prefer": "wait=5"})
    assert ignored.status_code == 200


def test_a_known_past_is_not_sent_again(live: Any) -> None:
    position = live.book("R-1").headers["capacity-position"]
    asked = {"as_of": position}
    tag = live.client.get(f"{SCENARIO}/capacity", params=asked).headers["etag"]
    live.book("R-2")
    known = {"If-None-Match": tag}
    again = live.client.get(f"{SCENARIO}/capacity", params=asked, headers=known)
    assert again.status_code == 304


@pytest.mark.parametrize("follow", ["threads", "process"])
def test_the_follower_leaves_checkpoints(start: Any, load_sample: Any, follow: str) -> None:
    with start(projector=follow, past_checkpoint_events=5) as live:
        load_sample(live)
        for each in range(5):
            live.book(f"R-{each}")
        _until(lambda: live.service.pasts.files.checkpoints()[-1:] >= [10])


def _until(seen: Callable[[], bool]) -> None:
    """Look until it is so: a process of its own can only be looked at."""
    give_up_at = time.monotonic() + 30
    while not seen():
        assert time.monotonic() < give_up_at
        time.sleep(0.02)


# Pages.


def test_pages_stay_in_their_past(both: Any) -> None:
    said = [{"registration_id": f"R-{each}", "supplier_id": SUPPLIER} for each in range(5)]
    position = both.client.post(MATCHES, json=said).headers["capacity-position"]
    both.client.delete(f"{MATCHES}/R-3")
    page = both.client.get(MATCHES, params={"limit": 2, "as_of": position}).json()
    found = page["matches"]
    while page["next"]:
        answered = both.client.get(page["next"])
        assert answered.headers["capacity-position"] == position
        page = answered.json()
        found += page["matches"]
    assert [each["registration_id"] for each in found] == [f"R-{each}" for each in range(5)]


def test_a_cursor_belongs_to_one_past(live: Any) -> None:
    said = [{"registration_id": f"R-{each}", "supplier_id": SUPPLIER} for each in range(5)]
    position = int(live.client.post(MATCHES, json=said).headers["capacity-position"])
    dated = live.client.get(MATCHES, params={"limit": 2, "as_of": position}).json()["next"]
    current = live.client.get(MATCHES, params={"limit": 2, "after": position}).json()["next"]
    for stray in (
        dated.replace(f"&as_of={position}", ""),
        dated.replace(f"as_of={position}", f"as_of={position - 1}"),
        f"{current}&as_of={position}",
        dated.replace("cursor=", "cursor=W"),
    ):
        refused = live.client.get(stray)
        assert refused.status_code == 422, stray
        assert refused.json()["errors"][0]["pointer"] == "/cursor"


def test_history_pages_stay_in_their_past(live: Any) -> None:
    history = f"{SCENARIO}/suppliers/{quote(SUPPLIER)}/history"
    booked = [live.book(f"R-{each}") for each in range(5)]
    position = booked[3].headers["capacity-position"]
    page = live.client.get(history, params={"limit": 2, "as_of": position}).json()
    found = page["events"]
    while page["next"]:
        page = live.client.get(page["next"]).json()
        found += page["events"]
    assert [each["version"] for each in found] == [1, 2, 3, 4, 5]


def test_the_feed_ends_at_its_past(live: Any) -> None:
    positions = [int(live.book(f"R-{each}").headers["capacity-position"]) for each in range(3)]
    answered = live.client.get("/v1/events", params={"as_of": positions[1], "limit": 1000})
    events, follow = answered.json()["events"], answered.json()["next"]
    assert events[-1]["position"] == positions[1] == follow
    assert answered.headers["capacity-position"] == str(positions[1])
    beyond = live.client.get("/v1/events", params={"as_of": positions[1], "after": positions[2]})
    assert beyond.json() == {"events": [], "next": positions[2]}


# What stands in the way.


def test_who_cannot_wait_for_a_past_is_told_to_come_again(start: Any, load_sample: Any) -> None:
    with start(past_wait_seconds=1e-9) as live:
        position = load_sample(live).book("R-1").headers["capacity-position"]
        late = live.client.get("/v1/lines", params={"as_of": position})
        assert (late.status_code, late.headers["retry-after"]) == (503, "2")
        assert late.json()["type"] == "/problems/past-not-ready"
        assert late.json()["retryable"] is True
        for _ in range(1_000):
            if (late := live.client.get("/v1/lines", params={"as_of": position})).is_success:
                break
        assert late.json()["lines"][0]["line"] == LINE


def test_a_past_that_is_made_keeps_nobody_else_waiting(start: Any, load_sample: Any) -> None:
    with start(past_wait_seconds=0.05, pasts_waiting=2) as live:
        position = int(load_sample(live).book("R-1").headers["capacity-position"])
        with live.service.pasts.files._making:  # as by a maker that takes its time
            asked = [{"as_of": str(position - each)} for each in (0, 1, 2)]
            late = [live.client.get("/v1/lines", params=each) for each in asked]
            types = [each.json()["type"] for each in late]
            assert types == [*["/problems/past-not-ready"] * 2, "/problems/too-many-pasts"]
            assert {each.headers["retry-after"] for each in late} == {"2"}
            assert live.client.get(f"{SCENARIO}/capacity").status_code == 200
            assert live.book("R-2").status_code == 201
        _until(lambda: live.client.get("/v1/lines", params=asked[0]).is_success)


def test_a_past_that_cannot_be_kept_is_named(start: Any, load_sample: Any, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with start(past_dir=tmp_path / "file" / "past") as live:
        position = load_sample(live).book("R-1").headers["capacity-position"]
        failed = live.client.get("/v1/lines", params={"as_of": position})
        assert failed.status_code == 503
        assert failed.json()["type"] == "/problems/past-unavailable"
        assert f"The past at position {position} cannot be made" in failed.json()["detail"]
        assert live.client.get("/v1/lines").status_code == 200


def test_a_past_that_was_removed_is_made_again(live: Any) -> None:
    position = live.book("R-1").headers["capacity-position"]
    asked = {"as_of": position}
    before = live.client.get(f"{SCENARIO}/capacity", params=asked).content
    for each in live.service.settings.past_dir.iterdir():
        each.unlink()
    for past in live.service.pasts._open.values():
        past.engine.dispose()  # as if every connection had ended
    assert live.client.get(f"{SCENARIO}/capacity", params=asked).content == before


def test_many_who_ask_for_one_past_have_it_made_once(live: Any) -> None:
    from concurrent.futures import ThreadPoolExecutor

    position = live.book("R-1").headers["capacity-position"]

    def ask(_: int) -> bytes:
        answered = live.client.get(f"{SCENARIO}/capacity", params={"as_of": position})
        assert answered.status_code == 200, answered.text
        return bytes(answered.content)

    with ThreadPoolExecutor(8) as threads:
        assert len(set(threads.map(ask, range(40)))) == 1
    assert len(list(live.service.settings.past_dir.iterdir())) == 1
