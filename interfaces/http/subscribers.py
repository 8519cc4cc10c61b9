"""One client of the event stream: what it wants, and what waits to be sent to it."""

import asyncio
from collections import deque

Topics = frozenset[str] | None


class Subscriber:
    """One client: what it wants, and what waits to be sent to it."""

    def __init__(self, topics: Topics, after: int, most_bytes: int, *, bare: bool = False) -> None:
        """Take what it wants; `bare`: it is told of plans that they changed, and not how."""
        self.topics, self.after, self.bare = topics, after, bare
        self.cut_off: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._most_bytes = most_bytes
        self._waiting: deque[bytes] = deque()
        self._waiting_bytes = 0
        self._news = asyncio.Event()
        self._ended = False

    @property
    def idle(self) -> bool:
        """Whether nothing waits to be sent."""
        return not self._waiting

    def offer(self, chunk: bytes) -> bool:
        """Queue bytes; False, and nothing is queued, where there is no room."""
        if self._waiting_bytes + len(chunk) > self._most_bytes and self._waiting:
            return False
        self._waiting.append(chunk)
        self._waiting_bytes += len(chunk)
        self._news.set()
        return True

    def end(self) -> None:
        """Let the stream end when what waits is sent."""
        self._ended = True
        self._news.set()

    def cut(self) -> None:
        """End the stream now, whatever waits."""
        if not self.cut_off.done():
            self.cut_off.set_result(None)

    async def next(self) -> bytes:
        """Return what waits, as soon as anything does; nothing at the end of the stream."""
        while not self._waiting and not self._ended:
            await self._news.wait()
            self._news.clear()
        found = self._waiting[0] if len(self._waiting) == 1 else b"".join(self._waiting)
        self._waiting.clear()
        self._waiting_bytes = 0
        return found
