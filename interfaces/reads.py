"""The read pool: every question is one hop to a thread, and one read transaction there."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from application.ledger import LedgerUnavailable

R = TypeVar("R")


class TooManyReads(LedgerUnavailable):
    """More questions wait for a thread than can soon be answered."""

    def __init__(self, waiting: int) -> None:
        super().__init__(f"{waiting} questions are waiting to be answered already; try again soon")


class Reads:
    """Threads of its own for queries, so that a slow report never stands in a command's way."""

    def __init__(self, engine: Engine, *, threads: int, waiting: int) -> None:
        self._engine = engine
        self._threads = ThreadPoolExecutor(max_workers=threads, thread_name_prefix="read")
        self._at_most = threads + waiting
        self._under_way = 0

    async def run(self, question: Callable[[Connection], R]) -> R:
        """Run a question in a thread, with a read-only connection. Raises TooManyReads."""
        if self._under_way >= self._at_most:
            raise TooManyReads(self._under_way)
        self._under_way += 1
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._threads, self._answer, question)
        finally:
            self._under_way -= 1

    def close(self) -> None:
        """Answer what is under way, and disconnect."""
        self._threads.shutdown()
        self._engine.dispose()

    def _answer(self, question: Callable[[Connection], R]) -> R:
        try:
            return self._answer_once(question)
        except DBAPIError as error:
            if not error.connection_invalidated:
                raise
            # The server was restarted since; all connections are new from here on.
            return self._answer_once(question)

    def _answer_once(self, question: Callable[[Connection], R]) -> R:
        with self._engine.connect() as connection, connection.begin():
            return question(connection)
