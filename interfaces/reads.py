"""Reading in threads: every question is one hop to a pool, and one read transaction there.

Questions that take long have a pool of their own, of few threads: they share the cores with
commands and with quick questions, which shall not wait for them.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Generic, NamedTuple, TypeVar

import structlog
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from application.ledger import LedgerUnavailable

R = TypeVar("R")
_log = structlog.get_logger(__name__)


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

    async def run(self, question: Callable[[Connection], R], engine: Engine | None = None) -> R:
        """Run a question in a thread, with a read-only connection. Raises TooManyReads.

        It is asked of the current read models, unless another engine is given.
        """
        if self._under_way >= self._at_most:
            raise TooManyReads(self._under_way)
        self._under_way += 1
        try:
            asked = _Asked(engine or self._engine, question)
            self._threads.submit(asked.run)
            return await asked.answer
        finally:
            self._under_way -= 1

    def close(self) -> None:
        """Answer what is under way, and disconnect."""
        self._threads.shutdown()
        self._engine.dispose()


class Pools(NamedTuple):
    """The threads that read, by what they are kept free for."""

    questions: Reads
    reports: Reads
    exports: Reads
    keys: Reads

    def close(self) -> None:
        """Answer what is under way, and disconnect."""
        for each in self:
            each.close()


class _Asked(Generic[R]):
    """One question: asked by the loop, answered by a thread.

    Whoever asked has the answer before its transaction ends: that is one trip to the database,
    and nothing was written that could still be refused.
    """

    def __init__(self, engine: Engine, question: Callable[[Connection], R]) -> None:
        self._engine, self._question = engine, question
        self._loop = asyncio.get_running_loop()
        self.answer: asyncio.Future[R] = self._loop.create_future()
        self._told = False

    def run(self) -> None:
        """Answer, in a thread."""
        try:
            self._run()
        except BaseException as error:
            if self._told:
                _log.warning("a read-only transaction did not end well", error=str(error))
            else:
                self._tell(self.answer.set_exception, error)

    def _run(self) -> None:
        try:
            self._run_once()
        except DBAPIError as error:
            if self._told or not error.connection_invalidated:
                raise
            # The server was restarted since; all connections are new from here on.
            self._run_once()

    def _run_once(self) -> None:
        with self._engine.connect() as connection, connection.begin():
            self._tell(self.answer.set_result, self._question(connection))

    def _tell(self, settle: Callable[[Any], None], with_what: Any) -> None:
        def unless_given_up() -> None:
            if not self.answer.done():
                settle(with_what)

        self._told = True
        self._loop.call_soon_threadsafe(unless_given_up)
