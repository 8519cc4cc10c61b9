"""The OpenAPI document is current, and the server keeps to it under fuzzing."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from domain.errors import DomainError
from interfaces.http.app import create_app
from interfaces.http.errors import UNAVAILABLE
from interfaces.http.openapi import text
from interfaces.settings import Settings

DOCS = Path(__file__).parents[3] / "docs"
EXAMPLES = 25
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    response_headers_conformance,
]


def test_the_committed_document_is_current() -> None:
    """If not: python -m interfaces.http.openapi > docs/openapi.json ."""
    assert (DOCS / "openapi.json").read_text() == text(create_app(Settings()))


LAYERS = ("domain", "application", "projections", "interfaces")


def _codes(error: type[DomainError]) -> Iterator[str]:
    if error.__module__.partition(".")[0] in LAYERS:  # and not a test's, or a documentation page's
        yield error.code
    for each in error.__subclasses__():
        yield from _codes(each)


def test_every_problem_has_its_section() -> None:
    sections = {
        line.removeprefix("## ")
        for line in (DOCS / "problems.md").read_text().splitlines()
        if line.startswith("## ")
    }
    kinds = {"domain-error", "not-found", "conflict", "refused"}
    sent_by_the_door = {code for _, code in UNAVAILABLE} | {"internal-error"}
    assert (set(_codes(DomainError)) - kinds) | sent_by_the_door <= sections


DOCUMENT = json.loads((DOCS / "openapi.json").read_text())
ENDLESS = "/v1/events/stream"  # an answer without an end cannot be validated; it has its own tests
OPERATIONS = [
    (path, method)
    for path, methods in DOCUMENT["paths"].items()
    for method in methods
    if path != ENDLESS
]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, run_server: Any) -> Iterator[Any]:
    """The sample line; a wait for a position that will never come is over soon."""
    with run_server(tmp_path_factory.mktemp("fuzz"), wait_seconds=0.01) as live:
        yield live


@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_nothing_undocumented_is_answered(server: Any, path: str, method: str) -> None:
    operation = schemathesis.openapi.from_dict(DOCUMENT)[path][method]

    @given(
        case=operation.as_strategy(generation_mode=GenerationMode.POSITIVE)
        | operation.as_strategy(generation_mode=GenerationMode.NEGATIVE)
    )
    @settings(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck), database=None)
    def check(case: Any) -> None:
        case.call_and_validate(base_url=str(server.client.base_url), checks=CHECKS)

    check()
