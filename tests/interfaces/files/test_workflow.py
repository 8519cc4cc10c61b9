"""The workflow as a whole: what is matched, booked, priced, written, and said of it."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from interfaces.demo import load, offers_document
from interfaces.files.capacity_tracker import reset_capacity, update_supplier_capacity
from interfaces.files.workflow_summary import STATUSES
from tests.support.asynchronous import asynchronous, soon
from tests.support.ledgers import migrated
from tests.support.workflows import ZIP, LineFolder, registration

Offers = list[dict[str, Any]]


@pytest.fixture(params=["sqlite", "postgres"])
def line(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> LineFolder:
    """A folder, with the ledger beside the capacity file or in PostgreSQL."""
    if request.param == "postgres":
        url = migrated(request.getfixturevalue("postgres_url"))
        monkeypatch.setenv("CAPACITY_DATABASE_URL", url)
        monkeypatch.setenv("CAPACITY_DATA_DIR", str(tmp_path / "data"))
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


# Others at the same time, and what ends in the middle.


@asynchronous
async def test_two_runs_at_the_same_time_book_each_registration_once(line: LineFolder) -> None:
    line.put_offers({"ACME": 20, "Bolt": 20})
    line.put_registrations([registration(number) for number in range(30)])
    first, second = await asyncio.gather(
        line.run(max_items=None), line.run(max_items=None, matcher=least_used, model="gpt")
    )
    assert (first.matched + first.counts["failed"], second.processed) == (30, 30)
    assert sum(line.used.values()) == 30
    assert first.newly_booked + second.newly_booked == 30


@asynchronous
async def test_runs_that_end_together_lose_no_row_of_each_other(line: LineFolder) -> None:
    """Both write the same result files, each with registrations of its own."""
    line.put_offers({"ACME": 40})
    runs = []
    for part in range(4):
        path = line.registrations_path.with_name(f"part{part}.json")
        records = [registration(10 * part + number) for number in range(5)]
        path.write_text(json.dumps(records))
        runs.append(line.run(registrations_file=path))
    summaries = await asyncio.gather(*runs)
    assert [each.matched for each in summaries] == [5] * 4
    assert len({each["registration_id"] for each in line.result("matches")}) == 20
    assert len(line.result("stats")) == 20


@asynchronous
async def test_a_run_that_was_cut_short_goes_on_where_it_was(line: LineFolder) -> None:
    begun = asyncio.Event()

    async def slow(record: dict[str, Any], offers: Offers) -> dict[str, Any]:
        if record["registration_id"] == "SPUS2":
            begun.set()
            await asyncio.Event().wait()
        return least_used(record, offers)

    run = asyncio.create_task(line.run(matcher=slow))
    await soon(begun.wait())
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run
    assert [each["registration_id"] for each in line.result("matches")] == ["SPUS1"]
    assert sum(line.used.values()) == 1
    summary = await line.run(matcher=least_used)
    assert (summary.matched, summary.newly_booked) == (3, 2)


KILLED = """
import asyncio, os, signal
from pathlib import Path
from tests.support.workflows import LineFolder

def matcher(record, offers):
    if record["registration_id"] == "SPUS3":
        os.kill(os.getpid(), signal.SIGKILL)
    return {"supplier_id": "ACME"}

line = object.__new__(LineFolder)
line.folder = Path(os.environ["LINE_FOLDER"])
asyncio.run(line.run(matcher=matcher))
"""


@asynchronous
async def test_a_run_that_was_killed_has_lost_nothing(line: LineFolder) -> None:
    environment = os.environ | {"LINE_FOLDER": str(line.folder), "PYTHONPATH": str(Path.cwd())}
    killed = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-c", KILLED], env=environment, check=False, timeout=60
    )
    assert killed.returncode == -signal.SIGKILL
    assert line.used == {"ACME": 2, "Bolt": 0}
    assert not line.result_path("matches").exists()
    summary = await line.run(matcher=least_used)
    assert (summary.matched, summary.newly_booked) == (3, 1)
    assert [each["supplier_id"] for each in line.result("matches")] == ["ACME", "ACME", "Bolt"]


@asynchronous
async def test_the_drop_in_functions_count_on_what_a_workflow_booked(line: LineFolder) -> None:
    line.put_offers({"ACME": 4})
    await line.run()
    match = {"supplier_id": "ACME", "registration_id": "SPUS1"}
    await update_supplier_capacity(match, line.offers_path, line.capacity_path)
    assert line.used == {"ACME": 3}
    await update_supplier_capacity({"supplier_id": "ACME"}, line.offers_path, line.capacity_path)
    assert line.used == {"ACME": 4}
    await reset_capacity(line.capacity_path)
    assert (await line.run()).newly_booked == 3


@asynchronous
async def test_matches_that_others_undo_meanwhile_are_told(line: LineFolder) -> None:
    async def matcher(record: dict[str, Any], offers: Offers) -> dict[str, Any]:
        if record["registration_id"] == "SPUS3":
            await reset_capacity(line.capacity_path)
        return least_used(record, offers)

    summary = await line.run(matcher=matcher)
    assert summary.messages == (
        "2 of the matches hold no slot any more: SPUS1, SPUS2; "
        "somebody released, moved or reset them meanwhile",
    )
    assert sum(line.used.values()) == 1


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
