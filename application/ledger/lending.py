"""Connections that threads borrow: each is one thread's at a time, and kept for the next."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Generic, Protocol, TypeVar


class _Closable(Protocol):
    def close(self) -> None: ...


_C = TypeVar("_C", bound=_Closable)


class Connections(Generic[_C]):
    """Lends a connection to one thread at a time, and keeps it for the next."""

    def __init__(self, connect: Callable[[], _C]) -> None:
        self._connect = connect
        self._idle: list[_C] = []
        self._closed = False

    @contextmanager
    def one(self) -> Iterator[_C]:
        """Lend one connection; after an error it is closed, and so are all idle ones."""
        connection = self._taken() or self._connect()
        try:
            yield connection
        except BaseException:
            connection.close()
            self._close_idle()
            raise
        self._idle.append(connection)
        if self._closed:
            self._close_idle()

    def close(self) -> None:
        """Close what is idle now, and what is lent as soon as it comes back."""
        self._closed = True
        self._close_idle()

    def _taken(self) -> _C | None:
        with suppress(IndexError):
            return self._idle.pop()
        return None

    def _close_idle(self) -> None:
        while (connection := self._taken()) is not None:
            connection.close()
