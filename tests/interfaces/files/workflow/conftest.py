"""A folder in which workflows run, with the ledger in either place, and a good matcher."""

from pathlib import Path
from typing import Any

import pytest

from tests.support.ledgers import migrated
from tests.support.workflows import LineFolder

Offers = list[dict[str, Any]]


@pytest.fixture(params=["sqlite", "postgres"])
def line(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> LineFolder:
    """A folder, with the ledger beside the capacity file or in PostgreSQL."""
    if request.param == "postgres":
        url = migrated(request.getfixturevalue("postgres_url"))
        monkeypatch.setenv("CAPACITY_DATABASE_URL", url)
        monkeypatch.setenv("CAPACITY_DATA_DIR", str(tmp_path / "data"))
    return LineFolder(tmp_path)


def least_used(registration: dict[str, Any], offers: Offers) -> dict[str, Any]:
    """Answer as a good model would: by what it is shown, and nothing else."""
    serving = [each for each in offers if registration["zip_code"] in each["ServiceAreas"]]
    with_room = [each for each in serving if each["Used"] < each["Capacity"]]
    best = min(with_room, key=lambda each: each["UsedPct"])
    return {"registration_id": registration["registration_id"], "supplier_id": best["SupplierID"]}
