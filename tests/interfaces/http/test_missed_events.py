"""412 says what each missed event changed, and whether the command wants to change the same."""

from typing import Any

import pytest
from msgspec.structs import replace

from interfaces.demo import LINE
from tests.support.servers import SCENARIO, SUPPLIER, Live

MATCH = f"{SCENARIO}/matches/R-1"
ALIASES = f"/v1/lines/{LINE}/aliases"
OFFERS = f"/v1/lines/{LINE}/offers"
OTHER = "iSoalr"
SEEN = {"If-Match": '"1"'}


def changes(answered: Any) -> list[tuple[str, list[str], bool | None]]:
    assert answered.status_code == 412, answered.text
    return [
        (each["topic"], each["changed"], each["touches_same_fields"])
        for each in answered.json()["missed"]
    ]


def publish(live: Live, capacity: int) -> None:
    offers = {"SupplierOffers": [{"SupplierID": SUPPLIER, "Capacity": capacity}]}
    assert live.client.put(OFFERS, json=offers).status_code == 201


def test_a_reset_is_not_about_the_offers(both: Live) -> None:
    publish(both, 9)
    both.client.post(f"{SCENARIO}/reset")
    late = both.client.post(f"{SCENARIO}/resync", headers=SEEN)
    assert changes(late) == [("suppliers.scenario_reset", ["reset_number"], False)]


def test_two_resyncs_are_about_the_same(both: Live) -> None:
    publish(both, 9)
    both.client.post(f"{SCENARIO}/resync")
    publish(both, 10)
    both.client.post(f"{SCENARIO}/reset")
    late = both.client.post(f"{SCENARIO}/resync", headers=SEEN)
    assert changes(late) == [
        ("suppliers.scenario_resynced", ["publication", "terms"], True),
        ("suppliers.scenario_reset", ["reset_number"], False),
    ]


def test_other_aliases_are_about_the_same(both: Live) -> None:
    both.client.put(ALIASES, json={"aliases": {"AES": SUPPLIER}})
    late = both.client.put(ALIASES, json={"aliases": {"ISO": OTHER}}, headers={"If-Match": '"0"'})
    assert changes(late) == [("suppliers.aliases_set", ["line", "supplier_by_alias"], True)]


def test_what_would_change_nothing_any_more_touches_nothing(both: Live) -> None:
    both.book("R-1")
    both.client.post(f"{MATCH}/reassign", json={"supplier_id": OTHER})
    late = both.client.post(f"{MATCH}/reassign", json={"supplier_id": OTHER}, headers=SEEN)
    ((topic, changed, touches),) = changes(late)
    assert (topic, "supplier" in changed, touches) == ("suppliers.reassigned", True, False)


def test_of_what_would_be_refused_now_nothing_is_said(both: Live) -> None:
    both.book("R-1")
    both.client.post(f"{MATCH}/reassign", json={"supplier_id": OTHER})
    late = both.client.post(f"{MATCH}/reassign", json={"supplier_id": "NOBODY"}, headers=SEEN)
    assert [each[2] for each in changes(late)] == [None]


def test_finding_out_stores_nothing(both: Live) -> None:
    publish(both, 9)
    both.client.post(f"{SCENARIO}/reset")
    before = both.events()
    key = {"Idempotency-Key": "again"}
    assert both.client.post(f"{SCENARIO}/resync", headers=SEEN | key).status_code == 412
    assert both.events() == before
    # Nor is the key taken: having looked, the caller asks under it again.
    looked = {"If-Match": '"2"'}
    assert both.client.post(f"{SCENARIO}/resync", headers=looked | key).status_code == 200


def test_without_the_trial_s_being_one_it_would_be_done(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control: it is the dry run that keeps a refused command from happening."""
    publish(live, 9)
    live.client.post(f"{SCENARIO}/reset")
    before = len(live.events())

    def for_good(command: Any, **changed: Any) -> Any:
        return replace(command, **(changed | {"dry_run": False}))

    monkeypatch.setattr("interfaces.http.missed.replace", for_good)
    live.client.post(f"{SCENARIO}/resync", headers=SEEN)
    assert len(live.events()) > before
