"""PostgreSQL is restarted under load: nothing acknowledged is lost, and projectors go on."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, select

from application.ledger import Command, LedgerUnavailable
from application.suppliers import Match
from domain.suppliers.capacity import CapacityExceeded
from interfaces.identity import fresh_id
from interfaces.service import Follow, Service, migrate_ledger, open_service, utc_now
from interfaces.settings import Settings
from projections import supplier_capacity
from tests.support.asynchronous import soon, until
from tests.support.offers import offers_document
from tests.support.postgres import PostgresServer

LINE, SCENARIO, SUPPLIER = "sbus", "storm", "ACME"
CALLERS, BEFORE_EACH = 4, 15
TIMEOUT_SECONDS = 60.0


@pytest.fixture
def server() -> Iterator[PostgresServer]:
    """A server of this test's own, which forgets nothing that it has acknowledged."""
    server = PostgresServer()
    try:
        server.start(fsync=True)
        yield server
    finally:
        server.stop()


def _command() -> Command:
    return Command(actor="ada", reason="a test", command_id=fresh_id(), at=utc_now())


class Load:
    """Callers that book one registration after another, and remember what was acknowledged."""

    def __init__(self, service: Service) -> None:
        self.acknowledged: list[str] = []
        self.position = 0
        self._service = service
        self._stopped = False
        self._news = asyncio.Event()

    async def run(self) -> None:
        await asyncio.gather(*(self._call(number) for number in range(CALLERS)))

    def stop(self) -> None:
        self._stopped = True

    async def more(self, count: int) -> None:
        """Return when so many more are acknowledged."""
        wanted = len(self.acknowledged) + count
        async with asyncio.timeout(TIMEOUT_SECONDS):
            while len(self.acknowledged) < wanted:
                self._news.clear()
                await self._news.wait()

    async def _call(self, caller: int) -> None:
        number = 0
        while not self._stopped:
            number += 1
            match = Match(f"R-{caller}-{number}", SUPPLIER)
            try:
                done = await self._service.suppliers.book(
                    _command(), line=LINE, scenario=SCENARIO, match=match
                )
            except (LedgerUnavailable, CapacityExceeded):  # not acknowledged
                continue
            self.acknowledged.append(match.registration_id)
            self._news.set()
            self.position = max(self.position, done.position)


@pytest.mark.parametrize("follow", ["threads", "process"])
def test_a_restart_loses_nothing_and_projectors_go_on(
    tmp_path: Path, server: PostgresServer, follow: Follow
) -> None:
    settings = Settings(
        database_url=server.create_database(), data_dir=tmp_path / "data", wait_seconds=60
    )
    migrate_ledger(settings)

    async def run() -> tuple[list[str], set[str], int]:
        async with open_service(settings, projector=follow) as service:
            await service.suppliers.publish_offers(
                _command(), line=LINE, document=offers_document({SUPPLIER: 1_000_000})
            )
            await service.suppliers.open_scenario(_command(), line=LINE, scenario=SCENARIO)
            load = Load(service)
            running = asyncio.create_task(load.run())
            for immediate in (False, True):
                await load.more(BEFORE_EACH)
                await asyncio.to_thread(server.restart, immediate=immediate)
            await load.more(BEFORE_EACH)
            load.stop()
            await running
            await service.wait_for(load.position, timeout_seconds=TIMEOUT_SECONDS)
            shown = await service.read(_shown)
            verified = await asyncio.to_thread(service.projector.verify)
            assert all(each.complete for each in verified)
            # Rows are shown a moment before the follower takes back what stood in its way.
            await soon(until(lambda: service.follower.problem == ""))
            return load.acknowledged, shown, sum(each.parked for each in verified)

    acknowledged, shown, parked = asyncio.run(run())
    assert len(acknowledged) == len(set(acknowledged))
    assert set(acknowledged) <= shown
    assert parked == 0


def _shown(connection: Connection) -> set[str]:
    return set(connection.scalars(select(supplier_capacity.matches_table.c.registration_id)))
