"""Calling a function of the server: a long call is sent whole before the loop goes on."""

import asyncio

from application.ledger.postgres_arrays import blobs
from application.ledger.postgres_calls import PreparedCall
from application.ledger.postgres_waiting import LoopConnection
from tests.support.asynchronous import PATIENCE_SECONDS, asynchronous, soon

COUNT_BYTES = """
CREATE FUNCTION count_bytes(given bytea[]) RETURNS bigint LANGUAGE sql
AS 'SELECT sum(length(each)) FROM unnest(given) AS each'
"""
ITEM, ITEMS = b"x" * 1_000_000, 30  # no socket's buffer holds so much


@asynchronous
async def test_a_long_call_is_sent_before_anything_else_is_done(postgres_url: str) -> None:
    assert await _left_to_send(postgres_url, holding_seconds=PATIENCE_SECONDS) == 0


@asynchronous
async def test_without_its_guard_the_server_waits_for_the_loop(postgres_url: str) -> None:
    assert await _left_to_send(postgres_url, holding_seconds=0) == 1


async def _left_to_send(url: str, *, holding_seconds: float) -> int:
    """Return what libpq says of a call after the loop's first turn: 1 if there is more to send."""
    async with await LoopConnection.connect(url, autocommit=True) as connection:
        await connection.execute(COUNT_BYTES)
        call = PreparedCall(connection, "count_bytes", ["bytea[]"], holding_seconds=holding_seconds)
        await call.prepare()
        calling = asyncio.create_task(call(blobs([ITEM] * ITEMS).bytes))
        await asyncio.sleep(0)
        left = connection.pgconn.flush()
        assert await soon(calling) == len(ITEM) * ITEMS
        return left
