"""Others book at the same time, and runs end in the middle: nothing is lost or done twice."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from interfaces.files.capacity_tracker import reset_capacity, update_supplier_capacity
from tests.interfaces.files.workflow.conftest import Offers, least_used
from tests.support.asynchronous import asynchronous, soon
from tests.support.workflows import LineFolder, registration


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
