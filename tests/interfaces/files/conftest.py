"""A folder with offers and a capacity file that is yet to be made, beside either kind of ledger."""

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from interfaces.files.keeper import KEEPER
from interfaces.files.places import place_of
from interfaces.ledger_alone import log_of
from tests.support.ledgers import migrated


class Desk:
    """Offers and a capacity file, as the original's callers have them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.offers = folder / "sbus" / "offers" / "base_offers.json"
        self.capacity = folder / "sbus" / "capacity" / "demo.json"
        self.offer(ACME=5, iSoalr=2)

    def offer(self, **capacities: object) -> None:
        self.offer_all(
            [{"SupplierID": name, "Capacity": slots} for name, slots in capacities.items()]
        )

    def offer_all(self, offers: object) -> None:
        self.offers.parent.mkdir(parents=True, exist_ok=True)
        self.offers.write_text(json.dumps({"SupplierOffers": offers}))

    def put(self, document: object) -> bytes:
        """Lay a capacity file there, as somebody else would."""
        content = document if isinstance(document, bytes) else json.dumps(document).encode()
        self.capacity.parent.mkdir(parents=True, exist_ok=True)
        self.capacity.write_bytes(content)
        return content

    @property
    def shown(self) -> Any:
        return json.loads(self.capacity.read_bytes())

    def used(self, supplier: str = "ACME") -> int:
        found: int = self.shown[supplier]["Used"]
        return found

    def history(self) -> list[str]:
        """Return the topics of all events of the file's ledger, in order."""
        with closing(log_of(place_of(self.capacity).settings)) as log:
            rows = log.page(0, log.head())
        return [topic.removeprefix("suppliers.") for _, _, _, topic, _ in rows]

    def counted(self) -> list[str]:
        """Return the same without the claim on a file that lies at no default path."""
        return [each for each in self.history() if each != "capacity_file_claimed"]


def plain(supplier: str, capacity: int, used: int) -> dict[str, Any]:
    """Return one record of a capacity file, by its supplier."""
    share = round(used / capacity, 2) if capacity else 0.0
    return {
        supplier: {"SupplierID": supplier, "Capacity": capacity, "Used": used, "UsedPct": share}
    }


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """A folder whose capacity files have their ledgers beside them."""
    for name in ("CAPACITY_DATABASE_URL", "CAPACITY_DATA_DIR", "CAPACITY_EDITED_FILES"):
        monkeypatch.delenv(name, raising=False)
    yield Desk(tmp_path / "data")
    KEEPER.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def any_desk(request: pytest.FixtureRequest, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """The same, or with all ledgers in one PostgreSQL."""
    if request.param == "postgresql":
        url = migrated(request.getfixturevalue("postgres_url"))
        monkeypatch.setenv("CAPACITY_DATABASE_URL", url)
        monkeypatch.setenv("CAPACITY_DATA_DIR", str(desk.folder))
        # Closed before the database is dropped, whatever the order in which fixtures end.
        request.addfinalizer(KEEPER.close)
    return desk
