"""`capacity keys`: the secret is shown once, and what is done to a key is a part of the ledger."""

import json
import sqlite3
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import typer

from domain.access.secrets import SECRET_PATTERN, digest_of
from interfaces.cli.app import app
from interfaces.settings import Settings
from projections import access_records, api_keys
from projections.access_records import Refusal
from projections.database import open_read_models
from tests.interfaces.cli.conftest import CommandLine
from tests.support.programs import Program

PORTAL = ("--owner", "portal", "--scope", "write", "--scope", "read")


@pytest.fixture
def keys(capacity: CommandLine, monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    """A command line with an empty ledger, which no server serves that it should wait for."""
    monkeypatch.setenv("CAPACITY_KEYS_FRESH_SECONDS", "0.001")
    capacity.ok("migrate")
    return capacity


def create(keys: CommandLine, *options: str) -> Any:
    return keys.json("keys", "create", *PORTAL, *options)


def listed(keys: CommandLine) -> list[Any]:
    found: list[Any] = keys.json("keys", "list")["keys"]
    return found


def topics(keys: CommandLine) -> list[str]:
    said = keys.ok("events", "tail", "--json")
    return [json.loads(line)["topic"] for line in said.splitlines()]


def test_the_secret_is_shown_once_and_stored_nowhere(keys: CommandLine) -> None:
    said = keys.ok("keys", "create", *PORTAL, "--person", "P-7", "--on-behalf")
    (secret,) = SECRET_PATTERN.findall(said)
    assert secret in said.splitlines()  # on a line of its own, for copying
    (key,) = listed(keys)
    assert (key["owner"], key["scopes"], key["state"]) == ("portal", ["read", "write"], "active")
    assert (key["person_id"], key["may_act_on_behalf"]) == ("P-7", True)
    assert secret not in keys.ok("keys", "list", "--json") + keys.ok("events", "tail", "--json")
    files = [each for each in keys.folder.iterdir() if each.is_file()]
    assert not [each for each in files if secret.encode() in each.read_bytes()]
    digest = digest_of(secret.encode())  # the negative control: what is stored would be found
    (stored,) = sqlite3.connect(keys.folder / "capacity.views.db").execute(
        "SELECT secret_sha256 FROM api_keys"
    )
    assert stored == (digest,)


def test_json_has_the_secret_in_a_field(keys: CommandLine) -> None:
    made = create(keys, "--expires", "90d")
    assert SECRET_PATTERN.fullmatch(made["secret"])
    expires_at = datetime.fromisoformat(made["expires_at"])
    assert timedelta(days=89) < expires_at - datetime.now(UTC) <= timedelta(days=90)


def test_a_moment_may_end_a_key(keys: CommandLine) -> None:
    assert create(keys, "--expires", "2999-01-01T00:00+02:00")["expires_at"] == (
        "2999-01-01T00:00:00+02:00"
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--scope", "admin"), "/scopes: found 'admin', known scopes: read, write, staff"),
        (("--expires", "soon"), "/expires: found 'soon', 90d or a moment"),
        (("--expires", "2027-01-01"), "which has no zone"),
        (("--expires", "2001-01-01T00:00Z"), "which is over"),
        (("--person", " "), "/person_id: found an empty text"),
    ],
)
def test_bad_input_is_named_and_nothing_stored(
    keys: CommandLine, options: tuple[str, ...], message: str
) -> None:
    ended = keys("keys", "create", *PORTAL, *options)
    assert (ended.exit_code, message in ended.stderr) == (5, True), ended
    assert not SECRET_PATTERN.search(ended.stdout)
    assert listed(keys) == []


def test_rotation_shows_a_new_secret(keys: CommandLine) -> None:
    made = create(keys)
    rotated = keys.json("keys", "rotate", made["key_id"], "--overlap", "1h")
    assert SECRET_PATTERN.fullmatch(rotated["secret"])
    assert rotated["secret"] != made["secret"]
    (key,) = listed(keys)
    overlap = datetime.fromisoformat(key["previous_expires_at"]) - datetime.now(UTC)
    assert timedelta(minutes=59) < overlap <= timedelta(hours=1)
    assert topics(keys) == ["access.key_created", "access.key_rotated"]


def test_revoking_needs_a_reason_and_is_for_good(keys: CommandLine) -> None:
    key_id = create(keys)["key_id"]
    without = keys("keys", "revoke", key_id)
    assert (without.exit_code, "/reason: found none" in without.stderr) == (5, True)
    assert "Revoked key" in keys.ok("keys", "revoke", key_id, "--reason", "lost")
    assert "already revoked" in keys.ok("keys", "revoke", key_id, "--reason", "lost")
    (key,) = listed(keys)
    assert (key["state"], key["revoked_reason"]) == ("revoked", "lost")
    refused = keys("keys", "rotate", key_id)
    assert (refused.exit_code, "is revoked" in refused.stderr) == (4, True)


@pytest.mark.parametrize("name", ["rotate", "revoke"])
def test_only_keys_that_exist_can_be_changed(keys: CommandLine, name: str) -> None:
    nobody = keys("keys", name, "00000000-0000-0000-0000-000000000007", "--reason", "x")
    assert (nobody.exit_code, "No key has the id" in nobody.stderr) == (3, True)
    wrong = keys("keys", name, "cap", "--reason", "x")
    assert (wrong.exit_code, "/key: found 'cap', the id of a key is needed" in wrong.stderr) == (
        5,
        True,
    )


@pytest.mark.parametrize("overlap", ["31d", "1w", "-1h", ""])
def test_an_overlap_has_bounds(keys: CommandLine, overlap: str) -> None:
    key_id = create(keys)["key_id"]
    ended = keys("keys", "rotate", key_id, f"--overlap={overlap}")
    assert (ended.exit_code, "/overlap" in ended.stderr) == (5, True)
    assert topics(keys) == ["access.key_created"]


def test_every_command_can_be_tried_out(keys: CommandLine) -> None:
    tried = create(keys, "--dry-run")
    assert (tried["would_record"], "secret" in tried) == (["access.key_created"], False)
    assert not SECRET_PATTERN.search(keys.ok("keys", "create", *PORTAL, "--dry-run"))
    key_id = create(keys)["key_id"]
    for name, topic in (("rotate", "access.key_rotated"), ("revoke", "access.key_revoked")):
        tried = keys.json("keys", name, key_id, "--reason", "x", "--dry-run")
        assert (tried["would_record"], "secret" in tried) == ([topic], False)
    assert topics(keys) == ["access.key_created"]


def test_every_command_that_writes_has_a_dry_run() -> None:
    without = [path for path, names in _commands(typer.main.get_command(app)) if _writes(names)]
    assert without == []


def _writes(names: set[str]) -> bool:
    return "reason" in names and "dry_run" not in names


def _commands(found: Any, path: str = "") -> list[tuple[str, set[str]]]:
    if not hasattr(found, "commands"):
        return [(path, {each.name for each in found.params})]
    inside = [_commands(child, f"{path} {name}") for name, child in found.commands.items()]
    return [each for some in inside for each in some]


def test_refusals_are_listed_newest_first(keys: CommandLine) -> None:
    create(keys)
    engine = open_read_models(Settings().views_url)
    at = datetime(2026, 11, 22, 5, 0, tzinfo=UTC)
    some = [
        Refusal(at, "key-missing", "GET /1", "", "192.0.2.7", "a"),
        Refusal(at, "key-revoked", "GET /\x1b[31m", "k", "::1", "b"),
    ]
    with engine.begin() as connection:
        access_records.write(connection, used_at={}, refusals=some, refusals_kept=10)
    engine.dispose()
    assert [each["reason"] for each in keys.json("keys", "refusals")["refusals"]] == [
        "key-revoked",
        "key-missing",
    ]
    said = keys.ok("keys", "refusals", "--limit", "1")
    assert "\\x1b[31m" in said
    assert "key-missing" not in said


def test_who_serves_other_machines_makes_a_key_first(program: Program) -> None:
    program.ok("migrate")
    refused = program("serve", "--host", "0.0.0.0", "--port", "0")
    assert refused.exit_code == 2
    assert "capacity keys create --owner NAME --scope read --scope write" in refused.stderr
    made = json.loads(program.ok("keys", "create", *PORTAL, "--json"))
    with program.running("serve", "--host", "0.0.0.0", "--port", "0") as server:
        assert server.stderr is not None
        assert any(b"running on" in line for line in server.stderr)
        server.terminate()
    program.ok("keys", "revoke", made["key_id"], "--reason", "lost")
    assert program("serve", "--host", "0.0.0.0", "--port", "0").exit_code == 2


def test_a_key_that_is_over_opens_nothing_to_other_machines(keys: CommandLine) -> None:
    create(keys, "--expires", "1m")
    engine = open_read_models(Settings().views_url)
    with engine.connect() as connection:
        (key,) = api_keys.keys(connection)
    engine.dispose()
    now = datetime.now(UTC)
    assert (key.state(now), key.state(now + timedelta(minutes=2))) == ("active", "expired")
