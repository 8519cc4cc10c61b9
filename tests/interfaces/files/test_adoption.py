"""Adopting a file into a scenario of the service, and sharing one with the drop-in functions."""

import asyncio
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from application.ledger import Command
from application.suppliers import Match
from domain.suppliers import CapacityFileTaken
from interfaces.files.adoption import adopt
from interfaces.files.capacity_tracker import update_supplier_capacity
from interfaces.files.errors import CapacityFileInvalid, CapacityTrackerError
from interfaces.files.keeper import KEEPER
from interfaces.identity import fresh_id
from interfaces.service import Service, migrate_ledger, open_service, utc_now
from interfaces.settings import Settings
from projections import supplier_capacity
from tests.interfaces.files.conftest import Desk, plain
from tests.support.asynchronous import asynchronous
from tests.support.ledgers import migrated

DEMO: dict[str, Any] = {"line": "sbus", "scenario": "demo"}
ADA: dict[str, Any] = {"actor": "ada@example.org", "reason": "a test"}


def settings_of(desk: Desk) -> Settings:
    """Return what a server beside this desk would run with."""
    return Settings(
        database_url=os.environ.get("CAPACITY_DATABASE_URL", ""),
        ledger_file=desk.folder / "capacity.db",
        views_file=desk.folder / "capacity.views.db",
        data_dir=desk.folder,
    )


@asynccontextmanager
async def service_of(desk: Desk) -> AsyncIterator[Service]:
    settings = settings_of(desk)
    await asyncio.to_thread(migrate_ledger, settings)
    async with open_service(settings) as service:
        yield service


def command() -> Command:
    return Command(**ADA, command_id=fresh_id(), at=utc_now())


async def publish(service: Service, desk: Desk) -> None:
    document = desk.offers.read_bytes()
    await service.suppliers.publish_offers(command(), line="sbus", document=document)


async def open_natively(service: Service, desk: Desk) -> None:
    await publish(service, desk)
    await service.suppliers.open_scenario(command(), **DEMO)


async def shown(service: Service) -> Any:
    await service.catch_up()
    return await service.read(supplier_capacity.capacity_document, **DEMO)


def written(service: Service) -> str:
    return service.capacity_files.write("sbus", "demo")


@asynchronous
async def test_the_service_counts_on_from_the_file(any_desk: Desk) -> None:
    document = plain("ACME", 5, 4) | {"iSoalr": plain("iSoalr", 2, 1)["iSoalr"] | {"Since": 2024}}
    any_desk.put(document)
    async with service_of(any_desk) as service:
        await open_natively(service, any_desk)
        outcome = await adopt(service, path=any_desk.capacity, **DEMO, **ADA)
        assert outcome.result.changed
        assert json.dumps(await shown(service)) == json.dumps(document)
        again = await adopt(service, path=any_desk.capacity, **DEMO, **ADA)
        assert (again.result.changed, again.events) == (False, ())
        await service.suppliers.book(command(), **DEMO, match=Match("SPUS1", "ACME"))
        await service.catch_up()
        assert written(service) == "written"
    assert any_desk.shown["ACME"] == plain("ACME", 5, 5)["ACME"]
    assert any_desk.shown["iSoalr"]["Since"] == 2024


@asynchronous
async def test_refuses_what_is_no_capacity_file(any_desk: Desk) -> None:
    any_desk.put({"ACME": {"Capacity": 2.5, "Used": 0}})
    async with service_of(any_desk) as service:
        with pytest.raises(CapacityFileInvalid, match=r"/ACME/Capacity: found 2\.5"):
            await adopt(service, path=any_desk.capacity, **DEMO, **ADA)
        with pytest.raises(CapacityFileInvalid, match="No such file"):
            await adopt(service, path=any_desk.folder / "nowhere.json", **DEMO, **ADA)


@pytest.fixture
def shared_desk(
    desk: Desk,
    postgres_url: str,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> Desk:
    monkeypatch.setenv("CAPACITY_DATABASE_URL", migrated(postgres_url))
    monkeypatch.setenv("CAPACITY_DATA_DIR", str(desk.folder))
    request.addfinalizer(KEEPER.close)
    return desk


@asynchronous
async def test_a_server_and_the_drop_in_functions_count_in_one_scenario(shared_desk: Desk) -> None:
    match = {"supplier_id": "ACME", "registration_id": "SPUS1"}
    async with service_of(shared_desk) as service:
        await open_natively(service, shared_desk)
        await service.suppliers.book(command(), **DEMO, match=Match("SPUS1", "ACME"))
        for each in (match, {"supplier_id": "ACME"}):
            await update_supplier_capacity(each, shared_desk.offers, shared_desk.capacity)
        assert shared_desk.used() == 2  # SPUS1 was counted by the server
        await service.suppliers.book(command(), **DEMO, match=Match("SPUS2", "ACME"))
        await service.catch_up()
        assert written(service) == "written"
        await update_supplier_capacity(
            {"supplier_id": "ACME"}, shared_desk.offers, shared_desk.capacity
        )
        assert shared_desk.used() == 4
        (finding,) = await asyncio.to_thread(service.capacity_files.verify)
        assert finding.status == "ok"
    assert "capacity_file_imported" not in shared_desk.history()


@asynchronous
async def test_a_file_of_another_scenario_is_not_counted_in(shared_desk: Desk) -> None:
    """A server's scenario has it at a path of its own, below the data folder."""
    file = shared_desk.folder / "own" / "used.json"
    async with service_of(shared_desk) as service:
        await publish(service, shared_desk)
        await service.suppliers.open_scenario(command(), **DEMO, capacity_file="own/used.json")
        await service.catch_up()
        assert written(service) == "written"
        before = file.read_bytes()
        with pytest.raises(CapacityTrackerError, match=r"belongs to the scenario sbus/demo"):
            await update_supplier_capacity({"supplier_id": "ACME"}, shared_desk.offers, file)
        assert file.read_bytes() == before
        stored = await service.ledger.store.feed(after=0, limit=100, topics=None)
        assert "suppliers.capacity_file_imported" not in [each.topic for each in stored]


@asynchronous
async def test_a_server_opens_no_scenario_on_a_file_of_the_drop_in_functions(
    shared_desk: Desk,
) -> None:
    file = shared_desk.folder / "own" / "used.json"
    await update_supplier_capacity({"supplier_id": "ACME"}, shared_desk.offers, file)
    async with service_of(shared_desk) as service:
        await publish(service, shared_desk)
        with pytest.raises(CapacityFileTaken, match=r"own/used\.json belongs to .* files/used-"):
            await service.suppliers.open_scenario(command(), **DEMO, capacity_file="own/used.json")


@asynchronous
async def test_a_file_is_not_adopted_into_a_second_scenario(any_desk: Desk) -> None:
    any_desk.put(plain("ACME", 5, 4))
    taken: dict[str, Any] = {"capacity_file": "sbus/capacity/demo.json", **ADA}
    async with service_of(any_desk) as service:
        await adopt(service, path=any_desk.capacity, **DEMO, **ADA)
        with pytest.raises(CapacityFileTaken, match="belongs to the scenario sbus/demo"):
            await adopt(service, path=any_desk.capacity, line="roof", scenario="demo", **taken)


@asynchronous
async def test_a_server_leaves_files_outside_its_data_folder_alone(
    shared_desk: Desk, tmp_path: Path
) -> None:
    other = Desk(tmp_path / "elsewhere")
    await update_supplier_capacity({"supplier_id": "ACME"}, other.offers, other.capacity)
    async with service_of(shared_desk) as service:
        await service.catch_up()
        (opened,) = await service.read(supplier_capacity.all_scenarios)
        key = (opened.line, opened.scenario)
        before = other.capacity.stat().st_mtime_ns
        assert service.capacity_files.rewrite(*key) == "unchanged"
        assert service.capacity_files.verify([key]) == []
        assert other.capacity.stat().st_mtime_ns == before
        assert not shared_desk.capacity.parent.exists()
