"""Who is let in over HTTP, on both stores: nobody without a key, from the first key on."""

import json
import sqlite3
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from prometheus_client.parser import text_string_to_metric_families

from interfaces.http.admission import Admission
from interfaces.http.errors import NotLetIn
from interfaces.http.server import NotLoopback, server_config
from interfaces.settings import Settings
from projections import access_records
from tests.interfaces.http.conftest import ALWAYS_FRESH, settings_of
from tests.support.keys import MadeKey, beside, make_key, revoke_key, rotate_key
from tests.support.servers import MATCHES, Live, running, settings_in, with_sample

HOUR = timedelta(hours=1)
DOCUMENT = json.loads((Path(__file__).parents[3] / "docs" / "openapi.json").read_text())
OPERATIONS = [
    (path, method, operation)
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
]
OPEN = ("/healthz", "/readyz", "/freshz", "/problems/{code}")


def refused(live: Live, key: MadeKey | None, **options: Any) -> tuple[int, str, str]:
    headers = key.headers if key else {}
    answered = live.client.get("/v1/lines", headers=headers, **options)
    problem = answered.json()
    assert answered.headers["content-type"] == "application/problem+json"
    return (
        answered.status_code,
        problem["type"].removeprefix("/problems/"),
        answered.headers.get("www-authenticate", ""),
    )


def allowed(live: Live, key: MadeKey) -> bool:
    return live.client.get("/v1/lines", headers=key.headers).status_code == 200


def test_without_keys_who_is_on_this_machine_is_local_or_says_who(locked: Live) -> None:
    locked.book("R-1")
    locked.book("R-2", headers={"Capacity-Actor": "ada", "Capacity-On-Behalf-Of": "zoë".encode()})
    booked = locked.events(topic="suppliers.booked")
    assert [(each["actor"], each["on_behalf_of"]) for each in booked] == [
        ("local", ""),
        ("ada", "zoë"),
    ]


def test_from_the_first_key_on_everybody_needs_one(locked: Live) -> None:
    key = make_key(settings_of(locked))
    assert refused(locked, None) == (401, "key-missing", "Bearer")
    assert allowed(locked, key)
    assert locked.book("R-1").status_code == 401
    assert locked.book("R-1", headers=key.headers).status_code == 201


def test_an_unknown_a_revoked_and_an_expired_key_open_nothing(locked: Live) -> None:
    settings, yesterday = settings_of(locked), datetime.now(UTC) - 24 * HOUR
    key, other = make_key(settings), make_key(settings)
    expired = make_key(settings, at=yesterday, expires_at=yesterday + HOUR)
    expiring = make_key(settings, expires_at=datetime.now(UTC) + HOUR)
    invalid = 'Bearer error="invalid_token"'
    unknown = MadeKey(key.key_id, other.secret[:-1] + ("A" if other.secret[-1] != "A" else "E"))
    assert refused(locked, unknown) == (401, "key-unknown", invalid)
    assert refused(locked, expired) == (401, "key-expired", invalid)
    assert allowed(locked, expiring)
    revoke_key(settings, key)
    assert refused(locked, key) == (401, "key-revoked", invalid)
    assert allowed(locked, other)


def test_the_last_key_that_is_revoked_leaves_the_door_shut(locked: Live) -> None:
    key = make_key(settings_of(locked))
    revoke_key(settings_of(locked), key)
    assert refused(locked, None) == (401, "key-missing", "Bearer")


@pytest.mark.parametrize("authorization", ["", "Bearer", "Basic YTpi", "cap_x", b"Bearer \xff"])
def test_what_is_no_key_is_no_key(locked: Live, authorization: Any) -> None:
    make_key(settings_of(locked))
    answered = locked.client.get("/v1/lines", headers={"Authorization": authorization})
    assert answered.status_code == 401


def test_two_keys_in_one_request_are_refused(locked: Live) -> None:
    one, two = make_key(settings_of(locked)), make_key(settings_of(locked))
    headers = [*one.headers.items(), *two.headers.items()]
    answered = locked.client.get("/v1/lines", headers=headers)
    assert (answered.status_code, "twice" in answered.text) == (422, True)


def test_rotation_overlaps_and_ends(locked: Live) -> None:
    settings = settings_of(locked)
    first = make_key(settings)
    second = rotate_key(settings, first, overlap=HOUR)
    assert (allowed(locked, first), allowed(locked, second)) == (True, True)
    third = rotate_key(settings, second, overlap=timedelta(0))
    assert refused(locked, second)[:2] == (401, "key-expired")
    assert refused(locked, first)[:2] == (401, "key-unknown")  # one secret before, no more
    assert allowed(locked, third)


# Scopes.


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


# Who is written down.


def test_the_actor_is_the_owner_and_nobody_else(locked: Live) -> None:
    key = make_key(settings_of(locked), owner="portal")
    posing = locked.book("R-1", headers=key.headers | {"Capacity-Actor": "ada"})
    assert posing.status_code == 403
    assert posing.json()["type"] == "/problems/actor-not-yours"
    same = locked.book("R-2", headers=key.headers | {"Capacity-Actor": "portal"})
    assert same.status_code == 201
    (booked,) = beside(settings_of(locked), lambda service: _booked(service))
    assert booked == ("portal", "")


def test_only_a_key_that_may_acts_on_behalf(locked: Live) -> None:
    settings = settings_of(locked)
    may, may_not = make_key(settings, may_act_on_behalf=True), make_key(settings)
    behalf = {"Capacity-On-Behalf-Of": "Ada Lovelace"}
    refused_one = locked.book("R-1", headers=may_not.headers | behalf)
    assert refused_one.json()["type"] == "/problems/on-behalf-not-allowed"
    assert locked.book("R-1", headers=may.headers | behalf).status_code == 201
    broken = locked.book("R-2", headers=may.headers | {"Capacity-On-Behalf-Of": b"\xff"})
    assert broken.status_code == 422
    (booked,) = beside(settings, lambda service: _booked(service))
    assert booked == ("portal", "Ada Lovelace")


def test_a_key_holder_could_pose_as_another_without_the_check(
    locked: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control: where the caller is not known, the header is believed."""
    key = make_key(settings_of(locked))

    async def let_in(self: Admission, scope: Any) -> None:
        return None

    monkeypatch.setattr(Admission, "admit", let_in)
    headers = key.headers | {"Capacity-Actor": "ada"}
    assert locked.book("R-1", headers=headers).status_code == 201
    (booked,) = beside(settings_of(locked), lambda service: _booked(service))
    assert booked == ("ada", "")


async def _booked(service: Any) -> list[tuple[str, str]]:
    rows = await service.ledger.store.feed(after=0, limit=100, topics=["suppliers.booked"])
    found = [json.loads(row.state)["provenance"] for row in rows]
    return [(each["actor"], each.get("on_behalf_of", "")) for each in found]


def test_a_person_s_key_says_whose_it_is(tmp_path: Path) -> None:
    settings = settings_in(tmp_path, **ALWAYS_FRESH)
    key = make_key(settings, person_id="P-7", may_act_on_behalf=True)

    async def turned(service: Any) -> Any:
        await service.keys.refresh()
        return service.keys.turn(key.secret.encode()).caller

    caller = beside(settings, turned)
    assert (caller.key_id, caller.owner, caller.person_id) == (key.key_id, "portal", "P-7")
    assert caller.scopes == {"read", "write"}


def test_an_idempotency_key_belongs_to_whom_one_acts_for(locked: Live) -> None:
    key = make_key(settings_of(locked), may_act_on_behalf=True)
    for name in ("Ada", "Zoe"):
        headers = key.headers | {"Capacity-On-Behalf-Of": name, "Idempotency-Key": "once"}
        answers = [locked.book("R-1", headers=headers) for _ in range(2)]
        assert [each.headers.get("idempotency-replayed") for each in answers] == [None, "true"]


def test_a_rotated_key_hears_its_first_reply(locked: Live) -> None:
    """The owner is the caller, whatever the secret."""
    settings = settings_of(locked)
    first = make_key(settings)
    again = rotate_key(settings, first, overlap=timedelta(0))
    told = locked.book("R-1", headers=again.headers | {"Idempotency-Key": "once"})
    third = rotate_key(settings, again, overlap=timedelta(0))
    repeated = locked.book("R-1", headers=third.headers | {"Idempotency-Key": "once"})
    assert (told.status_code, repeated.content) == (201, told.content)


# What is kept of refusals and uses.


def test_refusals_are_counted_and_kept(locked: Live) -> None:
    settings = settings_of(locked)
    key = make_key(settings, "read")
    refused(locked, None)
    locked.book("R-1", headers=key.headers)
    text = locked.client.get("/metrics", headers=key.headers).text
    counted = {
        sample.labels["reason"]: sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == "capacity_refusals_total"
    }
    assert counted == {"key-missing": 1, "scope-missing": 1}
    rows = _wait_for_refusals(settings, 2)
    assert [(each.reason, each.route, each.key_id) for each in rows] == [
        ("scope-missing", f"POST {MATCHES}", str(key.key_id)),
        ("key-missing", "GET /v1/lines", ""),
    ]
    assert {each.client_address for each in rows} == {"127.0.0.1"}


def test_a_key_s_last_use_is_stored(locked: Live) -> None:
    settings, begin = settings_of(locked), datetime.now(UTC)
    used, unused = make_key(settings), make_key(settings)
    assert allowed(locked, used)
    assert refused(locked, None)[0] == 401
    uses = _wait_for(settings, access_records.last_uses, 1)
    assert (str(used.key_id) in uses, str(unused.key_id) in uses) == (True, False)
    assert begin <= uses[str(used.key_id)] <= datetime.now(UTC)


def _wait_for_refusals(settings: Settings, count: int) -> Any:
    return _wait_for(settings, partial(access_records.newest_refusals, limit=100), count)


def _wait_for(settings: Settings, query: Any, count: int) -> Any:
    """Return what is stored when there is so much, by somebody who looks from outside."""
    for _ in range(200):
        if len(found := beside(settings, lambda service: service.read(query))) >= count:
            return found
    raise AssertionError(f"fewer than {count} are stored")


def test_a_key_in_the_path_is_not_kept(tmp_path: Path) -> None:
    settings = settings_in(tmp_path, **ALWAYS_FRESH)
    key = make_key(settings)
    with running(settings) as live:
        live.client.get(f"/v1/{key.secret}")
    (kept,) = _wait_for_refusals(settings, 1)
    assert kept.route == "GET /v1/cap_..."


# Where the keys cannot be read.


def test_a_server_with_keys_lets_nobody_in_while_they_cannot_be_read(tmp_path: Path) -> None:
    settings = settings_in(tmp_path, **ALWAYS_FRESH)
    key = make_key(settings)
    with running(settings) as live:
        assert allowed(live, key)
        _rename(settings, "api_keys", "hidden")
        answered = live.client.get("/v1/events", headers=key.headers)
        assert (answered.status_code, answered.json()["retryable"]) == (503, True)
        assert live.client.get("/healthz").status_code == 200
        _rename(settings, "hidden", "api_keys")
        assert allowed(live, key)


def test_a_server_without_keys_goes_on(tmp_path: Path) -> None:
    settings = settings_in(tmp_path, **ALWAYS_FRESH)
    with running(settings) as live:
        _rename(settings, "api_keys", "hidden")
        assert live.client.get("/v1/events").status_code == 200


def _rename(settings: Settings, table: str, name: str) -> None:
    with sqlite3.connect(settings.views_file) as connection:
        connection.execute(f"ALTER TABLE {table} RENAME TO {name}")
    connection.close()


@pytest.mark.parametrize("made", [True, False])
def test_who_deletes_the_read_models_opens_no_door(tmp_path: Path, made: bool) -> None:
    """Until they are made again the ledger says whether there are keys."""
    settings = settings_in(tmp_path, **ALWAYS_FRESH)
    with running(settings) as live:
        with_sample(live)
    key = make_key(settings) if made else MadeKey(UUID(int=0), "cap_" + 43 * "x")
    for each in tmp_path.glob("capacity.views.db*"):
        each.unlink()
    with running(settings, projector=None) as live:  # and so nobody makes them
        assert live.client.get("/v1/events").status_code == (401 if made else 200)
        known = live.client.get("/v1/events", headers=key.headers)
        assert known.status_code == (503 if made else 200)
        live.service.projector.catch_up()
        assert live.client.get("/v1/events").status_code == (401 if made else 200)
        assert live.client.get("/v1/events", headers=key.headers).status_code == 200


# Where other machines reach us.


def test_other_machines_are_served_only_where_there_is_a_key() -> None:
    settings = Settings(host="0.0.0.0")
    with pytest.raises(NotLoopback, match="capacity keys create --owner NAME"):
        server_config(settings)
    assert server_config(settings, active_keys=1).host == "0.0.0.0"


def test_such_a_server_asks_for_a_key_also_when_there_is_none_any_more(tmp_path: Path) -> None:
    """Its only key may be gone with the read models, or never have been there."""
    settings = settings_in(tmp_path, **ALWAYS_FRESH)

    async def admitted(service: Any) -> None:
        from interfaces.http.metrics import Metrics

        await service.keys.refresh()
        scope: dict[str, Any] = {
            "path": "/v1/lines",
            "method": "GET",
            "headers": [],
            "client": None,
        }
        await Admission(service, Metrics(), keys_only=False).admit(scope)  # the negative control
        with pytest.raises(NotLetIn, match="A key is needed"):
            await Admission(service, Metrics(), keys_only=True).admit(scope)

    beside(settings, admitted)
