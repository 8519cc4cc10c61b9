"""What may happen to an API key."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from domain.access import ApiKey, KeyExists, KeyExpired, KeyNotFound, KeyRevoked
from domain.access.secrets import SECRET_PATTERN, digest_of, secret_of
from domain.errors import Invalid
from tests.support.given import SOME_ID, Scenario, fact

NOW = datetime(2026, 11, 22, 5, 0, tzinfo=UTC)
DAY = timedelta(days=1)
FIRST, SECOND = bytes(32), bytes([1]) * 32
CREATED = fact(ApiKey.Created, owner="portal", scopes=("read", "write"), secret_sha256=FIRST)
ROTATED = fact(ApiKey.Rotated, secret_sha256=SECOND, previous_expires_at=NOW + DAY)
REVOKED = fact(ApiKey.Revoked)


def create(key: ApiKey, **changes: Any) -> bool:
    said: dict[str, Any] = {
        "owner": "portal",
        "scopes": ["write", "read"],
        "secret_sha256": FIRST,
        "at": NOW,
    }
    return key.create(**(said | changes))


def test_a_key_is_created_with_its_scopes_in_their_order(api_key: Scenario[ApiKey]) -> None:
    api_key.when(create).then(CREATED)


def test_creating_it_again_is_quiet(api_key: Scenario[ApiKey]) -> None:
    api_key.given(CREATED).when(create).then_nothing()


def test_another_key_under_the_same_id_is_refused(api_key: Scenario[ApiKey]) -> None:
    api_key.given(CREATED).when(lambda key: create(key, owner="eve")).then_raises(
        KeyExists, f"Key {SOME_ID} was made before, for portal; take a new id"
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"owner": " "}, "/owner: found an empty text, a name is needed"),
        ({"scopes": []}, "/scopes: found none, at least one is needed of: read, write, staff"),
        ({"scopes": ["admin"]}, "/scopes: found 'admin', known scopes: read, write, staff"),
        ({"person_id": "a\x00b"}, "/person_id: found the character U+0000, which no name may hold"),
        ({"expires_at": NOW}, "/expires_at: found 2026-11-22T05:00:00+00:00, which is over"),
        ({"secret_sha256": b"x"}, "/secret_sha256: found 1 bytes, 32 are needed"),
    ],
)
def test_every_fault_of_a_new_key_is_named(
    api_key: Scenario[ApiKey], changes: dict[str, Any], message: str
) -> None:
    api_key.when(lambda key: create(key, **changes)).then_raises(Invalid, message)


def test_rotation_keeps_the_secret_before_for_the_overlap(api_key: Scenario[ApiKey]) -> None:
    key = api_key.given(CREATED).when(lambda key: key.rotate(SECOND, overlap=DAY, at=NOW))
    assert key.then(ROTATED).secret_sha256 == SECOND


def test_rotating_to_the_same_secret_is_quiet(api_key: Scenario[ApiKey]) -> None:
    (
        api_key.given(CREATED, ROTATED)
        .when(lambda key: key.rotate(SECOND, overlap=DAY, at=NOW))
        .then_nothing()
    )


@pytest.mark.parametrize("overlap", [timedelta(seconds=-1), timedelta(days=31)])
def test_refuses_an_overlap_out_of_bounds(api_key: Scenario[ApiKey], overlap: timedelta) -> None:
    api_key.given(CREATED).when(
        lambda key: key.rotate(SECOND, overlap=overlap, at=NOW)
    ).then_raises(Invalid, f"/overlap: found {overlap}, from 0 to 30 days are allowed")


def test_what_was_revoked_or_is_over_cannot_be_rotated(api_key: Scenario[ApiKey]) -> None:
    expiring = fact(
        ApiKey.Created, owner="ada", scopes=("read",), secret_sha256=FIRST, expires_at=NOW
    )
    Scenario(ApiKey).given(expiring).when(
        lambda key: key.rotate(SECOND, overlap=DAY, at=NOW)
    ).then_raises(
        KeyExpired,
        f"Key {SOME_ID} of ada expired at 2026-11-22T05:00:00+00:00; create a new one",
    )
    api_key.given(CREATED, REVOKED).when(
        lambda key: key.rotate(SECOND, overlap=DAY, at=NOW)
    ).then_raises(KeyRevoked, f"Key {SOME_ID} of portal is revoked; create a new one")


def test_revoking_twice_is_quiet(api_key: Scenario[ApiKey]) -> None:
    api_key.given(CREATED).when(lambda key: key.revoke("lost")).then(REVOKED)
    Scenario(ApiKey).given(CREATED, REVOKED).when(lambda key: key.revoke("")).then_nothing()


def test_who_revokes_says_why(api_key: Scenario[ApiKey]) -> None:
    api_key.given(CREATED).when(lambda key: key.revoke(" ")).then_raises(
        Invalid, "/reason: found none, who revokes a key says why"
    )


@pytest.mark.parametrize("name", ["rotate", "revoke"])
def test_a_key_that_was_never_made_is_not_found(api_key: Scenario[ApiKey], name: str) -> None:
    def decide(key: ApiKey) -> bool:
        if name == "revoke":
            return key.revoke("lost")
        return key.rotate(SECOND, overlap=DAY, at=NOW)

    api_key.when(decide).then_raises(KeyNotFound, f"No key has the id {SOME_ID}")


def test_a_secret_is_recognised_and_holds_all_its_randomness() -> None:
    assert SECRET_PATTERN.fullmatch(secret_of(FIRST))
    assert secret_of(FIRST) != secret_of(SECOND)
    assert digest_of(b"abc").hex().startswith("ba7816bf")
    with pytest.raises(ValueError, match="31 bytes, 32 are needed"):
        secret_of(bytes(31))
