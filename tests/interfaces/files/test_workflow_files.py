"""Smart defaults: which files a run reads and writes, to the letter of the original."""

from pathlib import Path
from typing import Any

import pytest

from interfaces.files.handed_in import InputRefused
from interfaces.files.workflow_files import NamedFiles, WorkflowFiles
from interfaces.files.workflow_files import workflow_files as files_of

PREFIX = "sbus_p1m1m2c_openai_gpt4o_"


def found(**arguments: Any) -> WorkflowFiles:
    run = {"constellation": "p1m1m2c", "model": "openai_gpt4o", "business_line": "sbus"}
    return files_of(**run | arguments)


def test_folder_and_scenario_derive_everything() -> None:
    files = found(data_dir="data/sbus", scenario="overlap_only")
    assert files == WorkflowFiles(
        registrations=Path("data/sbus/registrations/overlap_only.json"),
        offers=Path("data/sbus/offers/base_offers.json"),
        capacity=Path("data/sbus/capacity/overlap_only.json"),
        matches=Path(f"data/sbus/results/{PREFIX}p1m1m2c_matches.json"),
        pos=Path(f"data/sbus/results/{PREFIX}p1m1m2c_pos.json"),
        stats=Path(f"data/sbus/results/{PREFIX}p1m1m2c_stats.csv"),
        incentives=None,
    )


@pytest.mark.parametrize("given", [{}, {"data_dir": "data/sbus"}, {"scenario": "overlap_only"}])
def test_only_one_of_the_two_derives_nothing(given: dict[str, str]) -> None:
    assert found(**given) == WorkflowFiles(
        registrations=Path("registrations.json"),
        offers=Path("offers.json"),
        capacity=Path("capacity.json"),
        matches=Path(f"{PREFIX}matches.json"),
        pos=Path(f"{PREFIX}pos.json"),
        stats=Path(f"{PREFIX}stats.csv"),
        incentives=None,
    )


@pytest.mark.parametrize("name", ["registrations", "offers", "capacity", "incentives"])
def test_a_path_that_is_named_wins_alone(name: str) -> None:
    derived = found(data_dir="data/sbus", scenario="overlap_only")
    named = NamedFiles(**{f"{name}_file": "elsewhere/mine.json"})
    files = found(data_dir="data/sbus", scenario="overlap_only", named=named)
    differing = [
        each for each in WorkflowFiles.__slots__ if getattr(files, each) != getattr(derived, each)
    ]
    assert differing == [name]
    assert getattr(files, name) == Path("elsewhere/mine.json")


@pytest.mark.parametrize("name", ["matches", "pos", "stats"])
def test_a_result_file_that_is_named_gets_the_prefix_too(name: str) -> None:
    files = found(named=NamedFiles(**{f"{name}_file": "elsewhere/mine"}))
    assert getattr(files, name) == Path(f"elsewhere/{PREFIX}mine")


def test_an_unknown_constellation_is_refused_with_those_allowed() -> None:
    with pytest.raises(InputRefused) as caught:
        found(constellation="p1")
    assert str(caught.value) == (
        "/constellation: found 'p1', allowed are p1m1m2c, p1m1c1m2c2, p1m1c1_p2m2c2, p1m1_p2m2"
    )
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize("constellation", ["p1m1m2c", "p1m1c1m2c2", "p1m1c1_p2m2c2", "p1m1_p2m2"])
def test_the_constellation_stands_in_the_names_of_results(constellation: str) -> None:
    files = found(constellation=constellation, data_dir="d", scenario="s")
    assert files.pos == Path(
        f"d/results/sbus_{constellation}_openai_gpt4o_{constellation}_pos.json"
    )
    assert files.capacity == Path("d/capacity/s.json")


def test_names_that_would_lead_elsewhere_are_refused_together() -> None:
    with pytest.raises(InputRefused) as caught:
        found(model="openai/gpt4o", business_line="", scenario="../march", data_dir="d")
    assert [pointer for pointer, _ in caught.value.faults] == [
        "/model",
        "/business_line",
        "/scenario",
    ]
