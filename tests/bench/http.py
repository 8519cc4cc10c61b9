"""HTTP: bookings through one server process, against a plain endpoint over the stock library."""

import asyncio
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import cast
from uuid import uuid4

import uvloop

from interfaces.settings import Settings
from tests.bench.booking import LINE, SCENARIO, offers
from tests.bench.measuring import Figure, Report, percentile
from tests.bench.stores import Stores
from tests.support.programs import PROGRAM

ROOT = Path(__file__).parents[2]
CONNECTIONS = 16
SECONDS = 4.0
SUPPLIERS = 1_000
HUNG_UP = 0  # in place of a status: the server closed the connection instead of answering
MATCHES = f"/v1/lines/{LINE}/scenarios/{SCENARIO}/matches"


@dataclass(frozen=True, slots=True)
class Load:
    """What a load of requests came to."""

    per_second: float
    p99_ms: float
    statuses: dict[int, int]

    def errors(self) -> int:
        """Return how many answers were none of 200 and 201."""
        return sum(count for status, count in self.statuses.items() if status not in (200, 201))


def http_bookings(report: Report, stores: Stores) -> None:
    """Measure single, hot and listed bookings on PostgreSQL, and bookings beside slow reports."""
    ours: list[Load] = []
    hot: list[Load] = []
    listed: list[Load] = []
    stock: list[Load] = []
    stock_hot: list[Load] = []
    beside: list[Load] = []
    reports: list[Load] = []
    for number in range(3):
        with _our_server(stores) as port:
            ours.append(uvloop.run(_singles(port, f"c{number}")))
            hot.append(uvloop.run(_hot(port)))
            listed.append(uvloop.run(_lists(port)))
            booked, reported = uvloop.run(_beside_reports(port))
            beside.append(booked)
            reports.append(reported)
        with _stock_server(stores) as port:
            stock.append(uvloop.run(_stock(port, hot=False)))
            stock_hot.append(uvloop.run(_stock(port, hot=True)))
    theirs = "plain FastAPI + stock library"
    _add(report, "http_booking_pg_16", ours, stock, theirs, bar=6.0)
    _add_p99(report, "http_booking_pg_16_p99", ours, 20.0)
    _add(report, "http_hot_supplier_16", hot, ours, "http_booking_pg_16, cold", bar=0.5)
    _add(report, "http_hot_supplier_16_stock", hot, stock_hot, f"{theirs}, its 200s only")
    _add(report, "http_batch_pg", listed, stock, f"{theirs}; ours by lists of 100", bar=50.0)
    for each in (*ours, *hot, *listed, *beside, *reports):
        assert not each.errors(), f"answers other than 200 and 201: {each.statuses}"
    p99, alone = (statistics.median(each.p99_ms for each in side) for side in (beside, ours))
    report.add(
        Figure(
            "http_booking_p99_beside_16_reports",
            p99,
            alone,
            p99 / alone,
            "ms",
            "the same alone",
            bar=3.0,
            at_most=True,
        )
    )


def _add(
    report: Report,
    name: str,
    ours: list[Load],
    theirs: list[Load],
    against: str,
    *,
    bar: float | None = None,
) -> None:
    pairs = zip(ours, theirs, strict=True)
    report.add(
        Figure(
            name=name,
            ours=statistics.median(each.per_second for each in ours),
            theirs=statistics.median(each.per_second for each in theirs),
            ratio=statistics.median(a.per_second / b.per_second for a, b in pairs),
            unit="bookings/s",
            against=against,
            bar=bar,
            note=f"p99 {statistics.median(each.p99_ms for each in ours):.1f} ms",
        )
    )


def _add_p99(report: Report, name: str, ours: list[Load], bar_ms: float) -> None:
    p99 = statistics.median(each.p99_ms for each in ours)
    report.add(Figure(name, p99, bar_ms, p99, "ms", "the limit", bar=bar_ms, at_most=True))


# Loads: keep-alive connections, each sending its next request when the last one is answered.


async def _singles(port: int, tag: str) -> Load:
    return await _load(
        port, lambda c, n: _post(MATCHES, _match(f"{tag}-{c}-{n}", (c * 61 + n) % SUPPLIERS))
    )


async def _hot(port: int) -> Load:
    # Begun with a stream of 1 000 events.
    for begin in range(0, 1_000, 500):
        body = [_match(f"hot-{begin + each}", 0) for each in range(500)]
        await _load(port, partial(_same, _post(MATCHES, body)), requests=1)
    return await _load(port, lambda c, n: _post(MATCHES, _match(f"hot-{c}-{n}-{port}", 0)))


def _same(request: bytes, _connection: int, _number: int) -> bytes:
    return request


async def _lists(port: int) -> Load:
    def request(connection: int, number: int) -> bytes:
        return _post(
            MATCHES,
            [
                _match(f"l-{connection}-{number}-{each}", (number + each) % SUPPLIERS)
                for each in range(100)
            ],
        )

    found = await _load(port, request)
    return Load(found.per_second * 100, found.p99_ms, found.statuses)


async def _beside_reports(port: int) -> tuple[Load, Load]:
    """Return what became of the bookings, and of the reports beside them."""
    report = f"/v1/lines/{LINE}/scenarios/{SCENARIO}/distribution"
    get = f"GET {report} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
    reports = asyncio.create_task(_load(port, lambda c, n: get, seconds=SECONDS + 1))
    found = await _singles(port, "beside")
    return found, await reports


async def _stock(port: int, *, hot: bool) -> Load:
    def request(connection: int, number: int) -> bytes:
        supplier = 0 if hot else (connection * 61 + number) % SUPPLIERS
        return _post("/bookings", _match(f"{hot}-{connection}-{number}", supplier))

    found = await _load(port, request)
    good = sum(count for status, count in found.statuses.items() if status == 200)
    return Load(good / SECONDS, found.p99_ms, found.statuses)


async def _load(
    port: int,
    request: Callable[[int, int], bytes],
    *,
    seconds: float = SECONDS,
    requests: int | None = None,
) -> Load:
    statuses: dict[int, int] = {}
    times_ms: list[float] = []
    begun = time.perf_counter()

    async def connection(number: int) -> None:
        client = await connected(port)
        count = 0
        while requests is None or count < requests:
            if requests is None and time.perf_counter() - begun > seconds:
                break
            sent = time.perf_counter()
            status = await client.ask(request(number, count))
            if status == HUNG_UP:
                client = await connected(port)
            times_ms.append(1_000 * (time.perf_counter() - sent))
            statuses[status] = statuses.get(status, 0) + 1
            count += 1
        client.close()

    many = CONNECTIONS if requests is None else 1
    await asyncio.gather(*(connection(number) for number in range(many)))
    elapsed = time.perf_counter() - begun
    return Load(len(times_ms) / elapsed, percentile(times_ms, 0.99), statuses)


class _Client(asyncio.Protocol):
    """One keep-alive connection, as cheap as it can be: it shares two cores with the server."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._answered: asyncio.Future[int] | None = None
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def connection_lost(self, error: Exception | None) -> None:
        self._transport = None
        self._settle(HUNG_UP)

    async def ask(self, request: bytes) -> int:
        """Return the status of the answer, when all of it is here."""
        if self._transport is None:
            return HUNG_UP
        self._answered, self._received = asyncio.get_running_loop().create_future(), b""
        self._transport.write(request)
        return await self._answered

    def data_received(self, data: bytes) -> None:
        self._received += data
        end = self._received.find(b"\r\n\r\n")
        if end >= 0:
            head = self._received[:end].lower()
            begin = head.index(b"\r\ncontent-length:") + len(b"\r\ncontent-length:")
            if len(self._received) >= end + 4 + int(head[begin:].split(b"\r\n", 1)[0]):
                self._settle(int(head[9:12]))

    def _settle(self, status: int) -> None:
        if self._answered is not None and not self._answered.done():
            self._answered.set_result(status)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()


async def connected(port: int) -> _Client:
    """Return a connection to a server on this machine."""
    _, client = await asyncio.get_running_loop().create_connection(_Client, "127.0.0.1", port)
    return client


def _match(registration_id: str, supplier: int) -> dict[str, str]:
    return {"registration_id": registration_id, "supplier_id": f"S{supplier}"}


def _post(path: str, body: object) -> bytes:
    data = json.dumps(body).encode()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        f"Idempotency-Key: {uuid4()}\r\nContent-Length: {len(data)}\r\n\r\n"
    )
    return head.encode() + data


# Servers, each a process of its own.


@contextmanager
def _our_server(stores: Stores) -> Iterator[int]:
    settings = stores.settings("pg")
    with serving([*PROGRAM[1:], "serve"], environment(settings)) as port:
        uvloop.run(_prepare(port))
        yield port


@contextmanager
def _stock_server(stores: Stores) -> Iterator[int]:
    with serving(["-m", "tests.bench.stock_server"], stores.stock_environment("pg")) as port:
        yield port


async def _prepare(port: int) -> None:
    client = await connected(port)
    document = offers(SUPPLIERS)
    for method, path, body in (
        ("PUT", f"/v1/lines/{LINE}/offers", document),
        ("POST", f"/v1/lines/{LINE}/scenarios/{SCENARIO}", b"{}"),
    ):
        head = (
            f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        assert await client.ask(head.encode() + body) in (200, 201), path
    client.close()


def environment(settings: Settings) -> dict[str, str]:
    """Return what a server of ours is told."""
    return {
        "CAPACITY_DATABASE_URL": settings.database_url,
        "CAPACITY_LEDGER_FILE": str(settings.ledger_file),
        "CAPACITY_VIEWS_FILE": str(settings.views_file),
        "CAPACITY_DATA_DIR": str(settings.data_dir),
    }


@contextmanager
def serving(arguments: list[str], environment: dict[str, str]) -> Iterator[int]:
    """Run a server until the end of the block; yield its port."""
    port = _free_port()
    process = subprocess.Popen(
        [sys.executable, *arguments, "--port", str(port)],
        env=dict(os.environ) | environment,
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_until_open(process, port)
        yield port
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_until_open(process: subprocess.Popen[bytes], port: int) -> None:
    give_up_at = time.monotonic() + 30
    while time.monotonic() < give_up_at:
        assert process.poll() is None, "the server did not start"
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise TimeoutError(f"nothing answers on port {port}")
