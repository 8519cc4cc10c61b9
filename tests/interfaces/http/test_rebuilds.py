"""Rebuilds over HTTP: a process of its own builds while the server serves, and is watched."""

import json
from typing import Any

import httpx
import pytest

from tests.support.servers import MATCHES, Live
from tests.support.waiting import wait_until

REBUILDS = "/v1/projections/supplier_capacity/rebuilds"


def watched(live: Live, location: str, **headers: str) -> list[dict[str, Any]]:
    """Follow a rebuild to its end, and return every event with its id."""
    found: list[dict[str, Any]] = []
    with live.client.stream("GET", f"{location}/events", headers=headers) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        event: dict[str, Any] = {}
        for line in answer.iter_lines():
            field, _, value = line.partition(": ")
            if field in ("id", "event"):
                event[field] = value
            elif field == "data":
                found.append(event | {"data": json.loads(value)})
                event = {}
    return found


def started(live: Live, **body: Any) -> httpx.Response:
    answer = live.client.post(REBUILDS, json=body)
    assert answer.status_code == 202, answer.text
    return answer


def test_a_rebuild_is_begun_watched_and_switched_to(both: Live) -> None:
    both.book("SPUS55557")
    used = both.used()
    answer = started(both, verify=True)
    location = answer.headers["location"]
    assert answer.json()["state"] == "running"
    assert location == f"{REBUILDS}/{answer.json()['rebuild_id']}"
    seen = watched(both, location)
    *progress, last = seen
    assert {each["event"] for each in progress} == {"progress"}
    assert (last["event"], last["data"]["state"]) == ("ended", "done")
    assert last["data"]["result"]["switched"]
    assert last["data"]["result"]["differences"][0]["tables"] == []
    assert both.client.get(location).json()["result"] == last["data"]["result"]
    assert [int(each["id"]) for each in seen] == sorted({int(each["id"]) for each in seen})
    # Whoever resumes at the end is told the end, and nothing twice.
    assert watched(both, location, **{"last-event-id": last["id"]}) == []
    assert both.used() == used
    both.book("SPUS63654")
    assert both.used() == used + 1


def test_a_rebuild_that_is_cancelled_drops_what_it_built(live: Live) -> None:
    location = started(live).headers["location"]
    assert live.client.delete(location).status_code == 202
    last = watched(live, location)[-1]
    assert last["data"]["state"] in ("cancelled", "done")  # it may have been quicker
    assert live.client.delete(location).json()["state"] == last["data"]["state"]
    assert started(live).status_code == 202


def test_one_rebuild_runs_at_a_time(live: Live) -> None:
    location = started(live).headers["location"]
    second = live.client.post(REBUILDS)
    assert (second.status_code, second.json()["type"]) == (409, "/problems/rebuild-under-way")
    assert location.rpartition("/")[2] in second.json()["detail"]
    watched(live, location)


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"jobs": 0}, ""),
        ({"nonsense": 1}, "/nonsense"),
        ({"until": "5", "verify": True}, "/verify"),
        ({"only": "scenario=x"}, "/only"),
        ({"only": "line"}, "/only"),
    ],
)
def test_what_cannot_be_had_is_refused_before_anything_begins(
    shared: Live, body: dict[str, Any], pointer: str
) -> None:
    answer = shared.client.post(REBUILDS, json=body)
    assert answer.status_code == 422
    assert [each["pointer"] for each in answer.json()["errors"]] == [pointer]


def test_what_does_not_exist_is_not_found(shared: Live) -> None:
    unknown = shared.client.post("/v1/projections/nothing/rebuilds")
    assert (unknown.status_code, unknown.json()["type"]) == (404, "/problems/projection-not-found")
    for rest in ("", "/events"):
        path = f"{REBUILDS}/01890a5d-ac96-774b-bcce-b302099a8057{rest}"
        assert shared.client.get(path).json()["type"] == "/problems/rebuild-not-found"
    assert shared.client.get(f"{REBUILDS}/1").status_code == 422


def test_capacity_files_that_stay_the_same_are_not_touched(live: Live) -> None:
    """Effects run only beyond the position that was reached: history fires none of them twice."""
    live.book("SPUS55557")
    live.used()
    settings = live.service.settings
    files = settings.data_dir.rglob  # written by a thread of its own, which tells nobody
    wait_until(lambda: any(b'"Used": 1' in each.read_bytes() for each in files("*.json")))
    (path,) = files("*.json")
    before = path.stat()
    watched(live, started(live).headers["location"])
    after = path.stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert live.client.get(MATCHES).status_code == 200
