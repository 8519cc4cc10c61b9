"""What people hand in by mistake: one clear message, the right exit code, nothing stored."""

import pytest

from tests.interfaces.cli.conftest import CommandLine

LONG = "R" * 10_000


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", "no JSON"),
        (b"{", "no JSON"),
        (b'{"\xff', "byte 2 is not UTF-8"),
        (b"[]", "an object with SupplierOffers is needed"),
        (b'{"SupplierOffers": []}', "found 0 suppliers"),
        (b'{"SupplierOffers": [{"SupplierID": "A", "Capacity": 1.5}]}', "/0/Capacity: found 1.5"),
        (b'{"SupplierOffers": 1, "SupplierOffers": 2}', "stands twice"),
        (b"[" * 100_000, "nested too deeply"),
    ],
)
def test_broken_offers_are_refused(capacity: CommandLine, text: bytes, message: str) -> None:
    capacity.ok("migrate")
    ended = capacity("offers", "publish", "roof", capacity.file("offers.json", text))
    assert (ended.exit_code, ended.stdout) == (5, "")
    assert message in ended.stderr
    assert capacity.ok("events", "tail", "--json", "--after", "0") == ""


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no JSON"),
        ("{}", "a list of registrations is needed"),
        ("[]", "the list of registrations is empty"),
        ("name,zip\na,b\n", "neither JSON nor CSV with a column registration_id"),
        ("registration_id,registration_id\na,b\n", "stands twice in the header"),
        ('registration_id,zip_code\n"a"b,c\n', "no CSV"),
    ],
)
def test_broken_registrations_are_refused(roof: CommandLine, text: str, message: str) -> None:
    ended = roof("match", "roof", "march", roof.file("registrations", text))
    assert (ended.exit_code, ended.stdout) == (5, "")
    assert message in ended.stderr


def test_files_that_cannot_be_read_are_named(roof: CommandLine) -> None:
    assert (
        "missing.json cannot be read: no such file"
        in roof("offers", "publish", "roof", "missing.json").stderr
    )
    assert ". cannot be read: it is a folder" in roof("match", "roof", "march", ".").stderr


def test_a_file_beyond_the_limit_is_refused(
    roof: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CAPACITY_BODY_BYTES", "100")
    ended = roof("offers", "publish", "roof", roof.file("large.json", " " * 101))
    assert ended.exit_code == 5
    assert "more than 100 bytes, the limit (CAPACITY_BODY_BYTES)" in ended.stderr


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        (("book", "roof", "march", LONG, "ACME"), "registration_id"),
        (("book", "roof", "march", "R-1", LONG), "supplier_id"),
        (("book", "roof", "march", "R\x1b[31m", "ACME"), "registration_id"),
        (("book", "roof", "march", "R-\udcff", "ACME"), "registration_id"),
        (("book", "roof", "march", "R-1", "ACME", "--zip-code", "5540"), "zip_code"),
        (("book", "roof", "march", "R-1", "ACME", "--num-panels", "-1"), "num_panels"),
        (("book", "roof", "march", "R-1", "ACME", "--num-panels", str(2**63)), "num_panels"),
        (("book", "roof", "march", "R-1", "ACME", "--panel-name", LONG), "panel_name"),
        (("book", "roof", "march", "R-1", "ACME", "--actor", LONG), "actor"),
        (("book", "roof", "march", "R-1", "ACME", "--reason", LONG), "reason"),
        (("book", "roof", "march", "R-1", "ACME", "--reason", "a\x00b"), "reason"),
        (("scenarios", "open", "roof", "../march"), "scenario"),
        (("offers", "publish", "../roof", "offers.json"), "line"),
        (("offers", "list", LONG), "line"),
        (("aliases", "set", "roof", "=ACME"), ""),
    ],
)
def test_names_that_no_ledger_can_hold_are_refused(
    roof: CommandLine, arguments: tuple[str, ...], field: str
) -> None:
    before = roof.ok("events", "tail", "--json", "--after", "0")
    ended = roof(*arguments, "--json")
    assert (ended.exit_code, ended.stdout) == (5, "")
    assert ended.problem["problems"][0]["pointer"] == f"/{field}"
    assert roof.ok("events", "tail", "--json", "--after", "0") == before


def test_no_ledger_is_said_with_what_to_do(capacity: CommandLine) -> None:
    ended = capacity("capacity", "roof", "march")
    assert (ended.exit_code, ended.stdout) == (6, "")
    assert "run `capacity migrate` first" in ended.stderr


def test_a_file_that_is_no_ledger_is_said(capacity: CommandLine) -> None:
    capacity.file("capacity.db", "no database " * 1_000)
    ended = capacity("offers", "list", "--json")
    assert (ended.exit_code, ended.problem["code"]) == (6, "ledger-unavailable")


def test_a_database_that_nobody_serves_is_said_at_once(capacity: CommandLine) -> None:
    url = "postgresql://ada:secret@127.0.0.1:1/capacity"
    ended = capacity("offers", "list", "--database-url", url)
    assert ended.exit_code == 6
    assert "refused" in ended.stderr
    assert "secret" not in ended.stderr


@pytest.mark.parametrize(
    ("name", "value"), [("PORT", "many"), ("DATABASE_URL", "mysql://ada:secret@localhost/x")]
)
def test_a_setting_that_cannot_be_understood_is_named(
    capacity: CommandLine, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(f"CAPACITY_{name}", value)
    ended = capacity("offers", "list")
    assert (ended.exit_code, ended.stdout) == (2, "")
    assert f"CAPACITY_{name}: " in ended.stderr
    assert "secret" not in ended.stderr


def test_serving_other_machines_is_refused(roof: CommandLine) -> None:
    ended = roof("serve", "--host", "0.0.0.0")
    assert ended.exit_code == 2
    assert "capacity keys create" in ended.stderr
