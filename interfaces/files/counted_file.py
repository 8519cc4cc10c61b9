"""The capacity file that a workflow counts in, and the ledger behind it."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from application.ledger import Command
from domain.suppliers import Scenario
from interfaces.files.adoption import parse_imported
from interfaces.identity import fresh_id
from interfaces.service import Service, migrate_ledger, open_service
from interfaces.settings import Settings

R = TypeVar("R")


class CountedFile:
    """PROVISIONAL."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self.line, self.scenario = "files", path.stem

    async def do(self, work: Callable[[Service], Awaitable[R]], fresh: Callable[[], bytes]) -> R:
        folder, name = self.path.parent, self.path.stem
        settings = Settings().model_copy(
            update={
                "ledger_file": folder / f".{name}.ledger.db",
                "views_file": folder / f".{name}.views.db",
                "data_dir": folder,
            }
        )
        migrate_ledger(settings)
        async with open_service(settings) as service:
            known = await service.ledger.stored(
                Scenario, Scenario.identity(self.line, self.scenario)
            )
            if not known.exists:
                content = self.path.read_bytes() if self.path.exists() else fresh()
                await service.suppliers.import_capacity_file(
                    Command(actor="x", reason="y", command_id=fresh_id(), at=service.clock()),
                    line=self.line,
                    scenario=self.scenario,
                    imported=parse_imported(self.path, content),
                    capacity_file=self.path.name,
                )
            try:
                return await work(service)
            finally:
                await service.catch_up()
                await asyncio.to_thread(
                    service.capacity_files.write, self.line, self.scenario, rewrite=True
                )
