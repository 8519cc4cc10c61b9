"""A client of the event stream, as browsers have one."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import httpx

STREAM = "/v1/events/stream"


class Streamed(NamedTuple):
    """One event as a client gets it."""

    id: str
    data: dict[str, Any]


class Stream:
    """An open stream. `last_id` is what an EventSource would resume from."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self.last_id = ""
        self.comments: list[str] = []
        self._lines = response.iter_lines()

    def __iter__(self) -> Iterator[Streamed]:
        """Yield events until the stream ends."""
        data: list[str] = []
        for line in self._lines:
            field, _, value = line.partition(": ")
            if line.startswith(":"):
                self.comments.append(line)
            elif field == "id":
                self.last_id = value
            elif field == "data":
                data.append(value)
            elif not line and data:
                yield Streamed(self.last_id, json.loads("\n".join(data)))
                data = []

    def begin(self) -> str:
        """Read until the stream has said where it begins, and return that."""
        for line in self._lines:
            if line.startswith("id: "):
                self.last_id = line.removeprefix("id: ")
                return self.last_id
        raise AssertionError("the stream ended before it began")

    def lines(self, count: int) -> list[str]:
        """Return the next lines, whatever they say."""
        return [next(self._lines) for _ in range(count)]

    def take(self, count: int) -> list[Streamed]:
        """Return the next events."""
        found: list[Streamed] = []
        for each in self:
            found.append(each)
            if len(found) == count:
                break
        return found


@contextmanager
def streaming(
    client: httpx.Client,
    *,
    last_id: str | None = None,
    headers: dict[str, str] | None = None,
    **query: Any,
) -> Iterator[Stream]:
    """Open a stream until the end of the block."""
    sent = (headers or {}) | ({} if last_id is None else {"Last-Event-ID": last_id})
    with client.stream("GET", STREAM, headers=sent, params=query) as response:
        assert response.status_code == 200, response.read()
        yield Stream(response)
