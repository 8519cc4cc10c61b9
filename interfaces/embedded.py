"""A ledger and read models in one folder, for scripts and first steps: no server, no settings."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

from sqlalchemy import Connection, Engine

from application.ledger import Command, Ledger, UnitOfWork
from application.ledger.migrations import migrate
from application.ledger.reader import SqliteLog
from application.ledger.sqlite_store import SqliteStore
from interfaces.identity import fresh_id
from interfaces.service import Clock, refuse_ahead, utc_now
from projections.database import open_read_models, reading
from projections.projection import Projection
from projections.projector import Projector

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Embedded:
    """A ledger to write to, and read models that are current whenever they are asked."""

    ledger: Ledger
    clock: Clock
    _projector: Projector
    _engine: Engine

    async def execute(self, actor: str, reason: str, decide: Callable[[UnitOfWork], R]) -> R:
        """Run a decision as a command of its own; return its result when it is durable."""
        command = Command(actor=actor, reason=reason, command_id=fresh_id(), at=self.clock())
        return (await self.ledger.execute(command, decide)).result

    async def read(
        self, query: Callable[Concatenate[Connection, P], R], *arguments: P.args, **named: P.kwargs
    ) -> R:
        """Answer a question, with everything that was written before it."""

        def answer() -> R:
            self._projector.catch_up()
            with reading(self._engine).connect() as connection:
                return query(connection, *arguments, **named)

        return await asyncio.to_thread(answer)


@asynccontextmanager
async def embedded(
    folder: Path, *projections: Projection, clock: Clock = utc_now
) -> AsyncIterator[Embedded]:
    """Open, and make where they are missing, `ledger.db` and `views.db` in a folder."""
    path = folder / "ledger.db"
    await asyncio.to_thread(migrate, f"sqlite:///{path}")
    ledger, log = Ledger(SqliteStore(path), clock=clock), SqliteLog(path)
    engine = open_read_models(f"sqlite:///{folder / 'views.db'}")
    await ledger.open()
    try:
        projector = Projector(log, engine, projections)
        await asyncio.to_thread(refuse_ahead, projector, log)
        yield Embedded(ledger, clock, projector, engine)
    finally:
        await ledger.close()
        log.close()
        engine.dispose()
