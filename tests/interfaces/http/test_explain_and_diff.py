"""Why a row is as it is, and what changed between two moments, over HTTP."""

from typing import Any
from urllib.parse import quote

import pytest

from interfaces.demo import LINE

SCENARIO = f"/v1/lines/{LINE}/scenarios/overlap_only"
MATCHES = f"{SCENARIO}/matches"
SUPPLIER, OTHER = "All Energy Solar", "iSoalr"
EXPLAIN = "/v1/explain/supplier_capacity"
COUNT = f"{EXPLAIN}/supplier_capacity/line={LINE}/scenario=overlap_only"
ACME = f"{COUNT}/supplier={quote(SUPPLIER)}"
WHO = {"Capacity-Actor": "ada", "Capacity-Reason": "by hand"}


def test_a_count_is_explained_by_who_and_why(both: Any) -> None:
    both.book("R-1", headers=WHO)
    position = both.book("R-2", headers=WHO | {"Capacity-Actor": "grace"}).headers[
        "capacity-position"
    ]
    found = both.client.get(ACME, params={"after": position})
    assert found.headers["capacity-position"] == position
    told = found.json()
    assert (told["row"]["used_slots"], told["row"]["supplier"]) == (2, SUPPLIER)
    assert [each["topic"] for each in told["events"]] == [
        "suppliers.slot_booked",
        "suppliers.slot_booked",
        "suppliers.capacity_opened",
    ]
    assert [each["actor"] for each in told["events"][:2]] == ["grace", "ada"]
    assert told["events"][0]["reason"] == "by hand"
    by_key = both.client.get(f"{EXPLAIN}/supplier_capacity/{told['key']['capacity_id']}")
    assert by_key.json() == told


def test_explained_events_come_page_by_page(live: Any) -> None:
    position = [live.book(f"R-{each}") for each in range(5)][-1].headers["capacity-position"]
    page = live.client.get(ACME, params={"limit": 2, "after": position}).json()
    found = page["events"]
    while page["next"]:
        page = live.client.get(page["next"]).json()
        found += page["events"]
    assert [each["version"] for each in found] == [6, 5, 4, 3, 2, 1]


def test_an_explanation_stays_in_its_past(live: Any) -> None:
    positions = [live.book(f"R-{each}").headers["capacity-position"] for each in range(4)]
    page = live.client.get(ACME, params={"limit": 2, "as_of": positions[2]}).json()
    assert page["row"]["used_slots"] == 3
    last = live.client.get(page["next"])
    assert last.headers["capacity-position"] == positions[2]
    versions = [each["version"] for each in page["events"] + last.json()["events"]]
    assert versions == [4, 3, 2, 1]


def test_names_with_slashes_are_one_segment(live: Any) -> None:
    path = f"{EXPLAIN}/supplier_aliases/line=a%2Fb"
    missing = live.client.get(path)
    assert (missing.status_code, missing.json()["type"]) == (404, "/problems/row-not-found")
    assert "supplier_aliases has no row with line a/b" in missing.json()["detail"]


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        ("nothing/x", 404, "No projection is called 'nothing'; there are: supplier_capacity"),
        ("supplier_capacity/nothing/x", 404, "has no table 'nothing'; there are: offers_"),
        ("supplier_capacity/matches", 422, "found 0 values after matches"),
        ("supplier_capacity/matches/x", 422, "found 'x', a UUID is needed for booking_id"),
        ("supplier_capacity/offers_publications/sbus/9", 404, "line sbus, publication 9"),
        ("supplier_capacity/offers_publications/sbus/x", 422, "a whole number is needed"),
        (f"supplier_capacity/supplier_capacity/line={LINE}", 422, "say more of: capacity_id, "),
        ("supplier_capacity/matches//", 422, "found an empty text"),
        (f"supplier_capacity/scenarios/line={LINE}?limit=0", 422, "from 1 to 1000 is needed"),
        (f"supplier_capacity/scenarios/line={LINE}?before=0", 422, "found '0', a whole number"),
    ],
)
def test_what_cannot_be_explained_is_named(shared: Any, path: str, status: int, said: str) -> None:
    refused = shared.client.get(f"/v1/explain/{path}")
    assert refused.status_code == status, refused.text
    assert said in refused.json()["detail"]


# Diff.


def test_what_changed_between_two_moments(both: Any) -> None:
    begin = both.book("R-1").headers["capacity-position"]
    body = {"supplier_id": OTHER}
    both.client.post(f"{MATCHES}/R-1/reassign", json=body, headers=WHO)
    end = both.book("R-2").headers["capacity-position"]
    found = both.client.get("/v1/diff", params={"from": begin, "to": end})
    assert found.headers["capacity-position"] == end
    told = found.json()
    assert (told["from"], told["to"], told["next"]) == (int(begin), int(end), None)
    assert told["change_count"] == len(told["changes"]) == 4  # two counts, two matches
    matches = {each["change"]: each for each in told["changes"] if each["table"] == "matches"}
    moved = matches["changed"]
    assert (moved["before"]["supplier"], moved["after"]["supplier"]) == (SUPPLIER, OTHER)
    assert "line" not in moved["before"]
    assert [(each["topic"], each["actor"], each["reason"]) for each in moved["events"]] == [
        ("suppliers.reassigned", "ada", "by hand")
    ]
    assert matches["added"]["after"]["registration_id"] == "R-2"
    assert matches["added"]["before"] is None


def test_to_is_the_newest_unless_it_is_said(live: Any) -> None:
    begin = live.book("R-1").headers["capacity-position"]
    end = live.book("R-2").headers["capacity-position"]
    answered = live.client.get("/v1/diff", params={"from": begin}).json()
    assert answered["to"] == int(end)
    same = live.client.get("/v1/diff", params={"from": end, "to": end}).json()
    assert (same["changes"], same["change_count"]) == ([], 0)


def test_differences_come_page_by_page(live: Any) -> None:
    begin = live.book("R-1").headers["capacity-position"]
    said = [{"registration_id": f"X-{each}", "supplier_id": SUPPLIER} for each in range(5)]
    live.client.post(MATCHES, json=said)
    asked = {"from": begin, "projection": "supplier_capacity", "limit": "2"}
    page = live.client.get("/v1/diff", params=asked).json()
    first, found = page["next"], page["changes"]
    live.book("R-9")
    while page["next"]:
        page = live.client.get(page["next"]).json()
        found += page["changes"]
    assert len(found) == page["change_count"] == 6
    assert "R-9" not in {(each["after"] or {}).get("registration_id") for each in found}
    for stray in (
        first.replace(f"from={begin}", f"from={int(begin) - 1}"),
        first.replace("&projection=supplier_capacity", ""),
        first.replace("cursor=", "cursor=W"),
        f"{first}x",
    ):
        refused = live.client.get(stray)
        assert refused.status_code == 422, stray
        assert refused.json()["errors"][0]["pointer"] == "/cursor"


@pytest.mark.parametrize(
    ("query", "pointer", "said"),
    [
        ({}, "/from", "is missing; a position or a time"),
        ({"from": "x"}, "/from", "found 'x', a position or a time"),
        ({"from": "2026-03-02T09:30:00"}, "/from", "a time without its zone"),
        ({"from": "1", "to": "9999-01-01T00:00:00Z"}, "/to", "in the future"),
        ({"from": "1", "to": "1000000"}, "/to", "the ledger ends at"),
        ({"from": "3", "to": "2"}, "/to", "found position 2, which lies before 3"),
        ({"from": "1", "limit": "0"}, "/limit", "a whole number"),
        ({"from": "1", "as_of": "1"}, "/query", "found 'as_of'"),
        ({"from": "1", "projection": "x"}, "/projection", "No projection is called 'x'"),
    ],
)
def test_moments_between_which_nothing_lies_are_refused(
    shared: Any, query: dict[str, str], pointer: str, said: str
) -> None:
    refused = shared.client.get("/v1/diff", params=query)
    assert refused.status_code in (404, 422), refused.text
    fault = refused.json()["errors"][0]
    assert fault["pointer"] == pointer
    assert said in fault["detail"]
