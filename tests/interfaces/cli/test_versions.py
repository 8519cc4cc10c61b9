"""Two versions of the program on one store: the older one says so, and does no harm."""

import asyncio

import pytest

from interfaces.cli.exit_codes import ExitCode
from interfaces.cli.problems import problem_of
from interfaces.service import open_service
from interfaces.settings import Settings
from projections.database import VersionReplaced
from tests.interfaces.cli.conftest import CommandLine
from tests.support.ledgers import query


@pytest.mark.parametrize(
    "arguments",
    [("migrate",), ("capacity", "roof", "march"), ("book", "roof", "march", "R-1", "ACME")],
)
def test_a_ledger_of_a_newer_program_is_left_alone(
    roof: CommandLine, arguments: tuple[str, ...]
) -> None:
    url = f"sqlite:///{roof.folder / 'capacity.db'}"
    query(url, "UPDATE alembic_version SET version_num = '9999'")
    before = query(url, "SELECT rowid, * FROM stored_events")
    ended = roof(*arguments, "--json")
    assert (ended.exit_code, ended.problem["code"]) == (6, "schema-newer")
    assert "`capacity --version`" in ended.problem["message"]
    assert query(url, "SELECT rowid, * FROM stored_events") == before
    assert query(url, "SELECT version_num FROM alembic_version") == [("9999",)]


def test_an_event_of_a_newer_program_is_named(roof: CommandLine) -> None:
    url = f"sqlite:///{roof.folder / 'capacity.db'}"
    query(
        url,
        "INSERT INTO stored_events (originator_id, originator_version, topic, state) "
        "SELECT originator_id, 99, 'suppliers.flown', state FROM stored_events LIMIT 1",
    )
    ended = roof("events", "tail", "--json")
    assert (ended.exit_code, ended.problem["code"]) == (6, "unknown-topic")
    assert "'suppliers.flown' (version 99 of " in ended.problem["message"]
    assert "a newer program wrote it" in ended.problem["message"]


def test_read_models_of_another_program_are_named(roof: CommandLine) -> None:
    async def replaced() -> None:
        async with open_service(Settings()) as service:
            url = f"sqlite:///{roof.folder / 'capacity.views.db'}"
            query(url, "UPDATE projection_positions SET version = 99")
            with pytest.raises(VersionReplaced) as caught:
                await service.catch_up()
            problem = problem_of(caught.value)
            assert problem is not None
            assert problem.exit_code == ExitCode.NOT_CURRENT
            assert "another runs it; use one program at a time" in problem.message

    asyncio.run(replaced())
