"""The composition root: here the parts are put together, once, for every door."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Concatenate, ParamSpec, TypeVar

from sqlalchemy import Connection

from application.ledger import EventStore, Ledger, LedgerUnavailable
from application.ledger.migrations import migrate
from application.ledger.postgres_store import PostgresStore
from application.ledger.reader import PostgresLog, SqliteLog
from application.ledger.sqlite_store import SqliteStore
from application.suppliers import Suppliers
from domain.suppliers import ScenarioNotFound
from interfaces.reads import Reads
from interfaces.settings import Settings
from projections import supplier_capacity
from projections.capacity_files import CapacityFiles, CapacityFileWriter
from projections.catalogue import PROJECTIONS
from projections.database import open_read_models
from projections.projector import Projector

P = ParamSpec("P")
R = TypeVar("R")

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """Return the machine's time; every other clock is passed in."""
    return datetime.now(UTC)


class NotYetVisible(LedgerUnavailable):
    """The read models have not reached a position in the time that was allowed."""

    def __init__(self, after: int, position: int) -> None:
        self.after, self.position = after, position
        super().__init__(f"The read models are at position {position}, not yet at {after}")


@dataclass(frozen=True, slots=True)
class Service:
    """Everything a door needs: commands go to `suppliers`, questions through `read`."""

    settings: Settings
    clock: Clock
    ledger: Ledger
    suppliers: Suppliers
    projector: Projector
    capacity_files: CapacityFiles
    file_writer: CapacityFileWriter
    reads: Reads
    log: PostgresLog | SqliteLog

    async def read(
        self,
        query: Callable[Concatenate[Connection, P], R],
        *arguments: P.args,
        **keywords: P.kwargs,
    ) -> R:
        """Answer a question in one read transaction, in a thread of the read pool."""
        return await self.reads.run(lambda connection: query(connection, *arguments, **keywords))

    async def wait_for(self, position: int, *, timeout_seconds: float) -> None:
        """Return when reads show a position. Raises NotYetVisible when time is up."""
        allowed = min(timeout_seconds, self.settings.wait_seconds)
        if not await self.projector.passed(position, timeout_seconds=allowed):
            raise NotYetVisible(position, min(self.projector.positions().values(), default=0))

    async def catch_up(self) -> None:
        """Bring read models and capacity files to the ledger's head; for doors without a server."""
        await asyncio.to_thread(self.projector.catch_up)


@asynccontextmanager
async def open_service(
    settings: Settings, *, clock: Clock = utc_now, projector: bool = False
) -> AsyncIterator[Service]:
    """Open everything for one process, and close it in order.

    With `projector` the read models and capacity files follow the ledger by themselves; without,
    they stand still until `catch_up`. Raises SchemaMissing before the first `capacity migrate`.
    """
    ledger = Ledger(_store(settings), clock=clock, limits=settings.limits)
    await ledger.open()
    try:
        async with _reading_side(settings, ledger, clock) as service:
            if not projector:
                yield service
                return
            service.file_writer.start()
            service.projector.start()
            try:
                yield service
            finally:
                await asyncio.to_thread(service.projector.stop)
                await asyncio.to_thread(service.file_writer.stop)
    finally:
        await ledger.close()


def migrate_ledger(settings: Settings) -> str:
    """Create or update the ledger's tables; return the revision reached."""
    if not settings.database_url:
        settings.ledger_file.absolute().parent.mkdir(parents=True, exist_ok=True)
    return migrate(settings.ledger_url)


def _store(settings: Settings) -> EventStore:
    if settings.database_url:
        return PostgresStore(settings.database_url)
    return SqliteStore(settings.ledger_file)


@asynccontextmanager
async def _reading_side(settings: Settings, ledger: Ledger, clock: Clock) -> AsyncIterator[Service]:
    log = (
        PostgresLog(settings.database_url)
        if settings.database_url
        else SqliteLog(settings.ledger_file)
    )
    engine = open_read_models(settings.views_url)
    projector = await asyncio.to_thread(Projector, log, engine, PROJECTIONS)
    files = CapacityFiles(engine, settings.data_dir, _capacity_document)
    await asyncio.to_thread(files.create_table)
    writer = CapacityFileWriter(files)
    reads = Reads(
        open_read_models(settings.views_url, read_only=True),
        threads=settings.read_threads,
        waiting=settings.reads_waiting,
    )
    ledger.on_committed.append(lambda position: log.wake())
    projector.on_applied.append(
        lambda position, touched: writer.mark(supplier_capacity.touched_scenarios(touched))
    )
    try:
        yield Service(
            settings=settings,
            clock=clock,
            ledger=ledger,
            suppliers=Suppliers(ledger),
            projector=projector,
            capacity_files=files,
            file_writer=writer,
            reads=reads,
            log=log,
        )
    finally:
        await asyncio.to_thread(reads.close)
        await asyncio.to_thread(log.close)
        engine.dispose()


def _capacity_document(
    connection: Connection, *, line: str, scenario: str
) -> tuple[dict[str, Any], int, str]:
    """Answer what a capacity file shows, at which position, and at which path."""
    opened = supplier_capacity.scenario(connection, line=line, scenario=scenario)
    document = supplier_capacity.capacity_document(connection, line=line, scenario=scenario)
    if opened is None or document is None:
        raise ScenarioNotFound(line, scenario)
    return document, supplier_capacity.position(connection), opened.capacity_file
