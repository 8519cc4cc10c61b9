"""The read model of keys, and the two tables beside it, on both stores."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from msgspec.structs import replace

from domain.access import ApiKey
from projections import access_records, api_keys
from projections.access_records import Refusal
from projections.projector import Projector
from tests.projections.conftest import RECORDED_AT, BareLedger
from tests.support.given import SOMEBODY

KEY_ID, OTHER_ID = UUID(int=0xA), UUID(int=0xB)
FIRST, SECOND = bytes(32), bytes([1]) * 32
HOUR = timedelta(hours=1)


def stamped(event: Any, version: int, key_id: UUID = KEY_ID) -> Any:
    provenance = replace(SOMEBODY, recorded_at=RECORDED_AT + version * HOUR)
    return replace(event, originator_id=key_id, originator_version=version, provenance=provenance)


CREATED = ApiKey.Created(owner="portal", scopes=("read",), secret_sha256=FIRST)
ROTATED = ApiKey.Rotated(secret_sha256=SECOND, previous_expires_at=RECORDED_AT + 9 * HOUR)


def test_a_key_is_shown_with_all_that_happened_to_it(ledger: BareLedger) -> None:
    ledger.append([stamped(CREATED, 1), stamped(CREATED, 1, OTHER_ID)])
    ledger.append([stamped(ROTATED, 2), stamped(ApiKey.Revoked(), 3)])
    engine = ledger.engine()
    Projector(ledger.log, engine, (api_keys.api_keys,)).catch_up()
    with engine.connect() as connection:
        shown, other = api_keys.keys(connection)
        assert api_keys.position(connection) == 4
        assert api_keys.state_of_keys(connection) == (2, 4)
    assert (shown.key_id, shown.owner, shown.scopes) == (str(KEY_ID), "portal", ("read",))
    assert shown.rotated_at == RECORDED_AT + 2 * HOUR
    assert (shown.revoked_at, shown.revoked_by) == (RECORDED_AT + 3 * HOUR, SOMEBODY.actor)
    assert shown.revoked_reason == SOMEBODY.reason
    assert shown.state(RECORDED_AT) == "revoked"
    assert other.state(RECORDED_AT) == "active"


def test_both_secrets_count_while_they_overlap(ledger: BareLedger) -> None:
    ledger.append([stamped(CREATED, 1), stamped(ROTATED, 2)])
    engine = ledger.engine()
    Projector(ledger.log, engine, (api_keys.api_keys,)).catch_up()
    with engine.connect() as connection:
        new, old = api_keys.secrets(connection)
    assert (new.sha256, new.expires_at) == (SECOND, None)
    assert (old.sha256, old.expires_at) == (FIRST, RECORDED_AT + 9 * HOUR)


def test_the_key_s_own_end_cuts_the_overlap_short(ledger: BareLedger) -> None:
    end = RECORDED_AT + 5 * HOUR
    ledger.append([stamped(replace(CREATED, expires_at=end), 1), stamped(ROTATED, 2)])
    engine = ledger.engine()
    Projector(ledger.log, engine, (api_keys.api_keys,)).catch_up()
    with engine.connect() as connection:
        assert [each.expires_at for each in api_keys.secrets(connection)] == [end, end]
        (key,) = api_keys.keys(connection)
    assert (key.state(end - HOUR), key.state(end)) == ("active", "expired")


def refusal(number: int) -> Refusal:
    at = RECORDED_AT + timedelta(seconds=number)
    return Refusal(at, "key-missing", f"GET /{number}", "", "127.0.0.1", str(UUID(int=number)))


@pytest.mark.parametrize("batches", [1, 7])
def test_only_the_newest_refusals_stay(ledger: BareLedger, batches: int) -> None:
    engine = ledger.engine()
    access_records.create_tables(engine)
    numbers = list(range(20))
    for start in range(0, 20, -(-20 // batches)):
        some = [refusal(each) for each in numbers[start : start + -(-20 // batches)]]
        with engine.begin() as connection:
            access_records.write(connection, used_at={}, refusals=some, refusals_kept=5)
    with engine.connect() as connection:
        found = access_records.newest_refusals(connection, limit=100)
        assert access_records.newest_refusals(connection, limit=2) == found[:2]
    assert found == [refusal(each) for each in (19, 18, 17, 16, 15)]


def test_a_last_use_never_goes_back(ledger: BareLedger) -> None:
    """Several servers write what they saw, in any order."""
    engine = ledger.engine()
    access_records.create_tables(engine)
    for hours in (2, 1):
        with engine.begin() as connection:
            used_at = {"a": RECORDED_AT + hours * HOUR}
            access_records.write(connection, used_at=used_at, refusals=(), refusals_kept=1)
    with engine.connect() as connection:
        assert access_records.last_uses(connection) == {"a": RECORDED_AT + 2 * HOUR}
