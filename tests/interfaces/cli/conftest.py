"""A command line for each test: in this process for the many, in its own for the few."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from interfaces.cli.app import app
from interfaces.logs import log_to_stderr
from tests.support.programs import Ended, Program

OFFERS = {
    "SupplierOffers": [
        {"SupplierID": "ACME", "Capacity": 1, "ServiceAreas": ["55407"]},
        {
            "SupplierID": "Größe/☀ Solar",
            "Capacity": 2,
            "ServiceAreas": ["55407", "55419"],
            "Offers": [{"ProductType": "Solar"}],
        },
    ]
}


class CommandLine:
    """`capacity`, run in this process."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, *arguments: str, stdin: bytes = b"") -> Ended:
        """Run one command to its end."""
        done = CliRunner().invoke(app, list(arguments), input=stdin)
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        return Ended(done.exit_code, done.stdout, done.stderr)

    def ok(self, *arguments: str) -> str:
        """Run one command that must succeed, and return its answer."""
        ended = self(*arguments)
        assert ended.exit_code == 0, ended
        return ended.stdout

    def json(self, *arguments: str) -> Any:
        """Run one command that must succeed, and return its JSON document."""
        return json.loads(self.ok(*arguments, "--json"))

    def file(self, name: str, text: str | bytes) -> str:
        """Put a file where the command can find it."""
        (self.folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
        return name

    def open_scenario(self) -> None:
        """Publish the offers of the line `roof`, and open its scenario `march`."""
        self.ok("migrate")
        self.ok("offers", "publish", "roof", self.file("offers.json", json.dumps(OFFERS)))
        self.ok("scenarios", "open", "roof", "march")


@pytest.fixture
def capacity(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[CommandLine]:
    """A command line in an empty folder, where there is no ledger yet."""
    monkeypatch.chdir(tmp_path)
    yield CommandLine(tmp_path)
    log_to_stderr()


@pytest.fixture
def roof(capacity: CommandLine) -> CommandLine:
    """A command line with the scenario roof/march: ACME holds 1, Größe/☀ Solar holds 2."""
    capacity.open_scenario()
    return capacity


@pytest.fixture
def program(tmp_path: Path) -> Program:
    """The real program in an empty folder."""
    return Program(tmp_path)
