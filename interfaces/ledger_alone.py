"""The ledger without its read models: enough for questions that its events answer by themselves.

Whoever asks only these does not wait for what read models need, half of a short command's time.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from application.ledger import EventStore
from application.ledger.reader import LedgerLog, PostgresLog, SqliteLog
from application.ledger.sqlite_store import SqliteStore
from interfaces.as_of import Moment, check_moment
from interfaces.settings import Settings

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """Return the machine's time; every other clock is passed in."""
    return datetime.now(UTC)


@asynccontextmanager
async def open_log(settings: Settings) -> AsyncIterator[LedgerLog]:
    """Open the ledger for reading, and close it.

    Raises SchemaMissing before the first `capacity migrate`, and whatever makes it unavailable.
    """
    store = store_of(settings)
    await store.open()
    await store.close()
    log = log_of(settings)
    try:
        yield log
    finally:
        log.close()


def store_of(settings: Settings) -> EventStore:
    """Return where the ledger is stored, not yet opened."""
    if settings.database_url:
        # Its driver costs a tenth of a second, for which nobody waits who has SQLite.
        from application.ledger.postgres_store import PostgresStore

        return PostgresStore(settings.database_url)
    return SqliteStore(settings.ledger_file)


def log_of(settings: Settings) -> LedgerLog:
    """Return what reads the ledger in order; it connects when it is asked."""
    url = settings.database_url
    return PostgresLog(url) if url else SqliteLog(settings.ledger_file)


async def position_in(
    log: LedgerLog, field: str, moment: Moment, *, head: int, now: datetime
) -> int:
    """Return the position that a moment means: of a time the last before what came after it.

    Raises Invalid for what lies beyond the ledger or in the future.
    """
    check_moment(field, moment, head=head, now=now)
    if isinstance(moment, int):
        return moment
    return await asyncio.to_thread(log.position_at, moment)
