"""What a workflow may be handed by mistake: named, nothing booked, every file whole."""

import asyncio
import json
import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from interfaces.files.errors import CapacityNotKept, CapacityTrackerError
from interfaces.files.handed_in import InputRefused
from interfaces.files.workflow import FilesNotWritten
from tests.support.asynchronous import asynchronous
from tests.support.ledgers import migrated
from tests.support.workflows import LineFolder, registration


@pytest.fixture
def line(tmp_path: Path) -> LineFolder:
    return LineFolder(tmp_path)


def refused(line: LineFolder, **arguments: Any) -> str:
    """Run what must be refused as a ValueError; nothing may be made or booked by it."""
    with pytest.raises(InputRefused) as caught:
        asyncio.run(line.run(**arguments))
    assert isinstance(caught.value, ValueError)
    assert not line.capacity_path.parent.exists()
    return str(caught.value)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "no JSON"),
        (b'[{"RegistrationNumber": "SPUS1"', "no JSON"),
        (b'["\xff"]', "byte 2 is not UTF-8"),
        (b"{}", "found {}, a list of registrations is needed"),
        (b"17", "found 17, a list of registrations is needed"),
        (b"null", "found null"),
    ],
)
def test_torn_registrations_are_refused(line: LineFolder, content: bytes, said: str) -> None:
    line.registrations_path.write_bytes(content)
    message = refused(line)
    assert message.startswith(f"/registrations_file: {line.registrations_path}: ")
    assert said in message


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "no JSON"),
        (b'{"SupplierOffers": null}', "/offers_file/SupplierOffers: "),
        (b'{"SupplierOffers": [{"SupplierID": "A", "Capacity": 2.5}]}', "found 2.5"),
    ],
)
def test_offers_that_cannot_be_read_are_refused(
    line: LineFolder, content: bytes, said: str
) -> None:
    line.offers_path.write_bytes(content)
    message = refused(line)
    assert str(line.offers_path) in message
    assert said in message


def test_files_that_are_not_there_are_named(line: LineFolder) -> None:
    line.offers_path.unlink()
    assert f"/offers_file: {line.offers_path} cannot be read: no such file" in refused(line)
    line.registrations_path.unlink()
    line.registrations_path.mkdir()
    assert "cannot be read: is a directory" in refused(line)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"constellation": "p9"}, "/constellation: found 'p9', allowed are p1m1m2c, "),
        ({"max_items": -1}, "/max_items: found -1"),
        ({"max_items": True}, "/max_items: found true"),
        ({"max_items": 2.5}, "/max_items: found 2.5"),
        ({"matcher_timeout_seconds": 0}, "/matcher_timeout_seconds: found 0"),
        ({"pricing_timeout_seconds": float("nan")}, "/pricing_timeout_seconds: found nan"),
        ({"matcher": "gpt"}, "/matcher: found 'gpt', a callable is needed"),
        ({"aliases": ["iSolar"]}, "/aliases: found ['iSolar'], a dict of texts is needed"),
        ({"aliases": {1: "iSoalr"}}, "/aliases: found {1: 'iSoalr'}"),
        ({"actor": "a\x00"}, "/actor: found the character U+0000"),
        ({"reason": "r" * 1_000}, "/reason: found "),
        ({"incentives_file": "missing.json"}, "/incentives_file: missing.json cannot be read"),
    ],
)
def test_arguments_that_mean_nothing_are_refused(
    line: LineFolder, arguments: dict[str, Any], said: str
) -> None:
    assert said in refused(line, **arguments)


def test_results_that_cannot_be_understood_are_not_overwritten(line: LineFolder) -> None:
    for kind, content in (("matches", b"[17]"), ("pos", b"{"), ("stats", b"a,b\n1,2\n")):
        path = line.result_path(kind)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        assert f"/{kind}_file: {path}" in refused(line)
        assert path.read_bytes() == content
        path.unlink()


def test_a_result_folder_that_cannot_be_written_is_found_before_anything_is_booked(
    line: LineFolder,
) -> None:
    (line.folder / "results").write_text("a file where a folder should be")
    assert "cannot be written: " in refused(line)
    assert "/matches_file: /proc/" in refused(line, matches_file="/proc/matches.json")


@asynchronous
async def test_records_that_cannot_be_read_stop_no_other(line: LineFolder) -> None:
    line.put_registrations(
        [None, "SPUS9", [], registration(4, "5540"), registration(5, True), registration(1)]
    )
    summary = await line.run()
    assert summary.counts["failed"] == 5
    assert summary.matched == 1
    assert summary.registrations[0].reason == "/0: found null, an object is needed"
    assert "/3/Contact_Zip: found '5540', a zip code of five digits" in summary.failed["SPUS4"]


@asynchronous
async def test_names_that_no_file_could_hold_are_shown_and_not_booked(line: LineFolder) -> None:
    names = ["SPUS\ud800", "SPUS\x00", "S" * 500, 17]
    line.put_registrations([{"RegistrationNumber": name, "Contact_Zip": "55407"} for name in names])
    summary = await line.run()
    assert list(summary.failed) == ["SPUS\\ud800", "SPUS\\x00", "S" * 300 + "...", "17"]
    assert sum(line.used.values()) == 0
    assert [each["registration_id"] for each in line.result("stats")] == list(summary.failed)


# Offers that change between two calls.


@asynchronous
async def test_changed_offers_wait_until_they_are_asked_for(line: LineFolder) -> None:
    line.put_offers({"ACME": 1})
    await line.run()
    line.put_offers({"ACME": 2, "Bolt": 5})
    summary = await line.run()
    (message,) = summary.messages
    assert "the offers have changed" in message
    assert (summary.matched, line.used) == (1, {"ACME": 1})
    summary = await line.run(resync=True)
    assert (summary.matched, summary.messages) == (3, ())
    assert set(line.used) == {"ACME", "Bolt"}
    assert line.capacity["ACME"]["Capacity"] == 2


# A capacity file that is there already.


@asynchronous
async def test_a_capacity_file_that_is_there_is_counted_on(line: LineFolder) -> None:
    """Its capacities stand, whatever the offers say; what it does not name is not booked."""
    record = {"SupplierID": "ACME", "Capacity": 3, "Used": 2, "UsedPct": 0.67, "note": "kept"}
    line.capacity_path.parent.mkdir(parents=True)
    line.capacity_path.write_text(json.dumps({"ACME": record}, indent=2))
    summary = await line.run()
    assert (summary.matched, summary.counts["unmatched"]) == (1, 2)
    assert line.capacity == {"ACME": record | {"Used": 3, "UsedPct": 1.0}}


@asynchronous
async def test_an_edit_between_two_runs_is_taken_over(line: LineFolder) -> None:
    await line.run(max_items=1)
    document = line.capacity
    document["ACME"]["Used"] = document["Bolt"]["Used"] = 2
    line.capacity_path.write_text(json.dumps(document, indent=2))
    summary = await line.run()
    assert summary.counts == {
        "matched": 1,
        "unmatched": 2,
        "failed": 0,
        "released": 0,
        "repeated": 0,
    }


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"{", b"17", b'{"ACME": {"Capacity": 2.5, "Used": 0}}']
)
def test_a_capacity_file_that_is_none_is_left_alone(line: LineFolder, content: bytes) -> None:
    line.capacity_path.parent.mkdir(parents=True)
    line.capacity_path.write_bytes(content)
    with pytest.raises(CapacityTrackerError, match=str(line.capacity_path)):
        asyncio.run(line.run())
    assert line.capacity_path.read_bytes() == content
    assert not line.result_path("matches").exists()


# A disk that fails, or is full.


@asynchronous
async def test_a_capacity_file_that_cannot_be_written_ends_the_run_and_loses_nothing(
    line: LineFolder,
) -> None:
    """In the middle somebody puts a folder where the file's next version is made."""
    hindrance = line.capacity_path.with_name(f".{line.capacity_path.name}.tmp")

    def matcher(record: dict[str, Any], offers: Any) -> Any:
        if record["registration_id"] == "SPUS2":
            hindrance.mkdir()
        return {"supplier_id": "ACME"}

    with pytest.raises(CapacityNotKept, match=r"march\.json"):
        await line.run(matcher=matcher)
    assert line.used == {"ACME": 1, "Bolt": 0}
    assert [each["registration_id"] for each in line.result("matches")] == ["SPUS1"]
    hindrance.rmdir()
    summary = await line.run()
    assert (summary.matched, line.used) == (3, {"ACME": 2, "Bolt": 1})


@contextmanager
def no_file_beyond(limit_bytes: int) -> Iterator[None]:
    """Have every write beyond a size fail, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)


def test_a_full_disk_leaves_results_whole_and_the_summary_true(
    line: LineFolder, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the ledger elsewhere, the results are the first that find no room."""
    monkeypatch.setenv("CAPACITY_DATABASE_URL", migrated(postgres_url))
    line.put_offers({"ACME": 100})
    asyncio.run(line.run(max_items=1))
    before = line.result_path("matches").read_bytes()
    line.put_registrations([registration(number) for number in range(1, 30)])
    with no_file_beyond(2_000), pytest.raises(FilesNotWritten) as caught:
        asyncio.run(line.run(max_items=None))
    assert str(line.result_path("matches")) in str(caught.value)
    assert (caught.value.summary.matched, line.used) == (29, {"ACME": 29})
    assert line.result_path("matches").read_bytes() == before
    assert asyncio.run(line.run(max_items=None)).newly_booked == 0
    assert len(line.result("matches")) == 29
