"""History over HTTP: any aggregate, in words, with what changed, page by page."""

from base64 import urlsafe_b64encode
from typing import Any
from urllib.parse import quote

import pytest

from domain.catalogue import EVENTS_BY_TOPIC
from interfaces.demo import LINE
from tests.support.servers import SUPPLIER

HISTORY = "/v1/history/suppliers"
COUNT = f"{HISTORY}/{LINE}/overlap_only/{SUPPLIER}"


def test_a_history_says_who_when_why_and_what_it_changed(both: Any) -> None:
    both.book("R-1", headers={"Capacity-Actor": "ada", "Capacity-Reason": "a call"})
    both.book("R-2", headers={"Capacity-Actor": "bob", "Capacity-On-Behalf-Of": "Ada"})
    answer = both.client.get(COUNT).json()
    assert (answer["context"], answer["kind"], answer["next"]) == (
        "suppliers",
        "SupplierCapacity",
        None,
    )
    opened, first, second = answer["events"]
    assert (
        opened["words"]
        == f"Gave {SUPPLIER} {opened['state']['capacity']} slots in {LINE}/overlap_only"
    )
    assert first["words"].startswith("Booked a slot for R-1; booking id ")
    assert (first["actor"], first["reason"], second["on_behalf_of"]) == ("ada", "a call", "Ada")
    assert second["changes"] == [{"field": "used_slots", "before": 1, "after": 2}]
    assert [each["state"]["used"] for each in answer["events"]] == [0, 1, 2]
    by_id = both.client.get(f"{HISTORY}/{answer['stream_id']}").json()
    assert by_id == answer
    encoded = f"{HISTORY}/{quote(f'{LINE}/overlap_only/{SUPPLIER}', safe='')}"
    assert both.client.get(encoded).json() == answer
    shown = both.client.get(f"/v1/lines/{LINE}/scenarios/overlap_only/suppliers/{SUPPLIER}/history")
    common = ("topic", "version", "position", "state", "data", "recorded_at")
    assert [{name: each[name] for name in common} for each in shown.json()["events"]] == [
        {name: each[name] for name in common} for each in answer["events"]
    ]


@pytest.mark.parametrize("order", ["oldest", "newest"])
def test_pages_join_to_the_whole_also_while_it_grows(live: Any, order: str) -> None:
    for number in range(7):
        live.book(f"R-{number}")
    whole = live.client.get(COUNT, params={"order": order}).json()["events"]
    found: list[Any] = []
    query = {"order": order, "limit": 3}
    while True:
        page = live.client.get(COUNT, params=query).json()
        found += page["events"]
        if page["next"] is None:
            break
        query["cursor"] = page["next"]
        live.book(f"later-{len(found)}")
    assert found[: len(whole)] == whole
    if order == "newest":
        assert found == whole


def _cursor(*fields: Any) -> str:
    import json

    return urlsafe_b64encode(json.dumps(fields).encode()).decode()


@pytest.mark.parametrize(
    ("query", "pointer", "detail"),
    [
        ({"cursor": "%%%"}, "/cursor", "this is no cursor"),
        ({"cursor": "aaaa"}, "/cursor", "this is no cursor"),
        ({"cursor": _cursor(1, 2, 3)}, "/cursor", "this is no cursor"),
        ({"cursor": _cursor(str(0) * 8 + "-0000-0000-0000-000000000000", "oldest", 3)}, "/cursor",
         "it belongs to another question"),
        ({"order": "up"}, "/order", "found 'up', oldest or newest is needed"),
        ({"limit": "0"}, "/limit", "a whole number from 1 to 1000 is needed"),
        ({"kind": "Nobody"}, "/kind", "known in suppliers: Offers"),
        ({"sort": "x"}, "/query", "known here: limit, order, kind, cursor"),
    ],
)  # fmt: skip
def test_bad_questions_are_refused_naming_the_field(
    shared: Any, query: dict[str, str], pointer: str, detail: str
) -> None:
    answer = shared.client.get(COUNT, params=query)
    assert answer.status_code == 422
    (fault,) = answer.json()["errors"]
    assert fault["pointer"] == pointer
    assert detail in fault["detail"]


def test_a_cursor_of_another_subject_or_order_is_refused(live: Any) -> None:
    live.book("R-1")
    cursor = live.client.get(COUNT, params={"limit": 1}).json()["next"]
    other = live.client.get(f"{HISTORY}/{LINE}/overlap_only", params={"cursor": cursor})
    turned = live.client.get(COUNT, params={"cursor": cursor, "order": "newest"})
    assert [other.status_code, turned.status_code] == [422, 422]


def test_what_is_not_there_is_not_found(shared: Any) -> None:
    for name in ("sbus/overlap_only/Nobody", "0195f3a0-7c1e-7b5e-8d5e-3a1f5b8c9d02", "%2F"):
        answer = shared.client.get(f"{HISTORY}/{name}")
        assert (answer.status_code, answer.json()["type"]) == (404, "/problems/subject-not-found")
    unknown = shared.client.get("/v1/history/nothing/sbus")
    assert unknown.status_code == 422
    assert unknown.json()["errors"][0]["pointer"] == "/context"


@pytest.mark.parametrize("name", ["nobody", "1", "1/2", "a/b/c/d/e"])
def test_a_name_of_nothing_is_not_found_in_any_context(both: Any, name: str) -> None:
    for context in sorted({topic.partition(".")[0] for topic in EVENTS_BY_TOPIC}):
        answer = both.client.get(f"/v1/history/{context}/{name}")
        assert (answer.status_code, answer.json()["type"]) == (404, "/problems/subject-not-found")
