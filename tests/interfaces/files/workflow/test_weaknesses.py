"""The weaknesses of the original, by their numbers, and what the workflow does instead."""

import json
from copy import deepcopy
from typing import Any

from interfaces.files.workflow_summary import STATUSES
from tests.interfaces.files.workflow.conftest import Offers, least_used
from tests.support.asynchronous import asynchronous
from tests.support.workflows import ZIP, LineFolder, registration


@asynchronous
async def test_w6_all_matches_of_a_list_are_counted(line: LineFolder) -> None:
    def matcher(record: dict[str, Any], offers: Offers) -> Offers:
        names = ("SPUS1", "SPUS2", "SPUS3")
        return [{"registration_id": name, "supplier_id": "ACME"} for name in names[:2]] + [
            {"registration_id": "SPUS3", "supplier_id": "Bolt"}
        ]

    summary = await line.run(matcher=matcher)
    assert (summary.matched, summary.newly_booked) == (3, 3)
    assert line.used == {"ACME": 2, "Bolt": 1}


@asynchronous
async def test_w7_the_match_before_is_not_booked_again(line: LineFolder) -> None:
    matches: Offers = []

    def forgetful(record: dict[str, Any], offers: Offers) -> str:
        """Answer from a list that is never cleared, and add nothing for the second."""
        if record["registration_id"] != "SPUS2":
            matches.append({"registration_id": record["registration_id"], "supplier_id": "ACME"})
        return json.dumps(matches)

    summary = await line.run(matcher=forgetful)
    assert summary.unmatched == {"SPUS2": "the matcher named no supplier for it"}
    assert line.used == {"ACME": 2, "Bolt": 0}


@asynchronous
async def test_w8_a_failure_after_the_booking_gives_the_slot_back(line: LineFolder) -> None:
    def pricing(match: dict[str, Any], offer: dict[str, Any], incentives: None) -> dict[str, Any]:
        if match["registration_id"] == "SPUS1":
            raise RuntimeError("no price list")
        return {"product_price": 12_000}

    line.put_offers({"ACME": 1})
    line.put_registrations([registration(1), registration(2)])
    summary = await line.run(pricing=pricing)
    assert summary.released == {"SPUS1": "the pricing raised RuntimeError: no price list"}
    assert summary.counts == dict.fromkeys(STATUSES, 0) | {"matched": 1, "released": 1}
    assert line.used == {"ACME": 1}
    assert [each["registration_id"] for each in line.result("matches")] == ["SPUS2"]
    assert line.result("pos")[0]["product_price"] == 12_000


@asynchronous
async def test_w9_one_failure_leaves_the_next_its_offers(line: LineFolder) -> None:
    shown: list[Offers] = []

    def matcher(record: dict[str, Any], offers: Offers) -> dict[str, Any]:
        shown.append(deepcopy(offers))
        if len(shown) == 1:
            offers.clear()
            raise ValueError("Supplier ACME capacity exceeded: 3 > 2")
        offers[0]["Capacity"] = 10_000
        offers[0]["ServiceAreas"].clear()
        return least_used(record, shown[-1]) | {"supplier_id": "ACME"}

    summary = await line.run(matcher=matcher)
    assert [[each["SupplierID"] for each in offers] for offers in shown] == [["ACME", "Bolt"]] * 3
    assert [offers[0]["ServiceAreas"] for offers in shown] == [[ZIP]] * 3
    assert [offers[0]["Used"] for offers in shown] == [0, 0, 1]
    assert (summary.matched, list(summary.failed)) == (2, ["SPUS1"])
    assert str(summary) == "Processed 3 registrations: 2 matched, 1 failed (2 booked now)"


@asynchronous
async def test_w10_the_matcher_is_shown_what_is_left(line: LineFolder) -> None:
    shown: list[Offers] = []

    async def matcher(record: dict[str, Any], offers: Offers) -> dict[str, Any]:
        shown.append(offers)
        return least_used(record, offers)

    line.put_offers({"ACME": 1, "Bolt": 3})
    await line.run(matcher=matcher)
    keys = ("SupplierID", "Capacity", "Used", "UsedPct", "Room")
    assert [tuple(each[key] for key in keys) for each in shown[-1]] == [
        ("ACME", 1, 1, 1.0, 0),
        ("Bolt", 3, 1, 1 / 3, 2),
    ]
    assert all(each["Offers"] for each in shown[-1])


@asynchronous
async def test_w13_results_are_replaced_by_registration(line: LineFolder) -> None:
    """What the original appended again and again is taken together, and other rows stay."""
    old = {"registration_id": "SPUS1", "supplier_id": "Gone"}
    stranger = {"registration_id": "SPUS9", "supplier_id": "Else", "more": True}
    path = line.result_path("matches")
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps([old, stranger, old]))
    await line.run()
    matches = line.result("matches")
    names = [each["registration_id"] for each in matches]
    assert names == ["SPUS1", "SPUS9", "SPUS2", "SPUS3"]
    assert matches[0]["supplier_id"] in ("ACME", "Bolt")
    assert matches[1] == stranger
