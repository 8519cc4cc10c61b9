"""The ledger that a workflow's capacity file belongs to."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from application.ledger import Command
from interfaces.service import Clock, Service, migrate_ledger, open_service
from interfaces.settings import Settings


@dataclass(frozen=True, slots=True)
class OpenedLedger:
    """The service, and under which names the capacity file is counted there."""

    service: Service
    line: str
    scenario: str
    capacity_file: str

    async def adopt(self, command: Command) -> None:
        """Take over what the capacity file says, if somebody else has written it."""


def _settings(capacity_file: Path) -> Settings:
    folder, name = capacity_file.absolute().parent, capacity_file.stem
    return Settings().model_copy(
        update={
            "ledger_file": folder / f".{name}.ledger.db",
            "views_file": folder / f".{name}.views.db",
            "data_dir": folder,
        }
    )


@asynccontextmanager
async def opened_ledger(
    capacity_file: Path, business_line: str, clock: Clock
) -> AsyncIterator[OpenedLedger]:
    """Open it, and make it where it is missing."""
    settings = _settings(capacity_file)
    migrate_ledger(settings)
    async with open_service(settings, clock=clock) as service:
        yield OpenedLedger(service, business_line, capacity_file.stem, capacity_file.name)
