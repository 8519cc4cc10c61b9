"""`--as-of`: what every command that asks would have answered at an earlier moment."""

import json

import pytest
import typer

from interfaces.cli.app import app
from tests.interfaces.cli.conftest import CommandLine

# Every command that only looks, with arguments that it answers; and why others have no past.
DATED = {
    "capacity": ["roof", "march"],
    "distribution": ["roof", "march"],
    "history suppliers": ["roof/march/ACME"],
    "events tail": ["--after", "0"],
    "offers show": ["roof"],
    "offers list": [],
    "aliases show": ["roof"],
    "scenarios list": ["roof"],
    "scenarios show": ["roof", "march"],
}
UNDATED = {
    "demo", "migrate", "serve", "offers publish", "aliases set", "scenarios open", "resync",
    "reset", "book", "release", "reassign", "match",  # they write
    "files verify", "projections run", "projections status", "projections rebuild",  # about now
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
    """A new command joins here, or says why it has no past."""
    commands = _commands(typer.main.get_command(app))
    dated = {name for name, options in commands.items() if "as_of" in options}
    assert dated == set(DATED)
    assert set(commands) - dated == UNDATED


def _head(roof: CommandLine) -> int:
    document = roof.json("projections", "status")
    head: int = document["head"]
    return head


def test_every_command_answers_as_it_did_then(roof: CommandLine) -> None:
    told: list[tuple[int, str, str]] = []
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
    for name in ("capacity", "history suppliers", "offers show"):
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
