"""`--as-of`: what every command that asks would have answered at an earlier moment."""

import json

import pytest
import typer

from interfaces.cli.app import app
from projections.past import open_past, read_mark
from projections.supplier_capacity import capacity_document, position
from tests.interfaces.cli.conftest import CommandLine

# Every command that only looks, with arguments that it answers; and why others have no past.
DATED = {
    "capacity": ["roof", "march"],
    "distribution": ["roof", "march"],
    "history": ["suppliers", "roof/march/ACME"],
    "events tail": ["--after", "0"],
    "offers show": ["roof"],
    "offers list": [],
    "aliases show": ["roof"],
    "scenarios list": ["roof"],
    "scenarios show": ["roof", "march"],
    "report role-capacity": [],
    "report heatmap": [],
    "report utilization": ["1"],
    "report availability": ["8"],
    "report over-allocation": [],
    "assignments export": [],
    "explain": ["supplier_capacity", "supplier_capacity", "supplier=ACME"],
}
UNDATED = {
    "migrate", "serve", "projections run", "projections status", "projections rebuild",
    "files verify", "files reset", "files migrate",  # what they do or say is about now
    "projections parked", "projections verify", "projections switch", "projections undo",
    "projections drop", "backup", "recover", "doctor", "keys list", "keys refusals",
    "assignments reconcile", "assignments backfill",  # of the tables as they lie there
    "diff", "replay", "audit verify", "audit seal", "events trace",  # they say up to when, or whose
}  # fmt: skip


def _commands(found: object, path: tuple[str, ...] = ()) -> dict[str, list[str]]:
    children = getattr(found, "commands", None)
    if children is None:
        return {" ".join(path): [each.name for each in getattr(found, "params", [])]}
    return {
        name: options
        for child, below in children.items()
        for name, options in _commands(below, (*path, child)).items()
    }


def test_every_command_that_asks_can_be_dated() -> None:
    """A new command joins here, or says why it has no past, unless it writes."""
    commands = _commands(typer.main.get_command(app))
    dated = {name for name, options in commands.items() if "as_of" in options}
    assert dated == set(DATED)
    asks = {name for name, options in commands.items() if "actor" not in options}
    assert asks - dated == UNDATED


def _head(roof: CommandLine) -> int:
    document = roof.json("projections", "status")
    head: int = document["head"]
    return head


def test_every_command_answers_as_it_did_then(roof: CommandLine) -> None:
    told: list[tuple[int, str, str]] = []
    roof.ok("assignments", "import", roof.file("plan.json", '{"people": [{"id": 1, "name": "A"}]}'))
    steps = (
        ["book", "roof", "march", "R-1", "ACME"],
        ["aliases", "set", "roof", "A=ACME"],
        ["reassign", "roof", "march", "R-1", "Größe/☀ Solar"],
        ["reset", "roof", "march"],
    )
    for step in steps:
        roof.ok(*step)
        head = _head(roof)
        told += [(head, name, _asked(roof, name)) for name in DATED]
    for head, name, then in told:
        assert _asked(roof, name, "--as-of", str(head)) == then, name


def _asked(roof: CommandLine, name: str, *more: str) -> str:
    return roof.ok(*name.split(), *DATED[name], "--json", *more)


def test_people_are_told_which_position_they_see(roof: CommandLine) -> None:
    roof.ok("book", "roof", "march", "R-1", "ACME")
    head = _head(roof)
    recorded_at = json.loads(roof.ok("events", "tail", "--json").splitlines()[-1])["recorded_at"]
    for moment in (str(head), recorded_at):
        ended = roof("capacity", "roof", "march", "--as-of", moment)
        assert ended.stderr == f"As of position {head}\n"


@pytest.mark.parametrize("name", DATED)
@pytest.mark.parametrize(
    ("moment", "said"),
    [
        ("soon", "/as_of: found 'soon', a position or a time with its zone"),
        ("2026-03-02T09:30", "a time without its zone"),
        ("9999-01-01T00:00:00Z", "which is in the future"),
        ("1000000", "found 1000000, the ledger ends at"),
    ],
)
def test_moments_that_are_none_are_refused(
    roof: CommandLine, name: str, moment: str, said: str
) -> None:
    ended = roof(*name.split(), *DATED[name], "--as-of", moment)
    assert (ended.exit_code, ended.stdout) == (5, "")
    assert said in ended.stderr


def test_what_did_not_exist_yet_is_not_found(roof: CommandLine) -> None:
    for name in ("capacity", "history", "offers show", "explain"):
        assert roof(*name.split(), *DATED[name], "--as-of", "0").exit_code == 3


def test_the_newest_events_of_then(roof: CommandLine) -> None:
    roof.ok("book", "roof", "march", "R-1", "ACME")
    lines = roof.ok("events", "tail", "--json", "--limit", "2", "--as-of", "3").splitlines()
    assert [json.loads(each)["position"] for each in lines] == [2, 3]
    ended = roof("events", "tail", "--follow", "--as-of", "3")
    assert ended.exit_code == 2


def test_a_past_that_cannot_be_kept_is_named(
    roof: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    roof.file("file", "")
    monkeypatch.setenv("CAPACITY_PAST_DIR", "file/past")
    ended = roof("capacity", "roof", "march", "--as-of", "1", "--json")
    assert (ended.exit_code, ended.problem["code"]) == (6, "past-unavailable")
    assert roof("capacity", "roof", "march").exit_code == 0


# Replay.


def test_replay_writes_the_read_side_as_it_stood(roof: CommandLine) -> None:
    roof.ok("book", "roof", "march", "R-1", "ACME")
    head, then = _head(roof), roof.ok("capacity", "roof", "march", "--json")
    roof.ok("release", "roof", "march", "R-1")
    told = roof.json("replay", "--until", str(head), "--into", "sqlite:///past.db")
    assert (told["position"], told["file"]) == (head, "past.db")
    assert sorted(each.name for each in roof.folder.glob("*past.db*")) == ["past.db"]
    engine = open_past(roof.folder / "past.db")
    with engine.connect() as connection:
        document = capacity_document(connection, line="roof", scenario="march")
        assert position(connection) == head
    engine.dispose()
    assert document == json.loads(then)


def test_replay_goes_on_from_the_checkpoints_that_it_left(
    roof: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CAPACITY_PAST_CHECKPOINT_EVENTS", "2")
    head = _head(roof)
    roof.ok("replay", "--until", str(head), "--into", "sqlite:///past.db")
    left = {each.name for each in (roof.folder / "capacity.past").iterdir()}
    assert len(left) == (head - 1) // 2


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--until", "1", "--into", "past.db"], 2, "'past.db', sqlite:///PATH is needed"),
        (["--until", "1", "--into", "postgresql://x/y"], 2, "sqlite:///PATH is needed"),
        (["--until", "1", "--into", "sqlite:///"], 2, "sqlite:///PATH is needed"),
        (["--until", "1", "--into", "sqlite:///none/past.db"], 2, "cannot be written"),
        (["--until", "1", "--into", "sqlite:///data"], 2, "cannot be written: it is a folder"),
        (["--until", "x", "--into", "sqlite:///past.db"], 5, "/until: found 'x'"),
        (["--until", "1000000", "--into", "sqlite:///past.db"], 5, "the ledger ends at"),
        (["--until", "1", "--into", "sqlite:///capacity.db"], 2, "--force replaces it"),
        (
            ["--until", "1", "--into", "sqlite:///capacity.db", "--force"],
            2,
            "capacity.db is no past, and is never replaced",
        ),
    ],
)
def test_replays_that_cannot_be_are_refused(
    roof: CommandLine, arguments: list[str], code: int, said: str
) -> None:
    before = (roof.folder / "capacity.db").read_bytes()
    ended = roof("replay", *arguments)
    assert ended.exit_code == code, ended
    assert said in ended.stderr
    assert (roof.folder / "capacity.db").read_bytes() == before
    assert not (roof.folder / "past.db").exists()


def test_an_earlier_past_is_replaced_on_request(roof: CommandLine) -> None:
    for until, more in (("1", []), ("3", ["--force"])):
        roof.ok("replay", "--until", until, "--into", "sqlite:///past.db", *more)
    mark = read_mark(roof.folder / "past.db")
    assert mark is not None
    assert mark.position == 3


# Diff and explain.


def test_diff_says_what_changed_by_whom_and_why(roof: CommandLine) -> None:
    roof.ok("book", "roof", "march", "R-1", "ACME")
    begin = _head(roof)
    why = ["--actor", "ada", "--reason", "she moved"]
    roof.ok("reassign", "roof", "march", "R-1", "Größe/☀ Solar", *why)
    told = roof.json("diff", "--from", str(begin))
    assert told["change_count"] == 3
    match = next(each for each in told["changes"] if each["table"] == "matches")
    assert (match["before"]["supplier"], match["after"]["supplier"]) == ("ACME", "Größe/☀ Solar")
    assert match["events"][0]["reason"] == "she moved"
    shown = roof.ok("diff", "--from", str(begin), "--to", str(begin + 3), "supplier_capacity")
    assert "supplier=ACME>Größe/☀ Solar" in shown
    assert "suppliers.reassigned by ada (she moved)" in shown
    few = roof.ok("diff", "--from", "0", "--limit", "1")
    assert "The first 1:" in few
    assert roof.ok("diff", "--from", str(begin), "--to", str(begin)).startswith("0 rows differ")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--from", "x"], 5, "/from: found 'x'"),
        (["--from", "1", "--to", "1000000"], 5, "/to: found 1000000, the ledger ends at"),
        (["--from", "3", "--to", "1"], 2, "found position 1, which lies before 3"),
        (["--from", "1", "nothing"], 3, "No projection is called 'nothing'"),
    ],
)
def test_differences_that_cannot_be_are_refused(
    roof: CommandLine, arguments: list[str], code: int, said: str
) -> None:
    ended = roof("diff", *arguments)
    assert ended.exit_code == code, ended
    assert said in ended.stderr


def test_explain_shows_who_made_a_row(roof: CommandLine) -> None:
    roof.ok("book", "roof", "march", "R-1", "ACME", "--actor", "ada", "--reason", "she asked")
    place = ["supplier_capacity", "matches", "line=roof", "registration_id=R-1"]
    told = roof.json("explain", *place)
    assert [each["topic"] for each in told["events"]] == ["suppliers.booked"]
    assert told["row"]["supplier"] == "ACME"
    by_key = ["supplier_capacity", "matches", told["key"]["booking_id"]]
    assert roof.json("explain", *by_key) == told
    shown = roof.ok("explain", *place)
    assert "ada" in shown
    assert "she asked" in shown


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["nothing", "x"], 3, "No projection is called 'nothing'"),
        (["supplier_capacity", "nothing"], 3, "has no table 'nothing'"),
        (["supplier_capacity", "matches", "x"], 5, "found 'x', a UUID is needed for booking_id"),
        (["supplier_capacity", "matches", "line=none"], 3, "matches has no row with line none"),
    ],
)
def test_rows_that_cannot_be_explained_are_named(
    roof: CommandLine, arguments: list[str], code: int, said: str
) -> None:
    ended = roof("explain", *arguments)
    assert ended.exit_code == code, ended
    assert said in ended.stderr
