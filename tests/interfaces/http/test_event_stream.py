"""The event stream: whoever reconnects, however often, neither misses nor repeats an event."""

import asyncio
import random
import socket
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn

from application.ledger.library import ledger_store
from application.ledger.store import StoredRow, StoreLost
from interfaces.http.stream_hub import StreamHub
from interfaces.http.streamed import encode_row
from tests.support.asynchronous import asynchronous, until
from tests.support.ledgers import command, opened, opening
from tests.support.servers import MATCHES, SCENARIO, SUPPLIER, settings_in
from tests.support.streams import STREAM, Streamed, streaming


def _book(live: Any, *registrations: str) -> None:
    body = [{"registration_id": each, "supplier_id": SUPPLIER} for each in registrations]
    assert live.client.post(MATCHES, json=body).status_code == 200


def _as_fed(found: Sequence[Streamed]) -> list[dict[str, Any]]:
    assert [each.id for each in found] == [str(each.data["position"]) for each in found]
    return [each.data for each in found]


def test_the_stream_is_the_feed(both: Any) -> None:
    _book(both, "R-1", "R-2")
    before = both.events()
    with streaming(both.client, after=0) as stream:
        assert stream.response.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert _as_fed(stream.take(len(before))) == before
        _book(both, "R-3")
        news = both.events(after=before[-1]["position"])
        assert _as_fed(stream.take(len(news))) == news


def test_without_a_position_it_begins_with_news(both: Any) -> None:
    head = both.events()[-1]["position"]
    with streaming(both.client) as stream:
        assert stream.begin() == str(head)
        _book(both, "R-1")
        assert _as_fed(stream.take(2)) == both.events(after=head)


def test_what_another_process_commits_is_streamed(both: Any) -> None:
    url = both.service.settings.database_url or f"sqlite:///{both.service.settings.ledger_file}"

    async def open_elsewhere() -> None:
        async with opened(ledger_store(url)) as ledger:
            await ledger.execute(command(), opening(supplier="Elsewhere"))

    with streaming(both.client) as stream:
        stream.begin()
        asyncio.run(open_elsewhere())
        (found,) = stream.take(1)
    assert found.data["data"]["supplier"] == "Elsewhere"


def test_filters_are_those_of_the_feed(live: Any) -> None:
    _book(live, "R-1", "R-2")
    with streaming(live.client, after=0, topic="suppliers.booked") as stream:
        assert _as_fed(stream.take(2)) == live.events(topic="suppliers.booked")
        _book(live, "R-3")
        (third,) = stream.take(1)
        assert third.data["data"]["registration_id"] == "R-3"
    with streaming(live.client, after=0, context="suppliers") as stream:
        assert _as_fed(stream.take(5)) == live.events()[:5]


# Reconnecting.


BATCH_EVENTS = 14  # five bookings of two events each, and a reset of a scenario and its suppliers


def _write(live: Any, batches: int) -> None:
    for _ in range(batches):
        _book(live, *(f"R-{each}" for each in range(5)))
        assert live.client.post(f"{SCENARIO}/reset").status_code == 200


def _followed(live: Any, batches: int) -> list[str]:
    """Follow a writer with a client that leaves at random."""
    chance = random.Random(7)
    writer = threading.Thread(target=_write, args=(live, batches))
    head = live.events()[-1]["position"]
    found: list[str] = []
    last_id = str(head)
    writer.start()
    try:
        with httpx.Client(base_url=live.client.base_url, timeout=30) as client:
            # Positions of one writer have no gaps, so counting tells when the end is reached.
            while int(last_id) < head + BATCH_EVENTS * batches:
                most = min(chance.randint(1, 12), head + BATCH_EVENTS * batches - int(last_id))
                with streaming(client, last_id=last_id) as stream:
                    found += [each.id for each in stream.take(most)]
                last_id = found[-1]
    finally:
        writer.join()
    return found


def test_a_client_that_reconnects_at_random_neither_misses_nor_repeats(both: Any) -> None:
    head = both.events()[-1]["position"]
    found = _followed(both, batches=20)
    assert found == [str(each["position"]) for each in both.events(after=head)]
    assert len(found) == 20 * BATCH_EVENTS


@pytest.mark.parametrize("off_by", [-1, 1])
def test_a_resume_off_by_one_would_be_noticed(live: Any, off_by: int) -> None:
    begin = live.events()[-1]["position"]
    _write(live, 3)  # before, as no stream begins beyond the end
    found, last = [], begin
    for _ in range(3):
        with streaming(live.client, last_id=str(last)) as stream:
            found += [each.id for each in stream.take(10)]
        last = int(found[-1]) + off_by
    assert found != [str(each["position"]) for each in live.events(after=begin)][: len(found)]


def test_a_position_that_is_not_there_any_more_is_gone(start: Any, load_sample: Any) -> None:
    with start(stream_resume_events=5) as live:
        load_sample(live)
        head = live.events()[-1]["position"]
        _book(live, "R-1", "R-2", "R-3")
        beyond = live.client.get(STREAM, headers={"Last-Event-ID": str(head + 7)})
        answer = live.client.get(STREAM, headers={"Last-Event-ID": str(head)})
        assert [beyond.status_code, answer.status_code] == [410, 410]
        assert beyond.json()["type"] == answer.json()["type"] == "/problems/stream-gone"
        assert f"read /v1/events?after={head} up to its end first" in answer.json()["detail"]
        with streaming(live.client, last_id=str(head + 1)) as stream:
            assert len(stream.take(5)) == 5


@pytest.mark.parametrize(
    ("options", "pointer"),
    [
        ({"headers": {"Last-Event-ID": "seven"}}, "/Last-Event-ID"),
        ({"headers": {"Last-Event-ID": "-1"}}, "/Last-Event-ID"),
        ({"params": {"after": "999999"}}, "/after"),
        ({"params": {"topic": "nothing"}}, "/topic"),
        ({"params": {"limit": "1"}}, "/query"),
    ],
)
def test_bad_questions_are_refused(shared: Any, options: dict[str, Any], pointer: str) -> None:
    answer = shared.client.get(STREAM, **options)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == pointer


def test_no_more_clients_than_the_setting_allows(start: Any) -> None:
    with start(stream_clients=1) as live:
        with streaming(live.client) as stream:
            stream.begin()
            refused = live.client.get(STREAM)
            assert refused.status_code == 503
            assert "1 clients follow the stream already" in refused.json()["detail"]
        hub: StreamHub = live.server.config.app.state.streams
        asyncio.run(until(lambda: hub.clients == 0))
        with streaming(live.client) as stream:
            stream.begin()


def test_silence_is_broken_by_comments_without_an_id(start: Any, load_sample: Any) -> None:
    with start(stream_heartbeat_seconds=0.05) as live:
        load_sample(live)
        with streaming(live.client) as stream:
            begun = stream.begin()
            silent = stream.lines(4)
            assert silent == ["", ": still here", "", ": still here"]
            _book(live, "R-1")
            assert stream.take(1)[0].id == str(int(begun) + 1)


# Slow clients, faults, the end.


def test_who_does_not_read_is_cut_off_and_resumes(start: Any, load_sample: Any) -> None:
    with start(stream_queue_bytes=20_000) as live:
        load_sample(live)
        hub: StreamHub = live.server.config.app.state.streams
        begin = live.events()[-1]["position"]
        with socket.create_connection(("127.0.0.1", live.port)) as slow:
            slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
            slow.sendall(f"GET {STREAM} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            with streaming(live.client) as quick:
                quick.begin()
                asyncio.run(until(lambda: hub.clients == 2))
                while not hub.dropped:
                    _write(live, 3)
                    assert len(quick.take(3 * BATCH_EVENTS)) == 3 * BATCH_EVENTS
        assert hub.dropped == 1
        with streaming(live.client, last_id=str(begin)) as again:
            assert _as_fed(again.take(40)) == live.events(after=begin)[:40]


class _Failing:
    """A store that cannot be read once."""

    def __init__(self, inner: Any) -> None:
        self.inner, self.failed = inner, False

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    async def feed(self, **asked: Any) -> list[StoredRow]:
        if not self.failed:
            self.failed = True
            raise StoreLost("the database went away")
        found: list[StoredRow] = await self.inner.feed(**asked)
        return found


def test_a_lost_database_delays_the_stream_and_ends_nothing(live: Any) -> None:
    with streaming(live.client) as stream:
        stream.begin()
        hub: StreamHub = live.server.config.app.state.streams
        asyncio.run(until(lambda: hub._subscribers))
        store = live.service.ledger.store = _Failing(live.service.ledger.store)
        _book(live, "R-1")
        assert len(stream.take(2)) == 2
        assert store.failed


def test_a_stopping_server_ends_its_streams(start: Any) -> None:
    with start() as live:
        client = httpx.Client(base_url=live.client.base_url, timeout=30)
        with client, streaming(client) as stream:
            stream.begin()
            live.server.should_exit = True
            assert list(stream) == []  # the answer is whole


def test_a_server_that_does_not_end_them_cuts_them_off(start: Any) -> None:
    """Without our own shutdown the clients would see a torn answer, after the whole grace."""
    with start() as live:
        live.server.shutdown = lambda sockets=None: uvicorn.Server.shutdown(live.server, sockets)
        live.server.config.timeout_graceful_shutdown = 1
        client = httpx.Client(base_url=live.client.base_url, timeout=30)
        with client, streaming(client) as stream:
            stream.begin()
            live.server.should_exit = True
            with pytest.raises(httpx.RemoteProtocolError):
                list(stream)


# The hub alone.


@asynchronous
async def test_all_clients_are_handed_the_same_bytes(tmp_path: Path) -> None:
    hub = StreamHub(settings_in(tmp_path))
    rows = [_row(number) for number in range(1, 4)]
    first, second = hub.subscribe(None, 0), hub.subscribe(None, 0)
    further, other = hub.subscribe(None, 2), hub.subscribe(frozenset(["nothing"]), 0)
    hub._subscribers |= {first, second, further, other}
    hub._publish(rows)
    assert await first.next() is await second.next()
    assert await further.next() == encode_row(rows[2], bare=False)
    assert other.idle


def test_an_event_of_a_newer_program_is_passed_on() -> None:
    row = _row(7)._replace(topic="moons.landed", state=b'{"provenance":{"actor":"x"},"on":"Io"}')
    text = encode_row(row, bare=False).decode()
    assert text.startswith("id: 7\ndata: {")
    assert '"actor":"x"' in text
    assert '"data":{"on":"Io"}' in text


def _row(position: int) -> StoredRow:
    from uuid import UUID

    from tests.support.stored import stored_examples

    topic = "suppliers.slot_booked"
    return StoredRow(UUID(int=position), 1, topic, stored_examples()[topic], position)
