"""The process that follows the ledger: it is told, it tells, and it is started again."""

import asyncio
import json
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from application.ledger import Command
from application.suppliers import Match
from interfaces import following, following_process
from interfaces.demo import LINE, offers_document
from interfaces.http.health import readiness
from interfaces.http.metrics import Metrics
from interfaces.identity import fresh_id
from interfaces.reading_side import open_reading_side
from interfaces.service import Follow, Service, open_service, utc_now
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
    assert isinstance(follower, following_process.InProcess)
    process = follower._process
    assert process is not None
    return process


async def _until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(LONG_SECONDS):
        while not is_so():  # noqa: ASYNC110 - it has no event
            await asyncio.sleep(0.01)


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


def test_who_waits_for_what_is_shown_already_hurries_nobody(
    tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings_in(tmp_path, database_url=database_url, wait_seconds=LONG_SECONDS)

    async def run() -> None:
        async with open_service(settings, projector="process") as service:
            hurried: list[int] = []
            hurry = service.follower.hurry

            def noted(position: int) -> None:
                hurried.append(position)
                hurry(position)

            monkeypatch.setattr(service.follower, "hurry", noted)
            await _open_scenario(service)
            position = await _book(service, "SPUS55557")
            for _ in range(3):
                await service.wait_for(position, timeout_seconds=LONG_SECONDS)
            assert len(hurried) <= 1  # none at all if it was shown before we could ask

    asyncio.run(run())


def test_a_follower_that_dies_is_started_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following_process, "RESTART_SECONDS", 0.0)
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


@pytest.mark.parametrize("projector", ["threads", "process"])
def test_a_file_that_was_left_behind_is_brought_up_to_date_at_the_start(
    tmp_path: Path, projector: Follow
) -> None:
    """As when the follower is killed between the read models and the file."""
    settings = settings_in(tmp_path, wait_seconds=LONG_SECONDS)
    path = tmp_path / "data" / LINE / "capacity" / f"{SCENARIO}.json"

    async def run() -> None:
        async with open_service(settings) as service:
            await _open_scenario(service)
            await _book(service, "SPUS55557")
            await service.catch_up()
        assert not path.exists()
        async with open_service(settings, projector=projector):
            await _until(path.exists)
        assert '"Used": 1' in path.read_text()

    asyncio.run(run())


@pytest.mark.parametrize("projector", ["threads", "process"])
def test_a_file_that_somebody_edited_is_noticed_at_the_start(
    tmp_path: Path, projector: Follow
) -> None:
    settings = settings_in(tmp_path, wait_seconds=LONG_SECONDS)
    path = tmp_path / "data" / LINE / "capacity" / f"{SCENARIO}.json"

    async def run() -> None:
        async with open_service(settings) as service:
            await _open_scenario(service)
            await service.catch_up()
            service.capacity_files.write(LINE, SCENARIO)
        path.write_text("{}")
        async with open_service(settings, projector=projector) as service:
            follower = service.follower
            await _until(lambda: follower.files_failing_count == 1)
            assert follower.files_problem == f"1 held: edited {LINE}/{SCENARIO}"
            assert follower.files_failing == {f"{LINE}/{SCENARIO}": "held: edited"}
            asked: Any = SimpleNamespace(
                service=service, app=SimpleNamespace(state=SimpleNamespace(projector=projector))
            )
            assert readiness(asked).capacity_files == follower.files_problem
            assert readiness(asked).status == "ready"
            assert b"\ncapacity_files_failing 1.0\n" in Metrics().text(service, [], [])
        assert path.read_text() == "{}"

    asyncio.run(run())


def test_a_follower_that_cannot_be_understood_is_ended_and_started_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A line too long for the reader stands for all that may go wrong in reading it."""
    monkeypatch.setattr(following_process, "RESTART_SECONDS", 0.01)
    settings = settings_in(tmp_path, wait_seconds=LONG_SECONDS)

    async def run() -> None:
        async with open_service(settings, projector="process") as service:
            await _until(lambda: service.follower.problem == "")
            first = _process_of(service)
            assert first.stdout is not None
            first.stdout.feed_data(b"x" * 200_000)
            await _until(lambda: _process_of(service) is not first)
            assert first.returncode == -signal.SIGKILL
            await _open_scenario(service)
            assert await _used(service, after=await _book(service, "SPUS55557")) == 1
            # Two threads of the follower speak: one of pages, one of what stands in the way.
            await _until(lambda: service.follower.problem == "")

    asyncio.run(run())


def test_many_failing_files_are_counted_and_a_few_named(tmp_path: Path) -> None:
    """Reports stay below what the reader takes as one line."""
    with open_reading_side(settings_in(tmp_path)) as side:
        threads = following.InThreads(side)
        threads._writer._failing = {(LINE, f"s{each}"): "x" * 9_000 for each in range(50)}
        assert threads.files_problem == "50 cannot be written"
        assert threads.files_failing_count == 50
        assert len(threads.files_failing) == 10
        assert len(json.dumps(threads.files_failing)) < 10_000


SPEAK_AT_ONCE = """
import threading
from interfaces import following_process
def speak(letter):
    for _ in range(20):
        following_process._say({"said": letter * 60_000})
threads = [threading.Thread(target=speak, args=(letter,)) for letter in "abcd"]
for each in threads: each.start()
for each in threads: each.join()
"""


def test_lines_of_two_threads_never_mix() -> None:
    with subprocess.Popen([sys.executable, "-c", SPEAK_AT_ONCE], stdout=subprocess.PIPE) as speaker:
        assert speaker.stdout is not None
        said = [json.loads(line)["said"] for line in speaker.stdout]
    assert {len(each) for each in said} == {60_000}
    assert (len(said), speaker.returncode) == (80, 0)


def test_a_follower_ends_with_its_input(tmp_path: Path) -> None:
    """However the server ends, also by SIGKILL, its side of the pipe closes; no signal does it."""
    settings = settings_in(tmp_path)

    async def run() -> int:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "interfaces.following_process"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(settings.model_dump_json().encode() + b"\n")
        assert b'"problem": ""' in await process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        process.send_signal(signal.SIGINT)
        process.stdin.close()
        return await process.wait()

    assert asyncio.run(run()) == 0


def test_a_poison_event_is_parked_and_the_follower_goes_on(tmp_path: Path) -> None:
    settings = settings_in(tmp_path, wait_seconds=LONG_SECONDS)
    with sqlite3.connect(settings.ledger_file) as connection:
        connection.execute(
            "INSERT INTO stored_events (originator_id, originator_version, topic, state)"
            " VALUES (?, 1, 'suppliers.unheard_of', '{}')",
            (fresh_id().hex,),
        )
        connection.execute("INSERT INTO append_groups VALUES (1, 0)")
    connection.close()

    async def run() -> tuple[int, str]:
        async with open_service(settings, projector="process") as service:
            await _open_scenario(service)
            position = await _book(service, "R-1")
            used = await _used(service, position)
            assert service.follower.problem == ""
            (parked,) = service.projector.parked(["supplier_capacity"])
            return used, parked.error

    used, error = asyncio.run(run())
    assert used == 1
    assert "suppliers.unheard_of at position 1" in error


@pytest.mark.parametrize("projector", ["threads", "process"])
def test_a_shutdown_answers_the_queue_and_leaves_positions_that_agree(
    tmp_path: Path, projector: Follow
) -> None:
    settings = settings_in(tmp_path)

    async def run() -> list[int]:
        async with asyncio.timeout(LONG_SECONDS):
            async with open_service(settings, projector=projector) as service:
                await _open_scenario(service)
                booked = [
                    asyncio.create_task(_book(service, f"R-{number}")) for number in range(40)
                ]
                while not service.ledger.waiting:  # noqa: ASYNC110 - the queue has no event
                    await asyncio.sleep(0)
                queued = service.ledger.waiting
            answers = await asyncio.gather(*booked, return_exceptions=True)
            answered = [each for each in answers if isinstance(each, int)]
            assert len(answered) >= queued  # whoever was not in the queue yet came too late
            return answered

    positions = asyncio.run(run())
    assert positions
    with open_reading_side(settings) as side:
        verified = side.projector.verify()  # as far as it came, nothing is missing
        (lease,) = side.projector.runners()
        assert (all(each.complete for each in verified), lease.held) == (True, False)
        assert side.projector.catch_up() == max(positions)
        assert all(each.sound for each in side.projector.verify(deep=True))


def test_a_shutdown_does_not_wait_for_ever_for_a_follower(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following_process, "STOP_SECONDS", 0.2)
    settings = settings_in(tmp_path)

    async def run() -> int | None:
        async with asyncio.timeout(LONG_SECONDS):
            async with open_service(settings, projector="process") as service:
                await _open_scenario(service)
                await _used(service, await _book(service, "R-1"))
                process = _process_of(service)
                process.send_signal(signal.SIGSTOP)
            return process.returncode

    assert asyncio.run(run()) == -signal.SIGKILL
