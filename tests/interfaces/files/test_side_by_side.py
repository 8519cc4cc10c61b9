"""Many callers at once: no update is lost and nothing is oversold, whoever calls from where."""

import asyncio
import multiprocessing
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path
from threading import Event

import pytest

from application.suppliers import Match
from interfaces.files import keeper, tracked_file
from interfaces.files.capacity_tracker import (
    get_available_capacity,
    reset_capacity,
    update_supplier_capacity,
)
from interfaces.files.keeper import KEEPER, Keeper
from interfaces.files.offers import fresh_capacity_file
from interfaces.files.places import Place, place_of
from interfaces.files.tracked_file import command_of
from interfaces.identity import fresh_id
from interfaces.service import Service
from tests.interfaces.files.conftest import Desk, plain
from tests.support import original_tracker

ACME = {"supplier_id": "ACME"}
TIMEOUT_SECONDS = 120  # a test that hangs ends at last; nothing is measured by it


async def at_once(desk: Desk, calls: int) -> int:
    """Make calls at the same time; return how many succeeded."""
    results = await asyncio.gather(
        *(update_supplier_capacity(ACME, desk.offers, desk.capacity) for _ in range(calls)),
        return_exceptions=True,
    )
    refused = [str(each) for each in results if isinstance(each, BaseException)]
    assert all("Supplier ACME capacity exceeded" in each for each in refused), refused
    return calls - len(refused)


@pytest.mark.parametrize(("calls", "capacity", "counted"), [(50, 100, 50), (40, 10, 10)])
def test_callers_in_one_loop(any_desk: Desk, calls: int, capacity: int, counted: int) -> None:
    any_desk.offer(ACME=capacity)
    assert asyncio.run(at_once(any_desk, calls)) == counted
    assert any_desk.used() == counted


def test_the_originals_way_loses_updates_and_oversells(desk: Desk) -> None:
    """The negative control."""
    desk.put(plain("ACME", 10, 0))

    async def at_once_originally() -> int:
        calls = (original_tracker.update("ACME", desk.capacity) for _ in range(40))
        results = await asyncio.gather(*calls, return_exceptions=True)
        return sum(not isinstance(each, BaseException) for each in results)

    succeeded = asyncio.run(at_once_originally())
    assert succeeded > desk.used()


def processes(desk: Desk, way: str, calls: int) -> list[str]:
    """Let four processes call at the same time; return what was acknowledged."""
    arguments = (way, desk.offers, desk.capacity)
    started = [
        subprocess.Popen(
            [
                sys.executable,
                "-m",
                "tests.support.capacity_caller",
                *arguments,
                f"P{n}",
                "4",
                str(calls),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for n in range(4)
    ]
    try:
        for each in started:
            assert each.stdout is not None
            assert each.stdout.readline() == "ready\n"
        for each in started:
            assert each.stdin is not None
            each.stdin.write("begin\n")
            each.stdin.flush()
        found = [each.communicate(timeout=TIMEOUT_SECONDS)[0].split() for each in started]
    finally:
        for each in started:
            each.kill()
    assert [each.returncode for each in started] == [0] * 4
    return [registration_id for each in found for registration_id in each]


def test_four_processes_fill_a_capacity_exactly(any_desk: Desk) -> None:
    any_desk.offer(ACME=300)
    acknowledged = processes(any_desk, "ours", 100)
    assert (len(acknowledged), len(set(acknowledged)), any_desk.used()) == (300, 300, 300)
    assert any_desk.history().count("slot_booked") == 300


def test_four_processes_lose_updates_in_the_originals_way(desk: Desk) -> None:
    """The negative control."""
    desk.put(plain("ACME", 300, 0))
    assert len(processes(desk, "original", 100)) > desk.used()


def second_call_is_served_during_the_first(desk: Desk) -> bool:
    """Say whether one of two keepers, as two processes have them, is served beside the other."""
    asyncio.run(at_once(desk, 1))
    place, first, second = place_of(desk.capacity), Keeper(), Keeper()
    begun, go_on = Event(), Event()

    async def stand_still(*_: object) -> None:
        begun.set()
        await asyncio.to_thread(go_on.wait)

    async def look(*_: object) -> None:
        return None

    try:
        waiting = first.submit(place, stand_still)
        assert begun.wait(30)
        asked = second.submit(place, look)
        try:
            asked.result(1)
        except TimeoutError:
            return False
        return True
    finally:
        go_on.set()
        waiting.result(30)
        first.close()
        second.close()


def test_only_one_process_at_a_time_is_served(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not second_call_is_served_during_the_first(desk)
    # The negative control: without the lock on the file both are.
    monkeypatch.setattr(tracked_file, "locked", lambda path: nullcontext())
    assert second_call_is_served_during_the_first(desk)


@pytest.mark.parametrize("meanwhile", ["edited", "deleted"])
def test_a_file_that_is_changed_during_a_call_is_counted_on(desk: Desk, meanwhile: str) -> None:
    """The change is taken over as if it had come first; neither it nor the call is lost."""
    asyncio.run(at_once(desk, 1))
    place = place_of(desk.capacity)
    times = 0

    async def count_beside_an_editor(service: Service, place: Place) -> None:
        nonlocal times
        times += 1
        match = Match("R1", "ACME")
        await service.suppliers.count(
            command_of(service, "a test"),
            line=place.line,
            scenario=place.scenario,
            match=match,
            slot_id=fresh_id(),
        )
        if times == 1 and meanwhile == "edited":
            desk.put(plain("ACME", 50, 1))
        elif times == 1:
            desk.capacity.unlink()

    KEEPER.submit(place, count_beside_an_editor, lambda: fresh_capacity_file(desk.offers)).result(
        30
    )
    assert times == 2
    expected = plain("ACME", 50, 2) if meanwhile == "edited" else plain("ACME", 5, 1)
    assert desk.shown["ACME"] == expected["ACME"]
    assert desk.history().count("capacity_file_imported") == 2


def test_threads_with_an_event_loop_for_each_call(any_desk: Desk) -> None:
    any_desk.offer(ACME=100)

    def call(_: int) -> str:
        return asyncio.run(update_supplier_capacity(ACME, any_desk.offers, any_desk.capacity))

    with ThreadPoolExecutor(8) as threads:
        assert len(list(threads.map(call, range(40)))) == 40
    assert any_desk.used() == 40


def _in_child(offers: Path, capacity: Path) -> None:
    for _ in range(5):
        asyncio.run(update_supplier_capacity(ACME, offers, capacity))


def test_a_forked_process_counts_on_with_its_parent(any_desk: Desk) -> None:
    any_desk.offer(ACME=100)
    asyncio.run(at_once(any_desk, 1))
    context = multiprocessing.get_context("fork")
    children = [
        context.Process(target=_in_child, args=(any_desk.offers, any_desk.capacity))
        for _ in range(3)
    ]
    for child in children:
        child.start()
        asyncio.run(at_once(any_desk, 1))  # ours is open again when the next is forked
    for child in children:
        child.join()
    assert [child.exitcode for child in children] == [0, 0, 0]
    assert any_desk.used() == 19


def open_databases() -> list[str]:
    descriptors = Path("/proc/self/fd").iterdir()
    targets = [str(each.readlink()) for each in descriptors if each.is_symlink()]
    return [each for each in targets if each.endswith(".db")]


def test_nothing_is_open_while_the_process_forks(desk: Desk) -> None:
    asyncio.run(at_once(desk, 1))
    assert open_databases()
    child = os.fork()
    if child == 0:
        os._exit(len(open_databases()))
    assert os.waitpid(child, 0)[1] == 0


def test_ledgers_stay_open_within_bounds(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeper, "MAX_OPEN_LEDGERS", 2)
    for number in range(5):
        desk.capacity = desk.capacity.with_name(f"file-{number}.json")
        asyncio.run(at_once(desk, 1))
    assert len({each for each in open_databases() if each.endswith(".ledger.db")}) <= 2


def test_many_files_at_once(desk: Desk) -> None:
    paths = [desk.capacity.with_name(f"file-{number}.json") for number in range(12)]

    async def call_all() -> None:
        await asyncio.gather(
            *(update_supplier_capacity(ACME, desk.offers, path) for path in paths * 3)
        )

    asyncio.run(call_all())
    found = [asyncio.run(get_available_capacity(path))["ACME"]["Used"] for path in paths]
    assert found == [3] * 12


def test_a_caller_that_goes_away_changes_nothing_for_others(desk: Desk) -> None:
    async def calls() -> None:
        tasks = [
            asyncio.create_task(update_supplier_capacity(ACME, desk.offers, desk.capacity))
            for _ in range(4)
        ]
        await asyncio.sleep(0)
        tasks[1].cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert isinstance(results[1], asyncio.CancelledError)
        assert sum(isinstance(each, str) for each in results) == 3

    asyncio.run(calls())
    KEEPER.close()
    assert desk.used() in (3, 4)


def test_reset_and_updates_at_once_leave_file_and_ledger_agreed(any_desk: Desk) -> None:
    any_desk.offer(ACME=100)

    async def calls() -> None:
        await update_supplier_capacity(ACME, any_desk.offers, any_desk.capacity)
        updates = [
            update_supplier_capacity(ACME, any_desk.offers, any_desk.capacity) for _ in range(10)
        ]
        await asyncio.gather(*updates[:5], reset_capacity(any_desk.capacity), *updates[5:])

    asyncio.run(calls())
    history = any_desk.history()
    after_reset = history[len(history) - history[::-1].index("capacity_cleared") :]
    assert any_desk.used() == after_reset.count("slot_booked")


def test_ends_cleanly_with_the_interpreter(desk: Desk) -> None:
    arguments = ("ours", str(desk.offers), str(desk.capacity), "P", "1", "2")
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "tests.support.capacity_caller", *arguments],
        input="begin\n",
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    left = sorted(each.name for each in desk.capacity.parent.iterdir())
    assert left == [".demo.json.lock", ".demo.ledger.db", ".demo.views.db", "demo.json"]
