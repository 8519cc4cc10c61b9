"""The whole life of a booking over HTTP, with every status it can be answered with."""

import json
from typing import Any
from urllib.parse import quote

import pytest

from interfaces.demo import LINE, offers_document

SCENARIO = f"/v1/lines/{LINE}/scenarios/overlap_only"
MATCHES = f"{SCENARIO}/matches"
SUPPLIER, OTHER = "All Energy Solar", "iSoalr"
JSON = {"content-type": "application/json"}


def test_a_booking_lives_from_first_to_last(both: Any) -> None:
    client = both.client
    booked = both.book(
        "R-1", headers={"Capacity-Actor": "zoë".encode(), "Capacity-Reason": "by phone"}
    )
    assert booked.status_code == 201
    assert booked.headers["location"] == f"{MATCHES}/R-1"
    assert booked.json() == {
        "registration_id": "R-1",
        "supplier_id": SUPPLIER,
        "status": "booked",
        "capacity": 70,
        "used": 1,
    }
    position = int(booked.headers["capacity-position"])
    assert position > 0

    again = both.book("R-1")
    assert (again.status_code, again.json()["status"]) == (200, "already_booked")
    assert "location" not in again.headers

    elsewhere = both.book("R-1", OTHER)
    assert elsewhere.status_code == 409
    assert elsewhere.headers["content-type"] == "application/problem+json"
    assert elsewhere.json()["type"] == "/problems/booked-elsewhere"

    found = client.get(booked.headers["location"], params={"after": position}).json()
    assert (found["supplier_id"], found["actor"], found["reason"]) == (SUPPLIER, "zoë", "by phone")

    moved = client.post(f"{MATCHES}/R-1/reassign", json={"supplier_id": OTHER, "reason": "price"})
    assert (moved.status_code, moved.json()["status"]) == (200, "reassigned")

    released = client.delete(f"{MATCHES}/R-1", params={"reason": "withdrawn"})
    assert (released.status_code, released.json()["used"]) == (200, 0)
    assert client.delete(f"{MATCHES}/R-1").status_code == 404

    reset = client.post(f"{SCENARIO}/reset", json={"reason": "new year"})
    assert (reset.status_code, reset.json()["reset_number"]) == (200, 1)
    after = {"after": reset.headers["capacity-position"]}
    assert client.get(f"{MATCHES}/R-1", params=after).status_code == 404
    history = client.get(f"{SCENARIO}/suppliers/{quote(SUPPLIER)}/history").json()
    assert [each["topic"] for each in history["events"]] == [
        "suppliers.capacity_opened",
        "suppliers.slot_booked",
        "suppliers.slot_released",
        "suppliers.capacity_cleared",
    ]
    assert history["events"][1]["state"] == {"capacity": 70, "used": 1, "overbooked": 0}
    assert (history["events"][1]["actor"], history["events"][1]["reason"]) == ("zoë", "by phone")


def test_a_full_supplier_is_a_conflict_and_an_unknown_one_is_not_found(both: Any) -> None:
    """An unknown supplier was once answered as "no room, used 0 of 0"."""
    many = [{"RegistrationNumber": f"R-{i}", "SupplierID": OTHER} for i in range(51)]
    results = both.client.post(MATCHES, json=many).json()["results"]
    assert [each["index"] for each in results] == list(range(51))
    assert [each["status"] for each in results] == ["booked"] * 50 + ["refused"]
    assert results[50]["problem"]["type"] == "/problems/capacity-exceeded"
    full = both.book("R-late", OTHER)
    assert (full.status_code, full.json()["type"]) == (409, "/problems/capacity-exceeded")
    assert full.json()["detail"] == "Supplier iSoalr capacity exceeded: 51 > 50"
    unknown = both.book("R-late", "Nobody")
    assert (unknown.status_code, unknown.json()["type"]) == (404, "/problems/supplier-not-found")
    missing = both.client.post(f"{SCENARIO}x/matches", json=many[0])
    assert (missing.status_code, missing.json()["type"]) == (404, "/problems/scenario-not-found")
    missing = both.client.post(f"{SCENARIO}x/matches", json=many)
    assert (missing.status_code, missing.json()["type"]) == (404, "/problems/scenario-not-found")


def test_each_item_of_a_list_falls_alone(live: Any) -> None:
    said = [
        {"registration_id": "R-1", "supplier_id": SUPPLIER},
        {"registration_id": "R-1", "supplier_id": SUPPLIER},
        {"registration_id": "R-1", "supplier_id": OTHER},
        {"registration_id": "", "supplier_id": OTHER},
        "nonsense",
        {"registration_id": "R-2", "supplier_id": OTHER, "num_panels": 12, "zip_code": 2134},
    ]
    answered = live.client.post(MATCHES, json=said)
    assert answered.status_code == 200
    results = answered.json()["results"]
    assert [each["status"] for each in results] == [
        "booked",
        "already_booked",
        "refused",
        "refused",
        "refused",
        "booked",
    ]
    assert results[3]["problem"]["errors"][0]["pointer"] == "/registration_id"
    after = {"after": answered.headers["capacity-position"]}
    found = live.client.get(f"{MATCHES}/R-2", params=after).json()
    assert (found["zip_code"], found["num_panels"]) == ("02134", 12)


def test_a_list_in_which_nothing_can_be_read_is_answered_item_by_item(both: Any) -> None:
    answered = both.client.post(MATCHES, json=[1, None], headers={"Idempotency-Key": "k"})
    assert answered.status_code == 200
    assert [each["status"] for each in answered.json()["results"]] == ["refused", "refused"]


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("matches", ["nonsense", {"registration_id": ""}]),
        ("choose", {"registrations": ["nonsense", {"registration_id": ""}], "explain": False}),
        ("choose", {"registrations": ["nonsense"]}),
    ],
)
def test_an_unknown_scenario_is_told_also_of_what_cannot_be_read(
    shared: Any, path: str, said: Any
) -> None:
    missing = shared.client.post(f"{SCENARIO}x/{path}", json=said)
    assert (missing.status_code, missing.json()["type"]) == (404, "/problems/scenario-not-found")


def test_choosing_books_and_explains(both: Any) -> None:
    said = {
        "registrations": [
            {"RegistrationNumber": "R-1", "Contact_Zip": 55447},
            {"registration_id": "R-2", "zip_code": "99999"},
            {"registration_id": "\ud800", "zip_code": "x"},
        ]
    }
    content = json.dumps(said).encode()
    answer = both.client.post(f"{SCENARIO}/choose", content=content, headers=JSON).json()
    assert answer["counts"] == {"booked": 1, "unmatched": 1, "invalid": 1}
    chosen, unmatched, _ = answer["results"]
    assert len(chosen["considered"]) == 3
    assert sum(each["eligible"] for each in chosen["considered"]) >= 1
    assert unmatched["reason"] == "no supplier serves 99999"
    said["registrations"] = said["registrations"][:1]
    quiet = both.client.post(f"{SCENARIO}/choose", json=said | {"explain": False}).json()
    assert quiet["results"][0]["status"] == "already_booked"


def test_offers_come_back_byte_for_byte_and_resync_is_on_request(both: Any) -> None:
    client = both.client
    first = client.get(f"/v1/lines/{LINE}/offers", headers={"Prefer": "wait=5"})
    assert first.content == offers_document()
    lowered = json.loads(offers_document())
    lowered["SupplierOffers"][0]["Capacity"] = 0
    document = json.dumps(lowered, indent=7).encode()
    both.book("R-1")
    published = client.put(f"/v1/lines/{LINE}/offers", content=document, headers=JSON)
    assert (published.status_code, published.json()["publication"]) == (201, 2)
    newest = client.get(
        published.headers["location"], params={"after": published.headers["capacity-position"]}
    )
    assert newest.content == document
    assert newest.headers["etag"] == f'"{published.json()["digest"]}"'
    earlier = client.get(f"/v1/lines/{LINE}/offers", params={"publication": 1})
    assert earlier.content == offers_document()
    missing = client.get(f"/v1/lines/{LINE}/offers", params={"publication": 3})
    assert missing.json()["type"] == "/problems/publication-not-found"
    listed = client.get(f"/v1/lines/{LINE}/offers/publications").json()["publications"]
    assert [each["publication"] for each in listed] == [1, 2]
    assert both.used() == 1
    synced = client.post(f"{SCENARIO}/resync")
    assert synced.json()["changed"] is True
    shown = client.get(SCENARIO, params={"after": synced.headers["capacity-position"]}).json()
    assert (shown["publication"], shown["suppliers"][0]["overbooked"]) == (2, 1)
    assert both.book("R-2").json()["type"] == "/problems/capacity-exceeded"


def test_aliases_are_data_and_their_use_is_recorded(live: Any) -> None:
    path = f"/v1/lines/{LINE}/aliases"
    assert live.book("R-1", "iSolar").status_code == 404
    assert live.client.get(path, headers={"Prefer": "wait=5"}).json()["aliases"] == {}
    said = {"aliases": {"iSolar": OTHER}}
    assert live.client.put(path, json=said).json() == {"line": LINE, "changed": True, **said}
    booked = live.book("R-1", "iSolar")
    assert booked.status_code == 201
    assert (booked.json()["supplier_id"], booked.json()["alias"]) == (OTHER, "iSolar")
    found = live.client.get(
        f"{MATCHES}/R-1", params={"after": booked.headers["capacity-position"]}
    ).json()
    assert found["alias"] == "iSolar"


def test_names_may_hold_any_character(both: Any) -> None:
    """A slash inside a name is sent percent-encoded, and stays inside it."""
    name = "A/B & Ç"
    document = {"SupplierOffers": [{"SupplierID": name, "Capacity": 2}]}
    client = both.client
    assert client.put("/v1/lines/Łódź & co/offers", json=document).status_code == 201
    scenario = f"/v1/lines/{quote('Łódź & co')}/scenarios/50%25"
    assert (
        client.post(scenario).headers["location"]
        == f"/v1/lines/{quote('Łódź & co')}/scenarios/50%25"
    )
    match = {"registration_id": "R/1/reassign", "supplier_id": name}
    booked = client.post(f"{scenario}/matches", json=match)
    assert (booked.status_code, booked.json()["supplier_id"]) == (201, name)
    after = {"after": booked.headers["capacity-position"]}
    found = client.get(booked.headers["location"], params=after).json()
    assert (found["registration_id"], found["supplier_id"]) == ("R/1/reassign", name)
    history = client.get(f"{scenario}/suppliers/{quote(name, safe='')}/history").json()
    assert (history["supplier_id"], len(history["events"])) == (name, 2)
    shown = client.get(scenario, params=after).json()
    assert client.get(shown["suppliers"][0]["history"]).json() == history
    assert client.delete(booked.headers["location"]).status_code == 200
