"""Waiting for PostgreSQL: long answers, long questions, errors, and those who stop waiting."""

import asyncio

import psycopg
import pytest
from psycopg.pq import TransactionStatus

from application.ledger.postgres_waiting import LoopConnection
from tests.support.asynchronous import asynchronous, until

LONG = 3_000_000
SLEEP = "SELECT pg_sleep(600)"


class Uncancelled(LoopConnection):
    """Leaves the server at work when nobody waits any more."""

    async def cancel_safe(self, *, timeout: float = 30.0) -> None:  # noqa: ASYNC109 - psycopg's
        raise psycopg.OperationalError("not asked")


@asynchronous
async def test_long_answers_and_long_questions(postgres_url: str) -> None:
    async with await LoopConnection.connect(postgres_url, autocommit=True) as connection:
        asked = await connection.execute("SELECT repeat('x', %s), %s", (LONG, "y" * LONG))
        assert await asked.fetchone() == ("x" * LONG, "y" * LONG)
        rows = await connection.execute("SELECT generate_series(1, 100000)")
        assert [row[0] for row in await rows.fetchall()] == list(range(1, 100_001))


@asynchronous
async def test_an_error_of_the_server_is_raised_and_the_connection_goes_on(
    postgres_url: str,
) -> None:
    async with await LoopConnection.connect(postgres_url, autocommit=True) as connection:
        with pytest.raises(psycopg.errors.DivisionByZero):
            await connection.execute("SELECT 1 / 0")
        assert await (await connection.execute("SELECT 1")).fetchone() == (1,)


@asynchronous
async def test_a_server_that_goes_away_is_told_at_once(postgres_url: str) -> None:
    async with (
        await LoopConnection.connect(postgres_url, autocommit=True) as connection,
        await LoopConnection.connect(postgres_url, autocommit=True) as other,
    ):
        waiting = asyncio.create_task(connection.execute(SLEEP))
        await _at_work(connection)
        await other.execute("SELECT pg_terminate_backend(%s)", (connection.info.backend_pid,))
        with pytest.raises(psycopg.OperationalError):
            await waiting


@asynchronous
async def test_who_stops_waiting_stops_the_server_too(postgres_url: str) -> None:
    async with await LoopConnection.connect(postgres_url, autocommit=True) as connection:
        await _stop_waiting(connection)
        assert connection.info.transaction_status == TransactionStatus.IDLE
        assert await (await connection.execute("SELECT 1")).fetchone() == (1,)


@asynchronous
async def test_without_its_guard_the_connection_stays_at_work(postgres_url: str) -> None:
    connection = await Uncancelled.connect(postgres_url, autocommit=True)
    await _stop_waiting(connection)
    assert connection.info.transaction_status == TransactionStatus.ACTIVE
    await connection.close()


async def _stop_waiting(connection: LoopConnection) -> None:
    waiting = asyncio.create_task(connection.execute(SLEEP))
    await _at_work(connection)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting


async def _at_work(connection: LoopConnection) -> None:
    await until(lambda: connection.info.transaction_status == TransactionStatus.ACTIVE)
