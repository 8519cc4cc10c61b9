"""10 000 registrations through the workflow, beside a plain loop that changes the file for each."""

import asyncio
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from domain.suppliers.choosing import ServiceIndex, choose, read_registration
from domain.suppliers.offers import parse_offers
from interfaces.files.workflow import run_workflow
from tests.bench.booking import offers
from tests.bench.measuring import Report, stopwatch
from tests.bench.stores import Stores

REGISTRATIONS = 10_000
BY_HAND = 300  # a sample, as each takes as long as the last
SUPPLIERS = 20


def workflow_10k(report: Report, stores: Stores) -> None:
    """Compare registrations per second, every result file and the capacity file included."""
    for kind in ("sqlite", "pg"):
        report.compare(
            f"workflow_10k_{kind}",
            partial(_workflow, stores, kind),
            partial(_by_hand, stores.folder),
            against="the rule, then read, change, write and fsync the file, 300 registrations",
            unit="registrations/s",
        )


def _line_folder(folder: Path) -> Path:
    line = Path(tempfile.mkdtemp(dir=folder)) / "data" / "sbus"
    for name in ("offers", "registrations", "capacity"):
        (line / name).mkdir(parents=True)
    (line / "offers" / "base_offers.json").write_bytes(offers(SUPPLIERS))
    records = [
        {"RegistrationNumber": f"SPUS{number:05d}", "Contact_Zip": 55407}
        for number in range(REGISTRATIONS)
    ]
    (line / "registrations" / "bench.json").write_text(json.dumps(records))
    return line


def _workflow(stores: Stores, kind: str) -> float:
    line = _line_folder(stores.folder)
    with _database_url(stores.settings(kind).database_url), stopwatch() as elapsed:
        summary = asyncio.run(
            run_workflow(
                business_line="sbus",
                data_dir=line,
                scenario="bench",
                max_items=None,
                progress=False,
            )
        )
        assert summary.matched == REGISTRATIONS
        return REGISTRATIONS / elapsed()


@contextmanager
def _database_url(url: str) -> Iterator[None]:
    """Name the ledger as people do; an empty URL leaves it beside the capacity file."""
    before = os.environ.pop("CAPACITY_DATABASE_URL", None)
    if url:
        os.environ["CAPACITY_DATABASE_URL"] = url
    try:
        yield
    finally:
        os.environ.pop("CAPACITY_DATABASE_URL", None)
        if before is not None:
            os.environ["CAPACITY_DATABASE_URL"] = before


def _by_hand(folder: Path) -> float:
    line = _line_folder(folder)
    terms = parse_offers((line / "offers" / "base_offers.json").read_bytes())
    index, path = ServiceIndex(terms), line / "capacity" / "bench.json"
    first = {
        each.supplier: {
            "SupplierID": each.supplier,
            "Capacity": each.capacity_slots,
            "Used": 0,
            "UsedPct": 0.0,
        }
        for each in terms
    }
    path.write_text(json.dumps(first, indent=2))
    records = json.loads((line / "registrations" / "bench.json").read_bytes())[:BY_HAND]
    with stopwatch() as elapsed:
        for record in records:
            _count_by_hand(path, record, index)
        return BY_HAND / elapsed()


def _count_by_hand(path: Path, record: Any, index: ServiceIndex) -> None:
    document = json.loads(path.read_text())
    slots = {
        name: SimpleNamespace(used_slots=each["Used"], capacity_slots=each["Capacity"])
        for name, each in document.items()
    }
    chosen = document[choose(read_registration(record), index=index, slots=slots).supplier]
    chosen["Used"] += 1
    chosen["UsedPct"] = round(chosen["Used"] / chosen["Capacity"], 2)
    with path.open("w") as file:
        file.write(json.dumps(document, indent=2))
        file.flush()
        os.fsync(file.fileno())
