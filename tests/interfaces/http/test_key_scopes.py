"""Every route lets in the scope that it declares, and no other."""

import json
from pathlib import Path
from typing import Any

import pytest

from interfaces.http.admission import Admission
from tests.interfaces.http.conftest import ALWAYS_FRESH
from tests.support.keys import make_key
from tests.support.servers import running, settings_in, with_sample

DOCUMENT = json.loads((Path(__file__).parents[3] / "docs" / "openapi.json").read_text())


OPERATIONS = [
    (path, method, operation)
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
]


OPEN = ("/healthz", "/readyz", "/freshz", "/problems/{code}")


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A server with one key for each scope."""
    settings = settings_in(tmp_path_factory.mktemp("guarded"), rate_refused="", **ALWAYS_FRESH)
    with running(settings) as live:
        with_sample(live)
        yield live.client, {each: make_key(settings, each) for each in ("read", "write", "staff")}


@pytest.mark.parametrize(("path", "method", "operation"), OPERATIONS)
def test_every_route_lets_in_the_scope_that_it_declares_and_no_other(
    guarded: Any, path: str, method: str, operation: dict[str, Any]
) -> None:
    client, keys = guarded
    url = path.format(
        line="x",
        scenario="y",
        supplier="z",
        registration_id="R",
        context="suppliers",
        id="i",
        code="key-missing",
        projection="supplier_capacity",
        key="matches/R",
        rebuild_id="01890a5d-ac96-774b-bcce-b302099a8057",
        vertical_id=1,
        department_id=1,
        role_id=1,
        person_id=1,
        project_id=1,
        project_role_id=1,
        template_id=1,
        assignment_id=1,
    )
    bare = client.request(method, url)
    if path in OPEN:
        assert (operation["security"], bare.status_code) == ([], 200)
        return
    assert bare.status_code == 401
    (needed,) = operation["security"][0]["key"]
    assert operation["security"][1:] == [{}]  # while there are no keys
    for scope, key in keys.items():
        with client.stream(method, url, headers=key.headers) as answered:
            if answered.is_error:
                answered.read()  # an answer that goes on for ever is no error
        assert (answered.status_code == 403) == (scope != needed)
        if scope != needed:
            assert f"The scope {needed} is needed" in answered.json()["detail"]
            assert f'scope="{needed}"' in answered.headers["www-authenticate"]
        assert "401" in operation["responses"]
        assert "403" in operation["responses"]


def test_what_has_no_route_needs_a_key_too(guarded: Any) -> None:
    client, keys = guarded
    for path in ("/openapi.json", "/nowhere", "/v1/lines/"):
        assert client.get(path).status_code == 401
    found = client.get("/openapi.json", headers=keys["read"].headers)
    assert found.json()["components"]["securitySchemes"]["key"]["scheme"] == "bearer"


def test_commands_change_what_their_scope_allows() -> None:
    by_scope: dict[str, set[str]] = {}
    for path, method, operation in OPERATIONS:
        for each in operation["security"][:1]:
            by_scope.setdefault(each["key"][0], set()).add(f"{method} {path.split('/')[-1]}")
    assert by_scope["staff"] >= {"put offers", "put aliases", "post reset", "post resync"}
    assert all(each.startswith("get ") for each in by_scope["read"])


def test_without_the_check_every_scope_would_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control."""
    settings = settings_in(tmp_path, **ALWAYS_FRESH)
    with running(settings) as live:
        with_sample(live)
        key = make_key(settings, "read")
        assert live.book("R-1", headers=key.headers).status_code == 403

        async def unchecked(self: Admission, *_: Any) -> None:
            return None

        monkeypatch.setattr(Admission, "check_route", unchecked)
        assert live.book("R-1", headers=key.headers).status_code == 201
