"""The main flows, in the real program: its answers, its exit codes, and nothing else on stdout."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.programs import Program

HEAVY = ("fastapi", "sqlalchemy", "alembic", "uvicorn", "pydantic", "psycopg")
# What is kept from a command on SQLite, and from one that only looks at events.
# (SQLAlchemy's words for indexes of the other store are no driver: tables are told in them.)
OF_POSTGRES = ("psycopg", "psycopg_pool", "fastapi", "alembic")
OF_READ_MODELS = (*OF_POSTGRES, "sqlalchemy", "projections.database")


@pytest.fixture(params=["sqlite", "postgresql"])
def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> Program:
    """The real program on each store."""
    if request.param == "sqlite":
        return Program(tmp_path)
    return Program(tmp_path, request.getfixturevalue("postgres_url"))


@pytest.fixture(scope="module")
def sampled(tmp_path_factory: pytest.TempPathFactory) -> Program:
    """The real program with the sample line, for commands that may be said twice."""
    found = Program(tmp_path_factory.mktemp("sampled"))
    found.ok("demo", "--data", "none")
    return found


def test_first_booking(ledger: Program) -> None:
    """The way of a new user, from an empty folder to the capacity file."""
    assert ledger("offers", "list").exit_code == 6
    ledger.ok("migrate")
    offers = {"SupplierOffers": [{"SupplierID": "ACME", "Capacity": 1}]}
    (ledger.folder / "offers.json").write_text(json.dumps(offers))
    ledger.ok("offers", "publish", "roof", "offers.json")
    ledger.ok("scenarios", "open", "roof", "march")

    booked = ledger("book", "roof", "march", "R-1", "ACME")
    assert (booked.exit_code, booked.stderr) == (0, "")
    assert booked.stdout == "Booked R-1 with ACME: 1 of 1 used.\n"
    again = ledger("book", "roof", "march", "R-1", "ACME", "--json")
    assert again.document["status"] == "already_booked"

    full = ledger("book", "roof", "march", "R-2", "ACME")
    assert (full.exit_code, full.stdout) == (4, "")
    assert full.stderr == "Error: Supplier ACME capacity exceeded: 2 > 1\n"
    unknown = ledger("book", "roof", "march", "R-2", "Nobody", "--json")
    assert (unknown.exit_code, unknown.stdout) == (3, "")
    assert unknown.problem["code"] == "supplier-not-found"

    text = (ledger.folder / "data/roof/capacity/march.json").read_text()
    assert json.loads(text)["ACME"]["Used"] == 1
    assert ledger.ok("capacity", "roof", "march", "--json") == text


def test_bad_offers_name_the_field(program: Program) -> None:
    program.ok("migrate")
    (program.folder / "bad.json").write_text('{"SupplierOffers": [{"SupplierID": "A"}]}')
    ended = program("offers", "publish", "roof", "bad.json")
    assert (ended.exit_code, ended.stdout) == (5, "")
    assert ended.stderr == (
        "Error: /SupplierOffers/0/Capacity: found null, a whole number of registrations is needed\n"
    )


def test_help_loads_nothing_heavy(program: Program) -> None:
    """A web server or database toolkit costs half a second each."""
    assert not _loaded(program, "--help") & set(HEAVY)


@pytest.mark.parametrize(
    ("command", "heavy"),
    [
        (("book", "sbus", "no_battery", "SPUS1", "iSoalr"), OF_POSTGRES),
        (("capacity", "sbus", "no_battery", "--json"), OF_POSTGRES),
        (("events", "tail", "--json"), OF_READ_MODELS),
        (("events", "grep", "SPUS", "--json"), OF_READ_MODELS),
        (("history", "suppliers", "sbus/no_battery/iSoalr", "--json"), OF_READ_MODELS),
        (("audit", "verify", "--json"), OF_READ_MODELS),
    ],
)
def test_a_command_on_sqlite_loads_only_what_it_needs(
    sampled: Program, command: tuple[str, ...], heavy: tuple[str, ...]
) -> None:
    """The driver of the other store costs a tenth of a second, SQLAlchemy two."""
    assert not _loaded(sampled, *command) & set(heavy)


def test_the_search_for_what_is_loaded_finds_it(sampled: Program) -> None:
    assert "sqlalchemy" in _loaded(sampled, "offers", "list")


def test_only_a_known_name_leaves_out_the_others(program: Program) -> None:
    """A process makes the one command that it runs; who names none that there is sees all."""
    assert "Did you mean 'events'?" in program("evnets").stderr
    everything = program.ok("--help")
    assert all(name in everything for name in ("events", "projections", "book", "backup"))
    assert "book" not in program.ok("events", "--help")


def _loaded(program: Program, *arguments: str) -> set[str]:
    """Run a command that must succeed, and return the names of all modules that it has loaded."""
    code = (
        f"import sys; sys.argv = ['capacity', *{arguments!r}]\n"
        "from interfaces.cli import main\n"
        "try: main()\n"
        "except SystemExit as ended: assert not ended.code, ended.code\n"
        "print(*sys.modules, file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=program.environment,
        cwd=program.folder,
        check=True,
        capture_output=True,
        text=True,
    )
    return set(done.stderr.split())


def test_a_usage_error_is_json_where_that_is_asked_for(program: Program) -> None:
    ended = program("book", "roof", "--json")
    assert (ended.exit_code, ended.stdout) == (2, "")
    assert ended.problem["code"] == "usage"


def test_a_reader_that_goes_away_ends_the_answer_quietly(program: Program) -> None:
    program.ok("demo")
    with program.running("events", "tail", "--after", "0") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait() == 141


def test_tail_follows_until_it_is_interrupted(program: Program) -> None:
    program.ok("demo", "--data", "none")
    with program.running("events", "tail", "--limit", "1000", "--follow", "--json") as process:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["topic"] == "suppliers.offers_published"
        program.ok("book", "sbus", "no_battery", "SPUS1", "iSoalr", "--actor", "ada")
        following = iter(process.stdout)
        booked = next(
            event for event in map(json.loads, following) if event["topic"] == "suppliers.booked"
        )
        assert (booked["actor"], booked["data"]["registration_id"]) == ("ada", "SPUS1")
        process.send_signal(signal.SIGINT)
        assert process.wait() == 130
        assert process.stderr is not None
        assert process.stderr.read() == b""


def test_projections_run_follows_until_it_is_told_to_end(program: Program) -> None:
    program.ok("demo", "--data", "none")
    with program.running("projections", "run", "--json") as process:
        assert process.stderr is not None
        assert b"Following the ledger from position" in process.stderr.readline()
        process.send_signal(signal.SIGTERM)
        stdout, _ = process.communicate()
        assert process.returncode == 0
        assert json.loads(stdout)["positions"]["supplier_capacity"] > 0
