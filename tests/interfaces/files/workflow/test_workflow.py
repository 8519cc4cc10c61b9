"""The workflow as a whole: what is matched, booked, priced, written, and said of it."""

import asyncio
import json
import os
from typing import Any

import pytest

from interfaces.demo import load, offers_document
from tests.interfaces.files.workflow.conftest import Offers, least_used
from tests.support.asynchronous import asynchronous
from tests.support.workflows import ZIP, LineFolder, registration


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
    nameless = [{"Contact_Zip": ZIP}, {"registration_id": "unknown", "Contact_Zip": ZIP}]
    line.put_registrations([*nameless, registration(1)])
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


@asynchronous
async def test_the_history_tells_of_bookings_and_of_what_was_given_back(line: LineFolder) -> None:
    def pricing(match: dict[str, Any], *_: Any) -> Any:
        if match["registration_id"] == "SPUS2":
            raise RuntimeError("closed")
        return {"product_price": 1}

    await line.run(pricing=pricing, actor="ada", reason="benchmark")
    line_name, history = await line.history()
    assert line_name == ("sbus" if os.environ.get("CAPACITY_DATABASE_URL") else "files")
    assert [topic for topic, _, _ in history] == ["booked", "booked", "released", "booked"]
    assert {actor for _, actor, _ in history} == {"ada"}
    assert [reason for _, _, reason in history] == [
        "benchmark",
        "benchmark",
        "benchmark: the pricing raised RuntimeError: closed",
        "benchmark",
    ]


def test_progress_is_shown_on_a_terminal_only_and_not_if_it_is_not_wanted(
    line: LineFolder, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asyncio.run(line.run())
    assert capsys.readouterr() == ("", "")
    monkeypatch.setenv("FORCE_COLOR", "1")  # Rich takes this for a terminal
    asyncio.run(line.run(progress=False))
    assert capsys.readouterr() == ("", "")
    asyncio.run(line.run())
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "Matching" in shown.err
    assert "3/3" in shown.err


@asynchronous
async def test_a_listed_price_is_taken_and_incentives_are_handed_on(line: LineFolder) -> None:
    line.offers_path.write_bytes(offers_document())
    line.put_registrations([registration(1, Product_AmountOfPanels=10), registration(2)])
    incentives = line.folder / "incentives.json"
    incentives.write_text('["state rebate"]')
    summary = await line.run(incentives_file=incentives)
    assert "no subsidy is worked out" in summary.messages[0]
    (first, second) = line.result("pos")
    assert (first["num_panels"], first["panel_name"]) == (10, "REC Alpha Pure 420")
    assert (first["product_price"], second["product_price"]) == (12_276, None)

    def pricing(match: dict[str, Any], offer: dict[str, Any], given: list[str]) -> str:
        return json.dumps({"product_price": offer["InterestRate"], "eligible_subsidies": given})

    await line.run(incentives_file=incentives, pricing=pricing, model="priced")
    assert line.result("pos", "priced")[0] == first | {
        "product_price": 8.25,
        "eligible_subsidies": ["state rebate"],
    }
