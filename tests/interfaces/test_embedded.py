"""A ledger in a folder: what was put back behind its read models is not written to."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from application.ledger import UnitOfWork
from application.ledger.backups import back_up_sqlite
from domain.suppliers import SupplierCapacity
from interfaces.embedded import embedded
from interfaces.service import ReadModelsAhead
from projections.supplier_capacity import position, supplier_capacity
from tests.support.asynchronous import asynchronous


def _open(supplier: str) -> Callable[[UnitOfWork], None]:
    def decide(work: UnitOfWork) -> None:
        identity = SupplierCapacity.identity("sbus", "march", supplier)
        work.get(SupplierCapacity, identity).open("sbus", "march", supplier, 1)

    return decide


@asynchronous
async def test_a_folder_with_an_older_ledger_is_refused(tmp_path: Path) -> None:
    async with embedded(tmp_path, supplier_capacity) as program:
        await program.execute("ada", "", _open("ACME"))
    older = tmp_path / "older.db"
    back_up_sqlite(tmp_path / "ledger.db", older, progress=lambda done, total: None)
    async with embedded(tmp_path, supplier_capacity) as program:
        await program.execute("ada", "", _open("Other"))
        assert await program.read(position) == 2
    for suffix in ("-wal", "-shm"):  # what they hold would be read into the older file
        (tmp_path / f"ledger.db{suffix}").unlink(missing_ok=True)
    shutil.copyfile(older, tmp_path / "ledger.db")
    with pytest.raises(ReadModelsAhead, match="at position 2, the ledger ends at 1"):
        async with embedded(tmp_path, supplier_capacity):
            pass
