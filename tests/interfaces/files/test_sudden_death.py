"""The caller's process is killed, again and again: what was acknowledged stands in the file."""

import asyncio
import json
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from interfaces.files.capacity_tracker import update_supplier_capacity
from interfaces.files.keeper import KEEPER
from tests.interfaces.files.conftest import Desk

TASKS = 4


def killed_run(desk: Desk, tag: str, kill_after: int) -> list[str]:
    """Call from several tasks until the process is killed; return what was acknowledged."""
    command: list[str | Path] = [
        sys.executable,
        "-m",
        "tests.support.capacity_caller",
        "ours",
        desk.offers,
        desk.capacity,
        tag,
        str(TASKS),
        "100000",
    ]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdin is not None
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            process.stdin.write("begin\n")
            process.stdin.flush()
            acknowledged = [process.stdout.readline() for _ in range(kill_after)]
            # The others are in the middle of theirs: before, in or after commit and write.
            process.send_signal(signal.SIGKILL)
            acknowledged += process.stdout.readlines()
        finally:
            process.kill()
    return [line.strip() for line in acknowledged if line.endswith("\n")]


def check(desk: Desk, acknowledged: list[str], killed: int) -> None:
    """Assert that all that was acknowledged is shown, and no more than was under way besides."""
    used = json.loads(desk.capacity.read_bytes())["ACME"]["Used"]
    assert len(acknowledged) <= used <= len(acknowledged) + TASKS * killed
    # The ledger may be ahead of the file by what nobody was told; never the other way round.
    assert used <= desk.history().count("slot_booked")


def kill_again_and_again(desk: Desk, times: int, seed: int) -> None:
    dice = random.Random(seed)
    desk.offer(ACME=1_000_000)
    acknowledged: list[str] = []
    for number in range(times):
        acknowledged += killed_run(desk, f"K{number}", dice.randint(1, 60))
        check(desk, acknowledged, number + 1)
    assert len(set(acknowledged)) == len(acknowledged)

    async def repeat_all() -> None:
        for registration_id in acknowledged:
            match = {"supplier_id": "ACME", "registration_id": registration_id}
            await update_supplier_capacity(match, desk.offers, desk.capacity)

    booked = desk.history().count("slot_booked")
    asyncio.run(repeat_all())  # each of them is known, and counts no second time
    assert desk.used() == desk.history().count("slot_booked") == booked
    KEEPER.close()


def test_what_was_acknowledged_outlives_a_killed_process(any_desk: Desk) -> None:
    kill_again_and_again(any_desk, times=3, seed=1)


@pytest.mark.long
def test_what_was_acknowledged_outlives_many_killed_processes(any_desk: Desk) -> None:
    kill_again_and_again(any_desk, times=20, seed=2)


def test_the_check_finds_what_was_acknowledged_and_is_not_there(desk: Desk) -> None:
    """The negative control."""
    acknowledged = killed_run(desk, "K", 1)
    invented = [f"never-{number}" for number in range(100)]
    with pytest.raises(AssertionError):
        check(desk, acknowledged + invented, 1)
