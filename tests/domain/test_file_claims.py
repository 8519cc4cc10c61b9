"""A capacity file belongs to the scenario that claimed it first, however its path is spelled."""

import pytest

from domain.suppliers import CapacityFileTaken, FileClaim
from domain.suppliers.file_claims import default_file, file_of, scenario_at_home_in
from tests.support.given import Scenario, fact

CLAIMED = fact(FileClaim.Claimed, file="own/used.json", line="sbus", scenario="overlap_only")
REFUSAL = (
    "Capacity file own/used.json belongs to the scenario sbus/overlap_only, and a file shows one "
    "scenario; another path is needed"
)


def claiming(claim: FileClaim, line: str = "sbus", scenario: str = "overlap_only") -> None:
    claim.claim("own/used.json", line, scenario)


def test_claims_a_file(file_claim: Scenario[FileClaim]) -> None:
    now = file_claim.when(claiming).then(CLAIMED)
    assert (now.file, now.line, now.scenario) == ("own/used.json", "sbus", "overlap_only")


def test_claiming_again_is_quiet(file_claim: Scenario[FileClaim]) -> None:
    file_claim.given(CLAIMED).when(claiming).then_nothing()


@pytest.mark.parametrize("other", [("sbus", "no_battery"), ("roof", "overlap_only")])
def test_refuses_another_scenario(file_claim: Scenario[FileClaim], other: tuple[str, str]) -> None:
    (
        file_claim.given(CLAIMED)
        .when(lambda claim: claiming(claim, *other))
        .then_raises(CapacityFileTaken, REFUSAL)
    )


def test_a_file_that_nobody_claimed_is_free_for_everybody(file_claim: Scenario[FileClaim]) -> None:
    file_claim.when(lambda claim: claim.check_free_for("sbus", "no_battery")).then_nothing()


@pytest.mark.parametrize(
    ("text", "known_as"),
    [
        ("own/used.json", "own/used.json"),
        ("./own//used.json", "own/used.json"),
        ("own/./used.json", "own/used.json"),
        ("other/../own/used.json", "own/used.json"),
        ("Own/used.json", "Own/used.json"),
        ("/srv/own/used.json", "/srv/own/used.json"),
        ("", "sbus/capacity/overlap_only.json"),
    ],
)
def test_spellings_of_one_path_are_one_file(text: str, known_as: str) -> None:
    assert file_of("sbus", "overlap_only", text) == known_as


@pytest.mark.parametrize(
    ("file", "scenario"),
    [
        ("sbus/capacity/overlap_only.json", ("sbus", "overlap_only")),
        ("sbus/capacity/a.json.json", ("sbus", "a.json")),
        ("sbus/capacity/overlap_only.txt", None),
        ("sbus/other/overlap_only.json", None),
        ("sbus/capacity/deeper/overlap_only.json", None),
        ("overlap_only.json", None),
    ],
)
def test_a_default_path_names_its_scenario(file: str, scenario: tuple[str, str] | None) -> None:
    assert scenario_at_home_in(file) == scenario
    if scenario is not None:
        assert default_file(*scenario) == file


def test_has_an_identity_of_its_own() -> None:
    assert len({FileClaim.identity(each) for each in ("a.json", "b.json", "A.json")}) == 3
