"""The process that follows the ledger: it is told, it tells, and it is started again."""

import asyncio
import signal
import sqlite3
import sys
from pathlib import Path

import pytest

from application.ledger import Command
from application.suppliers import Match
from interfaces import following
from interfaces.demo import LINE, offers_document
from interfaces.identity import fresh_id
from interfaces.service import Service, open_service, utc_now
from projections import supplier_capacity
from tests.support.servers import settings_in

SCENARIO = "overlap_only"
LONG_SECONDS = 30.0


def _command() -> Command:
    return Command(actor="ada", reason="a test", command_id=fresh_id(), at=utc_now())


async def _open_scenario(service: Service) -> None:
    await service.suppliers.publish_offers(_command(), line=LINE, document=offers_document())
    await service.suppliers.open_scenario(_command(), line=LINE, scenario=SCENARIO)


async def _book(service: Service, registration_id: str) -> int:
    match = Match(registration_id, "iSoalr")
    done = await service.suppliers.book(_command(), line=LINE, scenario=SCENARIO, match=match)
    return done.position


async def _used(service: Service, after: int) -> int:
    await service.wait_for(after, timeout_seconds=LONG_SECONDS)
    document = await service.read(supplier_capacity.capacity_document, line=LINE, scenario=SCENARIO)
    assert document is not None
    used: int = document["iSoalr"]["Used"]
    return used


def _process_of(service: Service) -> asyncio.subprocess.Process:
    follower = service.follower
    assert isinstance(follower, following.InProcess)
    process = follower._process
    assert process is not None
    return process


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest) -> str:
    """Name the store: empty for SQLite."""
    if request.param == "sqlite":
        return ""
    url: str = request.getfixturevalue("postgres_url")
    return url


def test_reads_and_capacity_files_follow(tmp_path: Path, database_url: str) -> None:
    settings = settings_in(tmp_path, database_url=database_url, wait_seconds=LONG_SECONDS)

    async def run() -> None:
        async with open_service(settings, projector="process") as service:
            await _open_scenario(service)
            position = await _book(service, "SPUS55557")
            assert await _used(service, after=position) == 1
        # Stopped, it has written what was changed.
        path = tmp_path / "data" / LINE / "capacity" / f"{SCENARIO}.json"
        assert '"Used": 1' in path.read_text()

    asyncio.run(run())


def test_a_follower_that_dies_is_started_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "RESTART_SECONDS", 0.0)
    settings = settings_in(tmp_path, wait_seconds=LONG_SECONDS)

    async def run() -> None:
        async with open_service(settings, projector="process") as service:
            await _open_scenario(service)
            assert await _used(service, after=await _book(service, "SPUS55557")) == 1
            first = _process_of(service)
            first.send_signal(signal.SIGKILL)
            await first.wait()
            assert await _used(service, after=await _book(service, "SPUS63654")) == 2
            assert _process_of(service).pid != first.pid

    asyncio.run(run())


def test_a_follower_ends_with_its_input(tmp_path: Path) -> None:
    """However the server ends, also by SIGKILL, its side of the pipe closes."""
    settings = settings_in(tmp_path)

    async def run() -> int:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "interfaces.following"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(settings.model_dump_json().encode() + b"\n")
        assert b'"problem": ""' in await process.stdout.readline()
        process.stdin.close()
        return await process.wait()

    assert asyncio.run(run()) == 0


def test_a_poison_event_is_said_and_not_skipped(tmp_path: Path) -> None:
    """What the follower cannot read stands in the way, and the server says which event it is."""
    settings = settings_in(tmp_path, wait_seconds=LONG_SECONDS)
    with sqlite3.connect(settings.ledger_file) as connection:
        connection.execute(
            "INSERT INTO stored_events (originator_id, originator_version, topic, state)"
            " VALUES (?, 1, 'suppliers.unheard_of', '{}')",
            (fresh_id().hex,),
        )
        connection.execute("INSERT INTO append_groups VALUES (1, 0)")
    connection.close()

    async def run() -> str:
        async with open_service(settings, projector="process") as service:
            while "unheard_of" not in service.follower.problem:  # noqa: ASYNC110 - it has no event
                await asyncio.sleep(0)
            return service.follower.problem

    assert "position 1" in asyncio.run(run())
