"""`capacity files migrate` and `capacity files reset`: usage moves, and goes back to zero."""

import json
from pathlib import Path
from typing import Any

import pytest

from interfaces.demo import offers_document
from interfaces.files import migration
from tests.interfaces.cli.conftest import CommandLine
from tests.support.ledgers import migrated

OFFERS = "data/sbus/offers/base_offers.json"
MARCH = "data/sbus/capacity/march.json"
USED = {"All Energy Solar": 5, "iSoalr": 0, "TruNorthSolar": 15}


@pytest.fixture(params=["sqlite", "postgres"])
def folder(
    request: pytest.FixtureRequest, capacity: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> CommandLine:
    """A folder, with the ledger beside each file or in PostgreSQL."""
    if request.param == "postgres":
        url = migrated(request.getfixturevalue("postgres_url"))
        monkeypatch.setenv("CAPACITY_DATABASE_URL", url)
    return capacity


def put(capacity: CommandLine, path: str, document: Any) -> bytes:
    """Put a file where its folder may not be yet."""
    content = document if isinstance(document, bytes) else json.dumps(document, indent=2).encode()
    (capacity.folder / path).parent.mkdir(parents=True, exist_ok=True)
    (capacity.folder / path).write_bytes(content)
    return content


def put_offers(capacity: CommandLine, path: str = OFFERS, **more: Any) -> bytes:
    """Put offers in which usage stands, and return their bytes."""
    document = json.loads(offers_document())
    for offer in document["SupplierOffers"]:
        used = USED[offer["SupplierID"]]
        offer |= {"Used": used, "UsedPct": round(used / offer["Capacity"], 2), "Größe": "ë"} | more
    return put(capacity, path, document)


def everything(capacity: CommandLine) -> dict[Path, bytes]:
    """Return all files but the ledgers and locks."""
    return {
        path.relative_to(capacity.folder): path.read_bytes()
        for path in capacity.folder.rglob("*")
        if path.is_file() and not path.name.startswith(".")
    }


def read(capacity: CommandLine, path: str) -> Any:
    return json.loads((capacity.folder / path).read_bytes())


def used(capacity: CommandLine, path: str = MARCH) -> dict[str, int]:
    return {name: each["Used"] for name, each in read(capacity, path).items()}


# Migrate.


def test_usage_moves_to_the_file_that_workflows_read(folder: CommandLine) -> None:
    before = put_offers(folder)
    answer = folder.ok("files", "migrate", OFFERS, "--scenario", "march")
    assert f"usage of 3 suppliers in {OFFERS} to {MARCH}" in answer
    assert used(folder) == USED
    offers = read(folder, OFFERS)["SupplierOffers"]
    assert all("Used" not in each and "UsedPct" not in each for each in offers)
    assert offers[0]["Größe"] == "ë"
    assert (folder.folder / f"{OFFERS}.backup").read_bytes() == before
    assert (folder.folder / OFFERS).read_bytes() == _without_usage(before)


def _without_usage(content: bytes) -> bytes:
    lines = [each for each in content.decode().splitlines() if '"Used' not in each]
    return "\n".join(lines).encode()


def test_migrating_twice_is_migrating_once(folder: CommandLine) -> None:
    put_offers(folder)
    folder.ok("files", "migrate", "--all", "--scenario", "march")
    once = everything(folder)
    again = folder.ok("files", "migrate", "--all", "--scenario", "march")
    assert f"Nothing to migrate in {OFFERS}" in again
    assert everything(folder) == once
    assert folder.json("files", "migrate", OFFERS)["files"][0]["migrated"] is False


def test_a_migration_that_was_interrupted_goes_on(folder: CommandLine) -> None:
    """It died after the capacity file was written, and before the offers were."""
    before = put_offers(folder)
    folder.ok("files", "migrate", OFFERS, "--scenario", "march")
    done = everything(folder)
    (folder.folder / OFFERS).write_bytes(before)
    folder.ok("files", "migrate", OFFERS, "--scenario", "march")
    assert everything(folder) == done


def test_a_dry_run_writes_nothing_at_all(folder: CommandLine) -> None:
    put_offers(folder)
    before = sorted(folder.folder.rglob("*"))
    found = folder.json("files", "migrate", "--all", "--scenario", "march", "--dry-run")
    assert found["files"][0] == {
        "offers": OFFERS,
        "capacity": MARCH,
        "used": USED,
        "warnings": [],
        "migrated": False,
    }
    assert sorted(folder.folder.rglob("*")) == before


def test_a_share_that_disagrees_is_told_and_used_is_kept(capacity: CommandLine) -> None:
    put_offers(capacity, Used=71, UsedPct=0.5)
    ended = capacity("files", "migrate", OFFERS, "--scenario", "march")
    assert ended.exit_code == 0
    assert "All Energy Solar: UsedPct says 0.5, but 71 of 70 used is 1.01; Used is" in ended.stderr
    assert used(capacity)["All Energy Solar"] == 71


def test_the_scenario_is_found_where_there_is_one_and_asked_for_where_there_are_more(
    capacity: CommandLine,
) -> None:
    """The original wrote capacity.json, which no workflow reads."""
    before = put_offers(capacity)
    for name in ("april", "march"):
        put(capacity, f"data/sbus/registrations/{name}.json", [])
    ended = capacity("files", "migrate", "--all")
    assert ended.exit_code == 5
    assert "/scenario: found none" in ended.stderr
    assert "one of april, march is needed" in ended.stderr
    assert (capacity.folder / OFFERS).read_bytes() == before
    (capacity.folder / "data/sbus/registrations/april.json").unlink()
    capacity.ok("files", "migrate", "--all")
    assert used(capacity) == USED
    put(capacity, "data/sbus/registrations/april.json", [])
    assert "Nothing to migrate" in capacity.ok("files", "migrate", "--all")


def test_offers_may_be_named_from_inside_their_folder(
    capacity: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_offers(capacity)
    monkeypatch.chdir(capacity.folder / "data/sbus/offers")
    capacity.ok("files", "migrate", "base_offers.json", "--scenario", "march")
    assert used(capacity) == USED


def test_other_offers_keep_the_original_names(capacity: CommandLine) -> None:
    for name in ("base_offers", "offers_no_aes_battery", "prices"):
        put_offers(capacity, f"data/sbus/offers/{name}.json")
    found = capacity.json("files", "migrate", "--all")
    assert [Path(each["capacity"]).name for each in found["files"]] == [
        "capacity.json",
        "capacity_no_aes_battery.json",
        "capacity_prices.json",
    ]


def test_one_capacity_file_is_not_made_of_two_usages(capacity: CommandLine) -> None:
    both = ("a/offers/base_offers.json", "a/offers/offers.json")
    before = [put_offers(capacity, each) for each in both]
    ended = capacity("files", "migrate", *both)
    assert ended.exit_code == 5
    assert (
        f"in {both[0]} and in {both[1]} would both go to a/capacity/capacity.json" in ended.stderr
    )
    assert [(capacity.folder / each).read_bytes() for each in both] == before


def test_a_file_that_is_named_twice_is_migrated_once(capacity: CommandLine) -> None:
    put_offers(capacity)
    twice = (OFFERS, "data/sbus/offers/../offers/base_offers.json")
    found = capacity.json("files", "migrate", *twice, "--scenario", "march")
    assert [each["migrated"] for each in found["files"]] == [True]


def test_a_capacity_file_that_says_something_else_is_not_overwritten(folder: CommandLine) -> None:
    before = put_offers(folder)
    there = put(
        folder, MARCH, {"iSoalr": {"SupplierID": "iSoalr", "Capacity": 9, "Used": 3, "UsedPct": 0}}
    )
    ended = folder("files", "migrate", OFFERS, "--scenario", "march")
    assert ended.exit_code == 5
    assert f"{MARCH} is there already, and differs from {OFFERS} for All" in ended.stderr
    assert (folder.folder / MARCH).read_bytes() == there
    assert (folder.folder / OFFERS).read_bytes() == before


def test_without_comparing_the_usage_would_be_lost(
    capacity: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: it is the comparison that keeps the offers' usage from being thrown away."""
    put_offers(capacity)
    other = {"SupplierID": "iSoalr", "Capacity": 9, "Used": 3, "UsedPct": 0.33}
    put(capacity, MARCH, {"iSoalr": other})
    monkeypatch.setattr(migration, "_check_same_usage", lambda migration: None)
    capacity.ok("files", "migrate", OFFERS, "--scenario", "march")
    assert used(capacity) == {"iSoalr": 3}
    assert "Used" not in (capacity.folder / OFFERS).read_text()


def test_no_backup_is_overwritten(capacity: CommandLine) -> None:
    put_offers(capacity)
    other = put(capacity, f"{OFFERS}.backup", b"of another day")
    capacity.ok("files", "migrate", OFFERS, "--scenario", "march")
    assert (capacity.folder / f"{OFFERS}.backup").read_bytes() == other
    assert (capacity.folder / f"{OFFERS}.backup-2").exists()


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"Used": 2.5}, "/SupplierOffers/0/Used: "),
        ({"Used": -1}, "found -1"),
        ({"Used": True}, "found true"),
        ({"Used": None}, "found null"),
        ({"Used": "5"}, "found '5'"),
        ({"Capacity": 1.5}, "/SupplierOffers/0/Capacity: "),
    ],
)
def test_usage_that_is_none_is_refused(
    capacity: CommandLine, more: dict[str, Any], said: str
) -> None:
    before = put_offers(capacity, **more)
    ended = capacity("files", "migrate", OFFERS, "--scenario", "march")
    assert (ended.exit_code, ended.stdout) == (5, "")
    assert said in ended.stderr
    assert everything(capacity) == {Path(OFFERS): before}


def test_torn_and_missing_offers_are_refused_before_any_is_migrated(capacity: CommandLine) -> None:
    before = put_offers(capacity)
    put(capacity, "data/sbus/offers/torn.json", before[:-9])
    assert "no JSON" in capacity("files", "migrate", "--all", "--scenario", "march").stderr
    ended = capacity("files", "migrate", OFFERS, "missing.json")
    assert "missing.json cannot be read: no such file" in ended.stderr
    assert ended.exit_code == 5
    assert (capacity.folder / OFFERS).read_bytes() == before


def test_a_capacity_file_that_is_none_is_not_migrated_onto(folder: CommandLine) -> None:
    before = put_offers(folder)
    put(folder, MARCH, b"[17]")
    ended = folder("files", "migrate", OFFERS, "--scenario", "march", "--json")
    assert (ended.exit_code, ended.problem["code"]) == (5, "capacity-file-refused")
    assert f"{MARCH}: found [17]" in ended.problem["message"]
    assert (folder.folder / OFFERS).read_bytes() == before


def test_a_disk_that_fails_leaves_the_offers_whole(folder: CommandLine) -> None:
    before = put_offers(folder)
    put(folder, "data/sbus/capacity", b"a file where a folder should be")
    ended = folder("files", "migrate", OFFERS, "--scenario", "march", "--json")
    assert (ended.exit_code, ended.problem["code"]) == (6, "capacity-not-kept")
    assert f"{OFFERS} is not migrated now" in ended.problem["message"]
    assert (folder.folder / OFFERS).read_bytes() == before
    (folder.folder / "data/sbus/capacity").unlink()
    folder.ok("files", "migrate", OFFERS, "--scenario", "march")
    assert used(folder) == USED


def test_nothing_named_is_answered_with_the_help(capacity: CommandLine) -> None:
    told = capacity.ok("files", "migrate")
    assert told.startswith("Please specify files to migrate or use --all\n")
    assert (
        capacity.ok("files", "migrate", "--all") == "No offers files found in data/sbus/offers/\n"
    )


# Reset.


def record(used_slots: int) -> dict[str, Any]:
    return {"SupplierID": "ACME", "Capacity": 9, "Used": used_slots, "UsedPct": 0.5, "note": "kept"}


def test_all_files_are_reset_as_by_the_original(folder: CommandLine) -> None:
    put(folder, MARCH, {"ACME": record(5), "note": "no record"})
    put(folder, "data/sbus/capacity/list.json", [1])
    put(folder, "data/sbus/capacity/deeper/other.json", {"ACME": record(5)})
    assert folder.ok("files", "reset", "--all", "nothing.json") == (
        "Resetting capacity for 2 file(s)...\n"
        "\n"
        "❌ Invalid capacity file format: data/sbus/capacity/list.json\n"
        "✓ Reset capacity in data/sbus/capacity/march.json\n"
        "\n"
        "✅ Done!\n"
    )
    assert read(folder, MARCH) == {
        "ACME": record(0) | {"UsedPct": 0.0},
        "note": "no record",
    }
    assert used(folder, "data/sbus/capacity/deeper/other.json") == {"ACME": 5}


def test_a_file_that_is_missing_ends_the_reset_after_those_before_it(folder: CommandLine) -> None:
    """Where the original ended with a traceback, ours says why, and the exit code is 1."""
    for name in ("a", "c"):
        put(folder, f"{name}.json", {"ACME": record(5)})
    put(folder, "torn.json", b'{"ACME"')
    for wrong, said in (
        ("b.json", "Error: Capacity file not found: b.json"),
        ("torn.json", "torn.json: no JSON"),
    ):
        put(folder, "a.json", {"ACME": record(5)})
        ended = folder("files", "reset", "a.json", wrong, "c.json")
        assert ended.exit_code == 1
        assert ended.stdout == (
            "Resetting capacity for 3 file(s)...\n\n✓ Reset capacity in a.json\n"
        )
        assert said in ended.stderr
        assert (used(folder, "a.json"), used(folder, "c.json")) == ({"ACME": 0}, {"ACME": 5})


def test_nothing_to_reset_is_no_failure(capacity: CommandLine) -> None:
    assert capacity.ok("files", "reset", "--all") == (
        "No capacity files found in data/sbus/capacity/\n"
    )
    told = capacity.ok("files", "reset")
    assert told.startswith("Please specify files to reset or use --all\n")
    assert "files reset [OPTIONS]" in told
    assert capacity.json("files", "reset")["files"] == []


def test_results_are_told_as_json(capacity: CommandLine) -> None:
    put(capacity, "a.json", {"ACME": record(5)})
    ended = capacity("files", "reset", "a.json", "b.json", "--json")
    assert [each["status"] for each in ended.document["files"]] == ["reset", "failed"]
    assert (ended.exit_code, ended.problem["code"]) == (1, "not-reset")


def test_a_file_of_the_ledger_at_hand_is_reset_in_that_ledger(capacity: CommandLine) -> None:
    """No second ledger is made beside a file that the service writes."""
    capacity.ok("demo", "--data", "no_battery")
    path = "data/sbus/capacity/no_battery.json"
    assert sum(used(capacity, path).values()) > 0
    capacity.ok("files", "reset", path)
    assert sum(used(capacity, path).values()) == 0
    assert not (capacity.folder / "data/sbus/capacity/.no_battery.ledger.db").exists()
    assert all(each["status"] == "ok" for each in capacity.json("files", "verify"))
    listed = capacity.json("scenarios", "list", "sbus")
    assert {each["scenario"]: each["reset_number"] for each in listed}["no_battery"] == 1
