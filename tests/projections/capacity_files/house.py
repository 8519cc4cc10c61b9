"""A folder of capacity files, and what they are made from."""

import json
from pathlib import Path
from threading import Event
from typing import Any

from sqlalchemy import BigInteger, Column, Connection, MetaData, Table, select, update

from projections.capacity_files import (
    CapacityFiles,
    default_path,
)
from projections.database import open_read_models

SBUS = ("sbus", "overlap_only")
TIMEOUT_SECONDS = 30.0

# The counts stand in a table of the test's own, as a read model would hold them.

counts = Table(
    "counts",
    MetaData(),
    Column("used", BigInteger, nullable=False),
    Column("position", BigInteger, nullable=False),
)


def record(supplier: str, capacity: int, used: int, used_pct: float) -> dict[str, Any]:
    return {"SupplierID": supplier, "Capacity": capacity, "Used": used, "UsedPct": used_pct}


class House:
    """A data folder, a read model with one scenario in it, and its capacity file."""

    def __init__(self, folder: Path) -> None:
        self.data_dir = folder / "data"
        self.engine = open_read_models(f"sqlite:///{folder}/views.db")
        self.files = CapacityFiles(self.engine, self.data_dir, self.document_of)
        self.path = default_path(self.data_dir.resolve(), *SBUS)
        self.paths_asked: dict[str, str] = {}
        self.read = Event()
        self.broken = False

    def create(self) -> "House":
        self.files.create_table()
        with self.engine.begin() as connection:
            counts.create(connection)
            connection.execute(counts.insert().values(used=0, position=0))
        return self

    def document_of(
        self, connection: Connection, *, line: str, scenario: str
    ) -> tuple[dict[str, Any], int, str]:
        used, position = connection.execute(select(counts.c.used, counts.c.position)).one()
        broken = self.broken  # who waits for the reading may mend it at once
        self.read.set()
        if broken:
            raise RuntimeError("the read model is broken")
        document = {"iSoalr": record("iSoalr", 10**9, used, 0.0)}
        return document, position, self.paths_asked.get(scenario, "")

    def book(self) -> None:
        with self.engine.begin() as connection:
            connection.execute(
                update(counts).values(used=counts.c.used + 1, position=counts.c.position + 1)
            )

    def go_back(self, position: int) -> None:
        with self.engine.begin() as connection:
            connection.execute(update(counts).values(used=position, position=position))

    def used_on_disk(self) -> int:
        used: int = json.loads(self.path.read_bytes())["iSoalr"]["Used"]
        return used

    def status(self) -> str:
        (finding,) = self.files.verify()
        return finding.status


def hidden_leftovers(folder: Path) -> list[str]:
    return [each.name for each in folder.iterdir() if each.name.endswith(".tmp")]


def edit(house: House) -> None:
    house.path.write_text("{}")


def delete(house: House) -> None:
    house.path.unlink()
