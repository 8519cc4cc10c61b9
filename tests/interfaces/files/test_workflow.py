"""The workflow as a whole: what is matched, booked, priced, written, and said of it."""

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from interfaces.demo import load, offers_document
from interfaces.files.workflow_summary import STATUSES
from tests.support.asynchronous import asynchronous
from tests.support.workflows import ZIP, LineFolder, registration

Offers = list[dict[str, Any]]


@pytest.fixture
def line(tmp_path: Path) -> LineFolder:
    return LineFolder(tmp_path)


def least_used(registration: dict[str, Any], offers: Offers) -> dict[str, Any]:
    """Answer as a good model would: by what it is shown, and nothing else."""
    serving = [each for each in offers if registration["zip_code"] in each["ServiceAreas"]]
    with_room = [each for each in serving if each["Used"] < each["Capacity"]]
    best = min(with_room, key=lambda each: each["UsedPct"])
    return {"registration_id": registration["registration_id"], "supplier_id": best["SupplierID"]}


@asynchronous
async def test_each_registration_is_booked_once_and_the_files_say_so(line: LineFolder) -> None:
    summary = await line.run()
    assert (summary.processed, summary.matched, summary.newly_booked) == (3, 3, 3)
    assert str(summary) == "Processed 3 registrations: 3 matched (3 booked now)"
    assert sum(line.used.values()) == 3
    matches = line.result("matches")
    assert [each["registration_id"] for each in matches] == ["SPUS1", "SPUS2", "SPUS3"]
    assert list(matches[0]) == [
        "registration_id",
        "supplier_id",
        "zip_code",
        "num_panels",
        "product_type",
        "panel_name",
        "payment_type",
    ]
    assert list(line.result("pos")[0]) == [
        "registration_id",
        "supplier_id",
        "product_type",
        "panel_name",
        "num_panels",
        "product_price",
        "eligible_subsidies",
    ]
    assert [each["status"] for each in line.result("stats")] == ["matched"] * 3


@asynchronous
async def test_a_repeat_is_quiet_and_leaves_the_same_files(line: LineFolder) -> None:
    line.put_registrations([registration(1), registration(2, "99999"), {"Contact_Zip": ZIP}])
    for matcher in (None, least_used):
        model = "rule" if matcher is None else "gpt"
        await line.run(matcher=matcher, model=model)
        kinds = ("matches", "pos", "stats")
        paths = [line.capacity_path, *(line.result_path(kind, model) for kind in kinds)]
        before = [each.read_bytes() for each in paths]
        again = await line.run(matcher=matcher, model=model)
        assert again.newly_booked == 0
        assert [each.read_bytes() for each in paths] == before


@asynchronous
async def test_the_first_ten_are_taken_unless_more_are_asked_for(line: LineFolder) -> None:
    line.put_offers({"ACME": 100})
    line.put_registrations([registration(number) for number in range(12)])
    assert (await line.run()).processed == 10
    assert (await line.run(max_items=0)).processed == 0
    assert (await line.run(max_items=None)).processed == 12
    assert line.used == {"ACME": 12}
    assert len(line.result("matches")) == 12


@asynchronous
async def test_the_sample_data_comes_out_in_proportion_to_capacity(line: LineFolder) -> None:
    line.offers_path.write_bytes(offers_document())
    line.put_registrations(load("overlap_only"))
    summary = await line.run(max_items=None)
    assert summary.matched == 100
    assert line.used == {"All Energy Solar": 35, "iSoalr": 25, "TruNorthSolar": 40}


@asynchronous
async def test_all_models_of_a_scenario_share_one_count(line: LineFolder) -> None:
    await line.run()
    summary = await line.run(model="gpt", matcher=least_used, constellation="p1m1_p2m2")
    assert (summary.matched, summary.newly_booked) == (3, 0)
    assert sum(line.used.values()) == 3


@asynchronous
async def test_registrations_are_normalised_before_a_matcher_sees_them(line: LineFolder) -> None:
    line.put_offers({"ACME": 5}, areas={"ACME": ["02134"]})
    seen: list[dict[str, Any]] = []

    def matcher(record: dict[str, Any], offers: Offers) -> None:
        seen.append(record)

    line.put_registrations(
        [registration(1, 2134), registration(2, 2134.0), registration(3, "2134")]
    )
    summary = await line.run(matcher=matcher)
    assert seen == [
        {"registration_id": name, "zip_code": "02134", "Contact_Zip": "02134"}
        for name in ("SPUS1", "SPUS2")
    ]
    assert list(summary.failed) == ["SPUS3"]
    assert "/2/Contact_Zip: found '2134'" in summary.failed["SPUS3"]


@asynchronous
async def test_a_registration_without_an_id_is_named_and_never_booked(line: LineFolder) -> None:
    line.put_registrations([{"Contact_Zip": ZIP}, {"Contact_Zip": ZIP}, registration(1)])
    summary = await line.run()
    assert [each.status for each in summary.registrations] == ["failed", "failed", "matched"]
    assert [each["registration_id"] for each in line.result("stats")] == [
        "SPUS1",
        "unknown",
        "unknown",
    ]
    assert sum(line.used.values()) == 1


@asynchronous
async def test_a_registration_that_stands_twice_is_booked_once(line: LineFolder) -> None:
    line.put_registrations([registration(1), registration(1, "99999"), registration(2)])
    summary = await line.run()
    assert [each.status for each in summary.registrations] == ["matched", "repeated", "matched"]
    assert sum(line.used.values()) == 2
    assert [each["status"] for each in line.result("stats")] == ["matched", "matched"]


# The weaknesses of the original, by their numbers.


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
