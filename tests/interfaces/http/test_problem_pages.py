"""The link of a problem leads to what it means."""

from pathlib import Path
from typing import Any

from interfaces.http.problem_pages import sections

ROOT = Path(__file__).parents[3]


def test_the_type_of_a_problem_can_be_followed(shared: Any) -> None:
    problem = shared.client.get("/v1/lines/nowhere/offers").json()
    page = shared.client.get(problem["type"])
    assert (page.status_code, page.headers["content-type"]) == (200, "text/markdown; charset=utf-8")
    assert page.text.startswith("# line-not-found\n\n404. No offers were ever published")


def test_every_section_is_served(shared: Any) -> None:
    assert len(sections()) > 20
    for code in sections():
        assert shared.client.get(f"/problems/{code}").text.startswith(f"# {code}\n\n")


def test_a_problem_that_nobody_has_is_a_problem(shared: Any) -> None:
    answered = shared.client.get("/problems/too-much-coffee")
    assert answered.status_code == 404
    assert answered.json()["type"] == "/problems/problem-not-found"
    assert shared.client.get(answered.json()["type"]).status_code == 200


def test_the_package_carries_what_the_docs_say() -> None:
    """If not: python -m interfaces.reference ."""
    served = (ROOT / "interfaces" / "http" / "problems.md").read_bytes()
    assert served == (ROOT / "docs" / "problems.md").read_bytes()
