"""The library's application over our ledger: history, versioned reads, snapshots and scripts."""

from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest
from eventsourcing.application import AggregateNotFoundError
from eventsourcing.persistence import IntegrityError

from application.ledger.library import LedgerApplication, NoSuchRecorder
from domain.aggregate import Provenance
from domain.catalogue import UnknownTopic
from domain.suppliers import SupplierCapacity
from tests.support.asynchronous import asynchronous
from tests.support.ledgers import (
    BEGIN,
    LINE,
    SCENARIO,
    Clock,
    booking,
    booking_id,
    command,
    counting,
    migrated,
    opened,
    opening,
    query,
    supplier_id,
)

A_SCRIPT = Provenance("a script", "a correction", UUID(int=1), UUID(int=1), BEGIN)


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def application(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[LedgerApplication]:
    """The library's application in memory, and on both stores."""
    url = ""
    if request.param == "sqlite":
        url = migrated(f"sqlite:///{tmp_path / 'capacity.db'}")
    elif request.param == "postgresql":
        url = migrated(request.getfixturevalue("postgres_url"))
    with LedgerApplication(url, clock=Clock()) as opened_application:
        yield opened_application


def a_full_supplier(slots: int = 3) -> SupplierCapacity:
    capacity = SupplierCapacity(supplier_id()).bound_to(A_SCRIPT)
    capacity.open(LINE, SCENARIO, "ACME", slots)
    for number in range(slots):
        capacity.book_slot(booking_id(f"R{number}"), f"R{number}")
    return capacity


def loaded(application: LedgerApplication, version: int | None = None) -> SupplierCapacity:
    found: SupplierCapacity = application.repository.get(supplier_id(), version=version)
    return found


def test_what_was_saved_is_loaded(application: LedgerApplication) -> None:
    application.save(a_full_supplier())
    found = loaded(application)
    assert (found.version, found.capacity_slots, found.used_slots) == (4, 3, 3)


def test_an_earlier_version_is_loaded_as_it_was(application: LedgerApplication) -> None:
    application.save(a_full_supplier())
    assert [loaded(application, version).used_slots for version in (1, 2, 3, 4)] == [0, 1, 2, 3]


def test_a_loaded_aggregate_decides_on(application: LedgerApplication) -> None:
    application.save(a_full_supplier())
    again = loaded(application).bound_to(A_SCRIPT)
    again.change_capacity(5, publication=2)
    application.save(again)
    assert loaded(application).capacity_slots == 5


def test_what_was_never_saved_is_not_found(application: LedgerApplication) -> None:
    with pytest.raises(AggregateNotFoundError):
        loaded(application)


def test_a_version_is_saved_once(application: LedgerApplication) -> None:
    application.save(a_full_supplier())
    with pytest.raises(IntegrityError):
        application.save(a_full_supplier())


def test_a_snapshot_is_loaded_with_the_events_after_it(application: LedgerApplication) -> None:
    application.save(a_full_supplier())
    application.take_snapshot(supplier_id(), version=2)
    assert application.snapshots is not None
    taken = list(application.snapshots.get(supplier_id()))
    assert [each.originator_version for each in taken] == [2]
    assert [loaded(application, version).used_slots for version in (1, 2, 3, 4)] == [0, 1, 2, 3]


def test_the_log_is_read_in_order(application: LedgerApplication) -> None:
    application.save(a_full_supplier())
    notifications = application.notification_log.select(start=1, limit=10)
    assert [each.originator_version for each in notifications] == [1, 2, 3, 4]
    assert notifications[0].topic == "suppliers.capacity_opened"


def test_an_unknown_topic_is_refused(store_url: str) -> None:
    with LedgerApplication(store_url, clock=Clock()) as application:
        application.save(a_full_supplier())
        query(store_url, "UPDATE stored_events SET topic = 'os:system'")
        with pytest.raises(UnknownTopic, match="os:system"):
            loaded(application)


def test_read_models_are_the_projectors(store_url: str) -> None:
    with (
        LedgerApplication(store_url, clock=Clock()) as application,
        pytest.raises(NoSuchRecorder),
    ):
        application.factory.process_recorder()


# The hot path and the library share tables, bytes and snapshots.


@asynchronous
async def test_the_ledger_goes_on_from_what_a_script_saved(store_url: str) -> None:
    with LedgerApplication(store_url, clock=Clock()) as application:
        application.save(a_full_supplier(slots=1))
    async with opened(store_url) as ledger:
        assert (await ledger.execute(command(), counting())).result == 1


@asynchronous
async def test_a_script_goes_on_from_what_the_ledger_stored(store_url: str) -> None:
    async with opened(store_url) as ledger:
        await ledger.execute(command(), opening(slots=2))
        outcome = await ledger.execute(command(), booking("R1"))
    with LedgerApplication(store_url, clock=Clock()) as application:
        assert loaded(application).used_slots == 1
        assert tuple(application.events.get(supplier_id()))[-1] in outcome.events


@asynchronous
async def test_the_library_loads_from_the_ledgers_snapshots(store_url: str) -> None:
    async with opened(store_url) as ledger:
        await ledger.execute(command(), opening(slots=500))
        await ledger.execute_all(command(), [booking(f"R{number}") for number in range(400)])
    with LedgerApplication(store_url, clock=Clock()) as application:
        assert application.snapshots is not None
        assert len(list(application.snapshots.get(supplier_id()))) == 1
        assert loaded(application).used_slots == 400
        assert loaded(application, version=101).used_slots == 100


def test_a_snapshot_of_another_shape_is_passed_over(store_url: str) -> None:
    with LedgerApplication(store_url, clock=Clock()) as application:
        application.save(a_full_supplier())
        application.take_snapshot(supplier_id())
        blob = "X'00'" if store_url.startswith("sqlite") else "'\\x00'::bytea"
        query(store_url, f"UPDATE snapshots SET state = {blob}")
        assert loaded(application).used_slots == 3
