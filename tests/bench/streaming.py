"""The event stream: how long after its commit an event is with every client.

Clients are plain sockets in this process, the server is another. Times are taken from the moment
that the event says it was recorded, a little before its commit: so they are upper bounds.
"""

import asyncio
import re
import statistics
import time
from datetime import datetime
from typing import cast

import uvloop

from tests.bench.http import MATCHES, _match, _our_server, _post, connected
from tests.bench.measuring import Figure, Report, percentile
from tests.bench.stores import Stores

PAUSE_SECONDS = 0.1
_ASK = b"GET /v1/events/stream?topic=suppliers.booked HTTP/1.1\r\nHost: localhost\r\n\r\n"
_RECORDED = re.compile(rb'"recorded_at":"([^"]+)"')


class _Client(asyncio.Protocol):
    """Notes when each event came, and reads nothing before the end: parsing would cost time."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.received: list[tuple[float, bytes]] = []
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._transport.write(_ASK)

    def data_received(self, data: bytes) -> None:
        if self.begun.is_set():
            self.received.append((time.time(), data))
        elif b"id: " in data:
            self.begun.set()

    def close(self) -> None:
        assert self._transport is not None
        self._transport.close()

    def delays_ms(self) -> list[float]:
        return [
            1_000 * (at - datetime.fromisoformat(found.decode()).timestamp())
            for at, data in self.received
            for found in _RECORDED.findall(data)
        ]


def streams(report: Report, stores: Stores) -> None:
    """Measure 100 and 1 000 clients on PostgreSQL."""
    for clients, bookings, bar_ms in ((100, 40, 15.0), (1_000, 20, 100.0)):
        with _our_server(stores) as port:
            delays, posts = uvloop.run(_measured(port, clients, bookings))
        p50, p99 = statistics.median(delays), percentile(delays, 0.99)
        post = statistics.median(posts)
        report.add(
            Figure(
                f"sse_{clients}",
                p99,
                p50,
                p99,
                "ms",
                "its p50",
                rounds=1,
                bar=bar_ms,
                at_most=True,
                note=f"p99 of {len(delays)} deliveries; a booking meanwhile {post:.1f} ms p50",
            )
        )


async def _measured(port: int, count: int, bookings: int) -> tuple[list[float], list[float]]:
    loop = asyncio.get_running_loop()
    clients = []
    for _ in range(count):
        _, client = await loop.create_connection(_Client, "127.0.0.1", port)
        clients.append(client)
    await asyncio.gather(*(each.begun.wait() for each in clients))
    asking = await connected(port)
    posts = []
    for number in range(bookings):
        await asyncio.sleep(PAUSE_SECONDS)
        begun = time.perf_counter()
        assert await asking.ask(_post(MATCHES, _match(f"s-{number}", number))) == 201
        posts.append(1_000 * (time.perf_counter() - begun))
    await asyncio.sleep(1.0)
    delays = [delay for each in clients for delay in each.delays_ms()]
    for each in clients:
        each.close()
    asking.close()
    assert len(delays) == count * bookings, f"{len(delays)} of {count * bookings} arrived"
    return delays, posts
