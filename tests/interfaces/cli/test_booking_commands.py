"""Offers, scenarios, bookings and matching, as commands."""

import json
from typing import Any

import pytest

from tests.interfaces.cli.conftest import OFFERS, CommandLine

SOLAR = "Größe/☀ Solar"


def test_publishing_the_same_document_again_is_quiet(roof: CommandLine) -> None:
    again = roof.json("offers", "publish", "roof", "offers.json")
    assert (again["publication"], again["new"]) == (1, False)


def test_an_earlier_publication_stays_readable(roof: CommandLine) -> None:
    second: dict[str, Any] = {"SupplierOffers": [{"SupplierID": "ACME", "Capacity": 5}]}
    roof.ok("offers", "publish", "roof", roof.file("second.json", json.dumps(second)))
    assert roof.json("offers", "show", "roof")["document"] == second
    first = roof.json("offers", "show", "roof", "--publication", "1")
    assert first["document"] == OFFERS
    assert roof.ok("offers", "show", "roof", "--document") == json.dumps(second)
    missing = roof("offers", "show", "roof", "--publication", "7")
    assert missing.exit_code == 3
    assert "no publication 7, the newest is 2" in missing.stderr


def test_resync_takes_over_the_newest_offers_in_every_scenario(roof: CommandLine) -> None:
    roof.ok("scenarios", "open", "roof", "april")
    roof.ok("book", "roof", "march", "R-1", SOLAR)
    roof.ok("book", "roof", "march", "R-2", SOLAR)
    lowered = {"SupplierOffers": [{"SupplierID": SOLAR, "Capacity": 1}]}
    roof.ok("offers", "publish", "roof", roof.file("lowered.json", json.dumps(lowered)))
    changed = roof.json("resync", "roof")
    assert [(each["scenario"], each["changed"]) for each in changed] == [
        ("april", True),
        ("march", True),
    ]
    assert "overbooked by 1" in roof.ok("capacity", "roof", "march")
    assert roof.json("resync", "roof", "march")["changed"] is False


def test_a_booking_is_released_and_moved(roof: CommandLine) -> None:
    roof.ok("aliases", "set", "roof", "acme=ACME")
    roof.ok("book", "roof", "march", "R-1", SOLAR)
    moved = roof.json("reassign", "roof", "march", "R-1", "acme", "--reason", "closer")
    assert (moved["supplier_id"], moved["alias"], moved["used"]) == ("ACME", "acme", 1)
    released = roof.json("release", "roof", "march", "R-1", "--actor", "ada")
    assert (released["status"], released["used"]) == ("released", 0)
    assert roof("release", "roof", "march", "R-1").exit_code == 3


def test_booked_elsewhere_is_a_conflict(roof: CommandLine) -> None:
    roof.ok("book", "roof", "march", "R-1", "ACME")
    ended = roof("book", "roof", "march", "R-1", SOLAR, "--json")
    assert (ended.exit_code, ended.problem["code"]) == (4, "booked-elsewhere")


def test_history_tells_who_and_why_of_a_name_with_a_slash(roof: CommandLine) -> None:
    roof.ok("book", "roof", "march", "R-1", SOLAR, "--actor", "ada", "--reason", "März ☀")
    found = roof.json("history", "suppliers", f"roof/march/{SOLAR}")
    assert [each["topic"] for each in found] == [
        "suppliers.capacity_opened",
        "suppliers.slot_booked",
    ]
    assert (found[1]["actor"], found[1]["reason"]) == ("ada", "März ☀")
    assert found[1]["state"] == {"capacity": 2, "used": 1, "overbooked": 0}
    assert roof("history", "suppliers", "roof/march/Nobody").exit_code == 3
    assert [each["words"] for each in roof.json("history", "suppliers", "roof/march")][1:] == []


def test_reset_counts_from_zero(roof: CommandLine) -> None:
    roof.ok("book", "roof", "march", "R-1", "ACME")
    assert roof.json("reset", "roof", "march")["reset_number"] == 1
    assert roof.json("capacity", "roof", "march")["ACME"]["Used"] == 0
    roof.ok("book", "roof", "march", "R-1", "ACME")


WRITES = [
    ("offers", "publish", "roof", "more.json"),
    ("aliases", "set", "roof", "acme=ACME"),
    ("scenarios", "open", "roof", "april"),
    ("resync", "roof"),
    ("resync", "roof", "march"),
    ("reset", "roof", "march"),
    ("book", "roof", "march", "R-2", SOLAR),
    ("release", "roof", "march", "R-1"),
    ("reassign", "roof", "march", "R-1", SOLAR),
    ("match", "roof", "march", "registrations.json"),
    ("demo",),
    ("files", "verify", "--rewrite"),
    ("projections", "rebuild", "--all"),
    ("migrate",),
]


@pytest.mark.parametrize("arguments", WRITES, ids=lambda arguments: " ".join(arguments[:2]))
def test_a_dry_run_stores_nothing(roof: CommandLine, arguments: tuple[str, ...]) -> None:
    more = {"SupplierOffers": [{"SupplierID": "ACME", "Capacity": 9}]}
    roof.file("more.json", json.dumps(more))
    registration = {"registration_id": "R-3", "zip_code": "55419"}
    roof.file("registrations.json", json.dumps([registration]))
    roof.ok("book", "roof", "march", "R-1", "ACME")
    before = roof.ok("events", "tail", "--json", "--after", "0")
    roof.json(*arguments, "--dry-run")
    assert roof.ok(*arguments, "--dry-run")
    assert roof.ok("events", "tail", "--json", "--after", "0") == before


def test_matching_explains_itself_and_lists_what_is_left(roof: CommandLine) -> None:
    records = [
        {"RegistrationNumber": "R-1", "Contact_Zip": 55419, "product_type": "Solar"},
        {"registration_id": "R-2", "zip_code": "99999"},
        "no registration",
        {"registration_id": "R-3", "zip_code": "55407"},
    ]
    file = roof.file("registrations.json", json.dumps(records))
    ended = roof("match", "roof", "march", file, "--json", "--explain")
    assert ended.exit_code == 1  # one record could not be read
    assert ended.stderr == ""
    counts = {"booked": 2, "already_booked": 0, "unmatched": 1, "invalid": 1, "failed": 0}
    assert ended.document["counts"] == counts
    booked, unmatched, invalid, last = ended.document["results"]
    assert (booked["supplier_id"], booked["zip_code"]) == (SOLAR, "55419")
    assert [each["eligible"] for each in booked["considered"]] == [False, True]
    assert unmatched["reason"] == "no supplier serves 99999"
    assert "an object is needed" in invalid["reason"]
    assert last["status"] == "booked"
    people = roof("match", "roof", "march", file)
    assert "0 booked, 2 already booked, 1 unmatched, 1 invalid of 4" in people.stdout


@pytest.mark.parametrize("dry_run", [False, True])
def test_more_registrations_than_one_chunk_never_exceed_capacity(
    roof: CommandLine, dry_run: bool
) -> None:
    records = [{"registration_id": f"R-{each}", "zip_code": "55407"} for each in range(1_100)]
    file = roof.file("many.json", json.dumps(records))
    found = roof.json("match", "roof", "march", file, *(["--dry-run"] if dry_run else []))
    assert (found["counts"]["booked"], found["counts"]["unmatched"]) == (3, 1_097)


def test_registrations_come_as_csv_from_stdin(roof: CommandLine) -> None:
    table = "RegistrationNumber,Contact_Zip\nR-1,55407\nR-2,55419.0\n".encode("utf-8-sig")
    ended = roof("match", "roof", "march", "-", "--json", stdin=table)
    assert [each["zip_code"] for each in ended.document["results"]] == ["55407", "55419"]
    assert ended.document["counts"]["booked"] == 2


def test_matching_in_an_unknown_scenario_is_one_error(roof: CommandLine) -> None:
    file = roof.file("one.json", '[{"registration_id": "R-1", "zip_code": "55407"}]')
    assert roof("match", "roof", "may", file).exit_code == 3


def test_scenarios_are_listed_with_what_is_used(roof: CommandLine) -> None:
    roof.ok("book", "roof", "march", "R-1", "ACME")
    (march,) = roof.json("scenarios", "list", "roof")
    assert (march["scenario"], march["used"], march["capacity"]) == ("march", 1, 3)
    shown = roof.json("scenarios", "show", "roof", "march")
    assert shown["capacity_document"]["ACME"]["Used"] == 1
    assert "ACME" in roof.ok("scenarios", "show", "roof", "march")
    assert roof("scenarios", "show", "roof", "may").exit_code == 3
    assert roof("scenarios", "list", "nobody").exit_code == 3


def test_the_capacity_file_lies_where_it_was_asked_for(roof: CommandLine) -> None:
    roof.ok("scenarios", "open", "roof", "own", "--capacity-file", "own/place.json")
    assert (roof.folder / "data/own/place.json").exists()
    outside = roof("scenarios", "open", "roof", "out", "--capacity-file", "../x.json")
    assert outside.exit_code == 5
    assert "/capacity_file: found '../x.json'" in outside.stderr
    assert not (roof.folder / "x.json").exists()
    assert roof("scenarios", "open", "roof", "own").exit_code == 4


def test_a_capacity_file_shows_one_scenario(roof: CommandLine) -> None:
    taken = ("scenarios", "open", "roof", "may", "--capacity-file", "roof/capacity/march.json")
    before = roof.ok("events", "tail", "--after", "0")
    for options in ((), ("--dry-run",)):
        ended = roof(*taken, *options)
        assert ended.exit_code == 4
        assert "file roof/capacity/march.json belongs to the scenario roof/march" in ended.stderr
    refused = roof(*taken, "--json")
    assert (refused.exit_code, refused.problem["code"]) == (4, "capacity-file-taken")
    assert roof.ok("events", "tail", "--after", "0") == before
    assert roof("scenarios", "show", "roof", "may").exit_code == 3
    roof.ok("scenarios", "open", "roof", "may", "--capacity-file", "own/may.json")
    claimed = roof.ok("history", "suppliers", "own/may.json")
    assert "Claimed the capacity file own/may.json for roof/may" in claimed


def test_aliases_are_set_shown_and_taken_away(roof: CommandLine) -> None:
    assert "roof has no aliases." in roof.ok("aliases", "show", "roof")
    roof.ok("aliases", "set", "roof", "acme=ACME", "Acme=ACME")
    assert roof.json("aliases", "show", "roof")["aliases"] == {"acme": "ACME", "Acme": "ACME"}
    roof.ok("aliases", "set", "roof", "--clear")
    assert roof.json("aliases", "show", "roof")["aliases"] == {}
    assert roof("aliases", "set", "roof").exit_code == 2
    assert roof("aliases", "set", "roof", "acme").exit_code == 2
    assert roof("aliases", "set", "nobody", "acme=ACME").exit_code == 3
