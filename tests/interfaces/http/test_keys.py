"""Who is let in over HTTP, on both stores: nobody without a key, from the first key on."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from interfaces.http.admission import Admission
from interfaces.http.errors import NotLetIn
from interfaces.http.server import NotLoopback, server_config
from interfaces.settings import Settings
from tests.interfaces.http.conftest import ALWAYS_FRESH, settings_of
from tests.support.keys import MadeKey, allowed, beside, make_key, refused, revoke_key, rotate_key
from tests.support.servers import Live, settings_in

HOUR = timedelta(hours=1)


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
