"""Who is written down: the owner of a key; and what is kept of refusals and uses."""

import json
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from interfaces.http.admission import Admission
from interfaces.settings import Settings
from projections import access_records
from tests.interfaces.http.conftest import ALWAYS_FRESH, settings_of
from tests.support.keys import allowed, beside, make_key, refused, rotate_key
from tests.support.servers import MATCHES, Live, running, settings_in


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
