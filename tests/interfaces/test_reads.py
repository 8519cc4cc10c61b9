"""The read pool: who asks has the answer at once, and errors are theirs who asked."""

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, event, text
from sqlalchemy.exc import OperationalError

from interfaces.reads import Reads, TooManyReads
from interfaces.service import migrate_ledger, open_service
from interfaces.settings import Settings
from projections.database import open_read_models
from tests.support.asynchronous import asynchronous, soon, until

TIMEOUT_SECONDS = 30.0


@asynccontextmanager
async def reading(folder: Path, *, waiting: int = 5) -> AsyncIterator[tuple[Engine, Reads]]:
    engine = open_read_models(f"sqlite:///{folder / 'views.db'}")
    reads = Reads(engine, threads=1, waiting=waiting)
    try:
        yield engine, reads
    finally:
        await asyncio.to_thread(reads.close)


def one(connection: Connection) -> int:
    return int(connection.execute(text("SELECT 1")).scalar_one())


@asynchronous
async def test_an_answer_does_not_wait_for_its_transaction_to_end(tmp_path: Path) -> None:
    async with reading(tmp_path) as (engine, reads):
        answered = threading.Event()
        ended = []

        @event.listens_for(engine, "commit")
        def _held(_: Connection) -> None:
            # Whoever ended it before the answer would wait here for ever, or for this time.
            ended.append(answered.wait(TIMEOUT_SECONDS))

        assert await soon(reads.run(one)) == 1
        assert ended == []
        answered.set()
        await until(lambda: ended == [True])


@asynchronous
async def test_a_transaction_that_ends_badly_takes_no_answer_back(tmp_path: Path) -> None:
    async with reading(tmp_path) as (engine, reads):

        @event.listens_for(engine, "commit", once=True)
        def _lost(_: Connection) -> None:
            raise OSError("the server is gone")

        assert await soon(reads.run(one)) == 1
        assert await soon(reads.run(one)) == 1


@asynchronous
async def test_an_error_is_raised_where_the_question_was_asked(tmp_path: Path) -> None:
    def wrong(connection: Connection) -> None:
        connection.execute(text("SELECT * FROM nowhere"))

    async with reading(tmp_path) as (_, reads):
        with pytest.raises(OperationalError, match="nowhere"):
            await soon(reads.run(wrong))
        assert await soon(reads.run(one)) == 1


@asynchronous
async def test_who_gives_up_leaves_the_pool_as_it_was(tmp_path: Path) -> None:
    held = threading.Event()

    def slow(connection: Connection) -> int:
        held.wait(TIMEOUT_SECONDS)
        return one(connection)

    async with reading(tmp_path, waiting=0) as (_, reads):
        asked = asyncio.create_task(reads.run(slow))
        await asyncio.sleep(0)
        with pytest.raises(TooManyReads):
            await reads.run(one)
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked
        held.set()
        assert await soon(reads.run(one)) == 1


@asynchronous
async def test_a_report_that_takes_long_keeps_no_question_waiting(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, read_threads=1, report_threads=1)
    migrate_ledger(settings)
    async with open_service(settings) as service:
        begun, let_go = threading.Event(), threading.Event()

        def long(connection: Connection) -> int:
            begun.set()
            assert let_go.wait(TIMEOUT_SECONDS)
            return one(connection)

        report = asyncio.create_task(service.report(long))
        await until(begun.is_set)
        in_its_way = asyncio.create_task(service.pools.reports.run(one))
        assert await soon(service.read(one)) == 1
        assert not in_its_way.done()  # which a question would wait for, if there were one pool
        let_go.set()
        assert await soon(report) == await soon(in_its_way) == 1
