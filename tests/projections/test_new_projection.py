"""A projection that nobody thought of has a past, differences and explanations like all others."""

from pathlib import Path

from sqlalchemy import Column, LargeBinary, MetaData, Table, Text, select

from domain.suppliers import SupplierCapacity
from projections.differences import read_differences
from projections.explaining import explain
from projections.past import open_past
from projections.past_files import PastFiles
from projections.projection import Projection, Row
from projections.row_places import read_place
from tests.projections.conftest import BareLedger, Life

holders = Table(
    "holders",
    MetaData(),
    Column("registration_id", Text, primary_key=True),
    Column("capacity_id", LargeBinary, nullable=False),
)


class HolderRow(Row):
    registration_id: str
    capacity_id: bytes


Slot = SupplierCapacity.SlotBooked | SupplierCapacity.SlotReleased
who_holds = Projection(
    "who_holds",
    version=1,
    rows={holders: HolderRow},
    subscribes=(SupplierCapacity.SlotBooked, SupplierCapacity.SlotReleased),
)


def _registration(event: Slot) -> str:
    return event.registration_id


@who_holds.rule(holders, SupplierCapacity.SlotBooked, key=_registration)
def _taken(_: HolderRow | None, event: SupplierCapacity.SlotBooked, _at: int) -> HolderRow:
    return HolderRow(event.registration_id, event.originator_id.bytes)


@who_holds.rule(holders, SupplierCapacity.SlotReleased, key=_registration)
def _given_back(_: HolderRow | None, event: SupplierCapacity.SlotReleased, _at: int) -> None:
    return None


def test_rows_that_are_no_more_are_in_their_past(
    ledger: BareLedger, life: Life, tmp_path: Path
) -> None:
    ledger.append(life.open())
    begin = ledger.append(life.book("R-1", "ACME"))
    ledger.append(life.release("R-1"))
    end = ledger.append(life.book("R-2", "ACME"))
    files = PastFiles(ledger.log, [who_holds], tmp_path / "kept")

    held = {}
    for at in (end, begin):
        engine = open_past(files.at(at))
        with engine.connect() as connection:
            held[at] = list(connection.scalars(select(holders.c.registration_id)))
            place = read_place(who_holds, ["R-1"])  # its only table needs no name
            explained = explain(connection, ledger.log, place, limit=10)
        engine.dispose()
        topics = [each.event.topic.partition(".")[2] for each in explained.events]
        gone = at == end
        assert (explained.row is None) == gone
        assert topics == ["slot_released", "slot_booked"][0 if gone else 1 :]
    assert held == {begin: ["R-1"], end: ["R-2"]}

    engine = open_past(files.differences(begin, end))
    with engine.connect() as connection:
        found = read_differences(connection, ledger.log, after_number=0, limit=10)
    engine.dispose()
    kinds = {each.key["registration_id"]: each.kind for each in found}
    assert kinds == {"R-1": "removed", "R-2": "added"}
