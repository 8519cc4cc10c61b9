"""The server is killed under load, again and again: what was acknowledged is there, once."""

import json
import os
import random
import signal
import socket
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from domain.stored import decode
from domain.suppliers import Booking, SupplierCapacity
from tests.support.ledgers import log_at
from tests.support.programs import PROGRAM, Program

SUPPLIERS = {"All Energy Solar": 100_000, "iSoalr": 100_000, "TruNorthSolar": 100_000}
CLIENTS = 4
START_TIMEOUT_SECONDS = 30
SHOWN_TIMEOUT_SECONDS = 30
SCENARIO = "/v1/lines/sbus/scenarios/storm"


@dataclass
class Storm:
    """Clients that book until the server is gone, and what they were told."""

    port: int
    kill_after: int
    process: subprocess.Popen[bytes]
    tag: str
    acknowledged: list[str] = field(default_factory=list)
    refused: list[int] = field(default_factory=list)

    def rage(self) -> None:
        """Book from all clients until the server has been killed and every client has noticed."""
        clients = [
            threading.Thread(target=self._client, args=(number,)) for number in range(CLIENTS)
        ]
        for client in clients:
            client.start()
        for client in clients:
            client.join()

    def _client(self, number: int) -> None:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=30)
        suppliers = list(SUPPLIERS)
        count = 0
        try:
            while True:
                count += 1
                registration_id = f"{self.tag}-{number}-{count}"
                supplier = suppliers[(number + count) % len(suppliers)]
                body = {"registration_id": registration_id, "supplier_id": supplier}
                status = _send(connection, "POST", f"{SCENARIO}/matches", body)
                if status in (200, 201):
                    self.acknowledged.append(registration_id)
                else:
                    self.refused.append(status)
                if len(self.acknowledged) >= self.kill_after:
                    # The others are in the middle of theirs: before, in, or after the commit.
                    self.process.send_signal(signal.SIGKILL)
        except (OSError, HTTPException):
            connection.close()  # the server is gone; whether the last one counts, nobody was told


def _send(connection: HTTPConnection, method: str, path: str, body: object) -> int:
    return _ask(connection, method, path, body)[0]


def _ask(connection: HTTPConnection, method: str, path: str, body: object) -> tuple[int, str]:
    """Return the answer's status and the ledger's position that it names."""
    headers = {"Content-Type": "application/json"}
    connection.request(method, path, json.dumps(body).encode(), headers)
    answer = connection.getresponse()
    answer.read()
    return answer.status, answer.getheader("Capacity-Position", "")


@contextmanager
def _server(program: Program) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with subprocess.Popen(
        [*PROGRAM, "serve", "--port", str(port)],
        cwd=program.folder,
        env=program.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            _wait_until_ready(port, process)
            yield port, process
        finally:
            process.kill()


def _wait_until_ready(port: int, process: subprocess.Popen[bytes]) -> None:
    give_up_at = time.monotonic() + START_TIMEOUT_SECONDS
    while time.monotonic() < give_up_at:
        assert process.poll() is None, "the server ended before it was ready"
        connection = HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request("GET", "/readyz")
            if connection.getresponse().status == 200:
                return
        except (OSError, HTTPException):
            time.sleep(0.05)
        finally:
            connection.close()
    raise AssertionError("the server was not ready in time")


def _open(port: int) -> None:
    offers = [{"SupplierID": name, "Capacity": slots} for name, slots in SUPPLIERS.items()]
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    document = {"SupplierOffers": offers}
    assert _send(connection, "PUT", "/v1/lines/sbus/offers", document) in (200, 201)
    assert _send(connection, "POST", SCENARIO, {}) in (200, 201)
    connection.close()


def _history(program: Program) -> list[Any]:
    """Return every event of the ledger, in order."""
    file = program.folder / "capacity.db"
    with closing(log_at(program.environment.get("CAPACITY_DATABASE_URL", str(file)))) as log:
        rows = log.page(0, log.head())
    return [
        decode(topic, state, UUID(bytes=identity), version)
        for _, identity, version, topic, state in rows
    ]


def _used_after_each(events: list[Any]) -> list[tuple[int, ...]]:
    """Return every state that the capacity file may rightly have shown, the last one last."""
    used = dict.fromkeys(SUPPLIERS, 0)
    supplier_by_id = {
        event.originator_id: event.supplier
        for event in events
        if isinstance(event, SupplierCapacity.Opened)
    }
    states = [tuple(used.values())]
    for event in events:
        if isinstance(event, SupplierCapacity.SlotBooked):
            used[supplier_by_id[event.originator_id]] += 1
            states.append(tuple(used.values()))
    return states


def _kill_again_and_again(program: Program, times: int, seed: int) -> None:
    dice = random.Random(seed)
    acknowledged: list[str] = []
    program.ok("migrate")
    for number in range(times):
        with _server(program) as (port, process):
            if number == 0:
                _open(port)
                _wait_until_shown(program, (0,) * len(SUPPLIERS))
            storm = Storm(port, dice.randint(1, 120), process, tag=f"S{number}")
            storm.rage()
        assert not storm.refused
        assert len(storm.acknowledged) >= storm.kill_after
        acknowledged += storm.acknowledged
        _check(program, acknowledged)
    acknowledged += _kill_both_between_read_models_and_file(program)
    _check(program, acknowledged)
    events = _history(program)
    final = _used_after_each(events)[-1]
    assert sum(final) == _booked(events).total()
    with _server(program):  # nothing is booked any more
        _wait_until_shown(program, final)


def _kill_both_between_read_models_and_file(program: Program) -> list[str]:
    """Kill follower and server when reads show the last booking, and its file may not be written.

    The first is written at once; the others wait for the pause after it.
    """
    acknowledged = [f"LAST-{number}" for number in range(5)]
    with _server(program) as (port, process):
        (follower,) = _children(process.pid)
        connection = HTTPConnection("127.0.0.1", port, timeout=30)
        position = ""
        for registration_id in acknowledged:
            body = {"registration_id": registration_id, "supplier_id": "iSoalr"}
            status, position = _ask(connection, "POST", f"{SCENARIO}/matches", body)
            assert status == 201
        assert _send(connection, "GET", f"{SCENARIO}/capacity?after={position}", None) == 200
        os.kill(follower, signal.SIGKILL)
        process.kill()
        connection.close()
    return acknowledged


def _children(pid: int) -> list[int]:
    listed = subprocess.run(
        ["ps", "-A", "-o", "ppid=,pid="], capture_output=True, text=True, check=True
    ).stdout
    pairs = [line.split() for line in listed.splitlines()]
    return [int(child) for parent, child in pairs if int(parent) == pid]


def _wait_until_shown(program: Program, final: tuple[int, ...]) -> None:
    give_up_at = time.monotonic() + SHOWN_TIMEOUT_SECONDS
    while _shown(program) != final and time.monotonic() < give_up_at:
        time.sleep(0.01)
    assert _shown(program) == final


def _shown(program: Program) -> tuple[int, ...]:
    """Return what the capacity file shows, nothing where there is none yet."""
    path = program.folder / "data" / "sbus" / "capacity" / "storm.json"
    if not path.exists():
        return ()
    return tuple(each["Used"] for each in json.loads(path.read_bytes()).values())


def _check(program: Program, acknowledged: list[str]) -> None:
    events = _history(program)
    booked = _booked(events)
    assert [name for name in acknowledged if booked[name] != 1] == []
    assert max(booked.values()) == 1
    assert _shown(program) in _used_after_each(events)


def _booked(events: list[Any]) -> Counter[str]:
    return Counter(each.registration_id for each in events if isinstance(each, Booking.Booked))


def test_what_was_acknowledged_outlives_a_killed_server_on_sqlite(tmp_path: Path) -> None:
    _kill_again_and_again(Program(tmp_path), times=3, seed=1)


def test_what_was_acknowledged_outlives_a_killed_server_on_postgres(
    tmp_path: Path, postgres_url: str
) -> None:
    _kill_again_and_again(Program(tmp_path, postgres_url), times=2, seed=2)


@pytest.mark.long
def test_what_was_acknowledged_outlives_many_killed_servers_on_sqlite(tmp_path: Path) -> None:
    _kill_again_and_again(Program(tmp_path), times=30, seed=3)


@pytest.mark.long
def test_what_was_acknowledged_outlives_many_killed_servers_on_postgres(
    tmp_path: Path, postgres_url: str
) -> None:
    _kill_again_and_again(Program(tmp_path, postgres_url), times=30, seed=4)


def test_the_check_finds_a_booking_that_was_lost(tmp_path: Path) -> None:
    """The negative control: an answer without its event turns the check red."""
    program = Program(tmp_path)
    program.ok("migrate")
    with _server(program) as (port, process):
        _open(port)
        _wait_until_shown(program, (0,) * len(SUPPLIERS))
        storm = Storm(port, 5, process, tag="S")
        storm.rage()

    with pytest.raises(AssertionError):
        _check(program, [*storm.acknowledged, "never-stored"])
