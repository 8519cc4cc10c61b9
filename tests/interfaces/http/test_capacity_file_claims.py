"""Two scenarios that want one capacity file, by HTTP: a 409 that names who has it."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from interfaces.demo import LINE
from tests.interfaces.http.conftest import settings_of
from tests.support.servers import Live

SCENARIOS = f"/v1/lines/{LINE}/scenarios"
OWN = "own/used.json"


def opened(live: Live, scenario: str, capacity_file: str = "", **options: Any) -> httpx.Response:
    body = {"capacity_file": capacity_file} if capacity_file else None
    return live.client.post(f"{SCENARIOS}/{scenario}", json=body, **options)


def test_a_taken_file_is_a_conflict_that_names_who_has_it(both: Live) -> None:
    assert opened(both, "first", OWN).status_code == 201
    before = both.events()
    refused = opened(both, "second", OWN)
    problem = refused.json()
    assert (refused.status_code, problem["type"]) == (409, "/problems/capacity-file-taken")
    assert problem["detail"] == (
        f"Capacity file {OWN} belongs to the scenario {LINE}/first, and a file shows one scenario; "
        "another path is needed"
    )
    assert not problem["retryable"]
    assert "capacity-file-taken" in both.client.get(problem["type"]).text
    assert both.events() == before
    assert both.client.get(f"{SCENARIOS}/second").status_code == 404
    assert opened(both, "second", "own/other.json").status_code == 201
    assert opened(both, "first", OWN).status_code == 200


def test_a_dry_run_is_refused_as_well(live: Live) -> None:
    opened(live, "first", OWN)
    tried = opened(live, "second", OWN, params={"dry_run": "true"})
    assert (tried.status_code, tried.json()["dry_run"]) == (409, True)


def test_a_refusal_is_repeated_under_its_key(live: Live) -> None:
    opened(live, "first", OWN)
    key = {"Idempotency-Key": "once"}
    refused, again = (opened(live, "second", OWN, headers=key) for _ in range(2))
    assert (refused.status_code, again.content) == (409, refused.content)
    assert again.headers["idempotency-replayed"] == "true"


def test_of_many_requests_at_once_one_has_the_file(both: Live) -> None:
    names = [f"s{number}" for number in range(8)]
    with ThreadPoolExecutor(len(names)) as pool:
        found = [each.status_code for each in pool.map(lambda name: opened(both, name, OWN), names)]
    assert sorted(found) == [201] + [409] * 7
    listed = both.client.get(SCENARIOS, headers={"Prefer": "wait=30"}).json()
    assert len(listed["scenarios"]) == 2  # that of the sample, and the one


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (OWN, "./own//used.json"),
        ("link/used.json", OWN),
        (OWN, "link/used.json"),
        ("", "link.json"),
        ("link.json", ""),
    ],
)
def test_another_way_to_the_same_file_is_found(live: Live, first: str, second: str) -> None:
    data_dir = _with_links(settings_of(live).data_dir)
    assert opened(live, "a" if second else "b", first).status_code == 201
    refused = opened(live, "b" if second else "a", second)
    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/capacity-file-taken")
    assert data_dir.joinpath("link").is_symlink()


def _with_links(data_dir: Path) -> Path:
    """Let `link` lead to `own`, and `link.json` to the default file of the scenario `a`."""
    (data_dir / "own").mkdir(parents=True, exist_ok=True)
    (data_dir / "link").symlink_to("own")
    (data_dir / "link.json").symlink_to(Path(LINE) / "capacity" / "a.json")
    return data_dir
