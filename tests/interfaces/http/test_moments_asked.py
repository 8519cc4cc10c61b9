"""Which moment an answer is of, and pages that stay in it."""

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest

from interfaces.demo import LINE
from tests.support.waiting import wait_until

SCENARIO = f"/v1/lines/{LINE}/scenarios/overlap_only"


MATCHES = f"{SCENARIO}/matches"


SUPPLIER, OTHER = "All Energy Solar", "iSoalr"


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
        wait_until(lambda: live.service.pasts.files.checkpoints()[-1:] >= [10])


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
