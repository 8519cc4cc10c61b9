"""The sample data, loaded by a command: what a person sees first."""

import shlex

from tests.interfaces.cli.conftest import CommandLine


def test_the_demo_fills_a_scenario_by_capacity(capacity: CommandLine) -> None:
    found = capacity.json("demo")
    assert found["counts"]["booked"] == 100
    for share in found["distribution"]["shares"]:
        assert abs(share["actual_share"] - share["expected_share"]) <= 0.01
    spread = capacity.json("distribution", "sbus", "overlap_only")
    assert spread == found["distribution"]
    document = capacity.json("capacity", "sbus", "overlap_only")
    assert sum(each["Used"] for each in document.values()) == 100
    listed = capacity.json("scenarios", "list", "sbus")
    assert {each["scenario"]: each["used"] for each in listed} == {
        "overlap_only": 100,
        "full_dataset": 0,
        "no_battery": 0,
    }


def test_the_demo_has_a_plan_that_stands_around_this_week(capacity: CommandLine) -> None:
    assert "Loaded: a plan of 24 people" in capacity.ok("demo", "--data", "none")
    report = capacity.json("report", "role-capacity", "--weeks", "12")
    assert report["series"][0]["roleName"] == "Project manager"
    for role in report["series"]:
        assert all(hours > 0 for hours in role["assigned"])
    assert report["summary"]["unmappedProjectRoleHours"] > 0


def test_a_second_demo_says_what_is_there(capacity: CommandLine) -> None:
    assert "100 booked of 100 registrations" in capacity.ok("demo")
    before = capacity.ok("events", "tail", "--json", "--after", "0")
    again = capacity.ok("demo")
    assert "There already: offers of the business line sbus." in again
    assert "There already: a plan of people." in again
    assert "0 booked, 100 already booked of 100 registrations." in again
    assert capacity.ok("events", "tail", "--json", "--after", "0") == before


def test_a_demo_on_dry_run_makes_nothing(capacity: CommandLine) -> None:
    assert "publish offers of sbus" in capacity.ok("demo", "--dry-run")
    assert list(capacity.folder.iterdir()) == []


def test_other_sample_data_can_be_chosen(capacity: CommandLine) -> None:
    assert capacity.json("demo", "--data", "no_battery")["matched"] == "no_battery"
    assert capacity("demo", "--data", "nothing").exit_code == 2


def test_what_to_look_at_next_works(capacity: CommandLine) -> None:
    """Every command that the demo recommends is run (but not the server)."""
    shown = capacity.ok("demo").partition("Look at next:\n")[2].splitlines()
    commands = [shlex.split(line.strip().partition("   ")[0])[1:] for line in shown]
    assert len(commands) == 6
    for arguments in commands:
        if arguments != ["serve"]:
            capacity.ok(*arguments)
