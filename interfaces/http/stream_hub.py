"""One reader of the ledger for all clients of the event stream: each event is encoded once.

The reader is woken by commits, of this process and of others, and looks once a second in any case.
It hands the same bytes to every client through a bounded queue of the client's own, and waits for
nobody: whoever does not keep up is cut off, and resumes where it was.
"""

import asyncio
import threading
from collections.abc import AsyncGenerator, Sequence
from contextlib import suppress

import structlog

from application.ledger import LedgerUnavailable
from application.ledger.store import StoredRow
from interfaces.http import server_sent_events
from interfaces.http.streamed import chosen, encode_row, joined
from interfaces.http.subscribers import Subscriber, Topics
from interfaces.service import Service
from interfaces.settings import Settings

WAIT_SECONDS = 1.0
PAGE_EVENTS = 200
LONGEST_BACK_OFF_SECONDS = 5.0

_log = structlog.get_logger(__name__)


class TooManyStreams(LedgerUnavailable):
    """As many clients as the setting allows are following already."""

    def __init__(self, clients: int) -> None:
        super().__init__(f"{clients} clients follow the stream already, which is the limit")


class StreamHub:
    """Follows the ledger while anybody listens."""

    def __init__(self, settings: Settings) -> None:
        self._most_clients = settings.stream_clients
        self._most_bytes = settings.stream_queue_bytes
        self._heartbeat_seconds = settings.stream_heartbeat_seconds
        self.position = 0
        self.dropped = 0  # clients that did not keep up, so far
        self._service: Service | None = None
        self._subscribers: set[Subscriber] = set()
        self._opened = 0
        self._ending = False
        self._wake = asyncio.Event()
        self._reader: asyncio.Task[None] | None = None
        self._watcher: threading.Thread | None = None
        self._listened_to = threading.Event()

    def follow(self, service: Service) -> None:
        """Take the service whose ledger is streamed."""
        self._service = service
        service.ledger.on_committed.append(lambda position: self._wake.set())

    def end(self) -> None:
        """End every stream, and begin no other: the server is about to stop."""
        self._ending = True
        for each in self._subscribers:
            each.end()

    async def close(self) -> None:
        """Stop reading."""
        self.end()
        if self._reader is not None:
            self._reader.cancel()
            await asyncio.wait([self._reader])
        if self._watcher is not None:
            assert self._service is not None
            self._listened_to.set()
            self._service.log.wake()
            await asyncio.to_thread(self._watcher.join)

    @property
    def clients(self) -> int:
        """How many streams are open."""
        return self._opened

    def subscribe(self, topics: Topics, after: int, *, bare: bool = False) -> Subscriber:
        """Open a stream of what comes after a position. Raises TooManyStreams."""
        if self._opened >= self._most_clients:
            raise TooManyStreams(self._opened)
        self._opened += 1
        return Subscriber(topics, after, self._most_bytes, bare=bare)

    def unsubscribe(self, subscriber: Subscriber) -> None:
        """Close a stream."""
        self._opened -= 1
        self._detach(subscriber)

    async def missed(self, subscriber: Subscriber) -> AsyncGenerator[bytes]:
        """Yield what a client has missed, as bytes; at the end it is told of what comes."""
        position = subscriber.after
        while not self._ending:
            rows = await self._feed(position, subscriber.topics)
            if rows:
                position = rows[-1].position
                yield joined(rows, bare=subscriber.bare)
            if len(rows) < PAGE_EVENTS:
                break
        # From here on it is told what comes after the reader's position. What lies between that
        # and the last page was recorded meanwhile, and is read now.
        reached = self._attach(subscriber, position)
        while position < reached and not self._ending:
            rows = await self._feed(position, subscriber.topics)
            between = [each for each in rows if each.position <= reached]
            if between:
                yield joined(between, bare=subscriber.bare)
            position = rows[-1].position if len(rows) == PAGE_EVENTS else reached
        if self._ending:
            subscriber.end()

    def _attach(self, subscriber: Subscriber, position: int) -> int:
        """Add a client, and return the position after which it is told everything."""
        if not self._subscribers:
            self.position = position  # nobody is waiting for what lies between
        subscriber.after = max(position, self.position)
        self._subscribers.add(subscriber)
        self._listened_to.set()
        self._start()
        self._wake.set()
        return self.position

    def _detach(self, subscriber: Subscriber) -> None:
        self._subscribers.discard(subscriber)
        if not self._subscribers:
            self._listened_to.clear()

    async def _feed(self, after: int, topics: Topics) -> list[StoredRow]:
        assert self._service is not None
        wanted = None if topics is None else sorted(topics)
        store = self._service.ledger.store
        return await store.feed(after=after, limit=PAGE_EVENTS, topics=wanted)

    # The reader.

    def _start(self) -> None:
        if self._reader is None and not self._ending:
            self._reader = asyncio.create_task(self._run(), name="event-stream")
            loop = asyncio.get_running_loop()
            self._watcher = threading.Thread(
                target=self._watch, args=(loop,), name="event-stream", daemon=True
            )
            self._watcher.start()

    async def _run(self) -> None:
        """Read and publish until cancelled; whatever happens, nobody is left in silence."""
        back_off_seconds = 0.0
        loop = asyncio.get_running_loop()
        heartbeat_at = loop.time() + self._heartbeat_seconds
        while True:
            self._wake.clear()
            try:
                await self._read_on()
                back_off_seconds = 0.0
            except Exception as error:
                back_off_seconds = min(2 * back_off_seconds + 0.1, LONGEST_BACK_OFF_SECONDS)
                _log.warning("the event stream cannot read the ledger", error=str(error))
                await asyncio.sleep(back_off_seconds)
            if loop.time() >= heartbeat_at:
                heartbeat_at = loop.time() + self._heartbeat_seconds
                self._beat()
            with suppress(TimeoutError):
                async with asyncio.timeout(min(WAIT_SECONDS, self._heartbeat_seconds)):
                    await self._wake.wait()

    async def _read_on(self) -> None:
        while self._subscribers:
            after = self.position
            rows = await self._feed(after, None)
            if after != self.position:
                continue  # the last client left meanwhile, and the next one moved us
            if rows:
                self._publish(rows)
            if len(rows) < PAGE_EVENTS:
                return

    def _publish(self, rows: Sequence[StoredRow]) -> None:
        encoded = {
            bare: [(row.position, row.topic, encode_row(row, bare=bare)) for row in rows]
            for bare in {each.bare for each in self._subscribers}
        }
        shared: dict[tuple[Topics, bool], bytes] = {}
        first = rows[0].position
        for each in tuple(self._subscribers):
            wanted = each.topics, each.bare
            if each.after >= first:  # it has read further than we have
                chunk = chosen(encoded[each.bare], each.topics, each.after)
            elif (found := shared.get(wanted)) is not None:
                chunk = found
            else:
                chunk = shared[wanted] = chosen(encoded[each.bare], each.topics, 0)
            if chunk and not each.offer(chunk):
                self._drop(each)
        self.position = rows[-1].position

    def _drop(self, subscriber: Subscriber) -> None:
        self.dropped += 1
        self._detach(subscriber)
        subscriber.cut()

    def _beat(self) -> None:
        for each in tuple(self._subscribers):
            if each.idle:
                each.offer(server_sent_events.HEARTBEAT)

    def _watch(self, loop: asyncio.AbstractEventLoop) -> None:
        """Wake the reader for what other processes commit."""
        assert self._service is not None
        log, seen = self._service.log, 0
        while not self._ending:
            if not self._listened_to.wait(WAIT_SECONDS):
                continue
            try:
                log.wait(max(seen, self.position), WAIT_SECONDS)
                seen = log.head()
            except ConnectionError as error:  # the reader says so too, and looks once a second
                _log.warning("the event stream is not woken", error=str(error))
                threading.Event().wait(WAIT_SECONDS)
            if not loop.is_closed():
                loop.call_soon_threadsafe(self._wake.set)
