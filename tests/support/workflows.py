"""A folder of a business line, as a workflow finds it, and what it leaves there."""

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from application.ledger.store import StoredRow
from interfaces.files.counted_file import CountedFile
from interfaces.files.workflow import run_workflow
from interfaces.files.workflow_summary import WorkflowSummary
from interfaces.service import Service
from tests.support.ledgers import everything
from tests.support.offers import offers_document

ZIP = "55407"
LINE, SCENARIO = "sbus", "march"


def registration(number: int, zip_code: object = ZIP, **more: Any) -> dict[str, Any]:
    """Return a registration in the original's shape."""
    return {"RegistrationNumber": f"SPUS{number}", "Contact_Zip": zip_code, **more}


class LineFolder:
    """`data/sbus`, with offers of ACME and Bolt and three registrations unless others are put."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "data" / LINE
        self.put_offers({"ACME": 2, "Bolt": 2})
        self.put_registrations([registration(number) for number in (1, 2, 3)])

    @property
    def offers_path(self) -> Path:
        """The offers that smart defaults read."""
        return self.folder / "offers" / "base_offers.json"

    @property
    def registrations_path(self) -> Path:
        """The registrations that smart defaults read."""
        return self.folder / "registrations" / f"{SCENARIO}.json"

    @property
    def capacity_path(self) -> Path:
        """The capacity file that smart defaults lead to."""
        return self.folder / "capacity" / f"{SCENARIO}.json"

    def put_offers(self, capacities: dict[str, int], **terms: Any) -> None:
        """Write the offers."""
        self.offers_path.parent.mkdir(parents=True, exist_ok=True)
        self.offers_path.write_bytes(offers_document(capacities, **terms))

    def put_registrations(self, records: Sequence[Any]) -> None:
        """Write the registrations."""
        self.registrations_path.parent.mkdir(parents=True, exist_ok=True)
        self.registrations_path.write_text(json.dumps(records))

    async def run(self, **arguments: Any) -> WorkflowSummary:
        """Run the workflow on this folder."""
        given: dict[str, Any] = {
            "business_line": LINE,
            "data_dir": self.folder,
            "scenario": SCENARIO,
        }
        return await run_workflow(**given | arguments)

    async def history(self) -> tuple[str, list[tuple[str, str, str]]]:
        """Return the line's name in the ledger; what became of bookings, by whom and why."""
        file = CountedFile(self.capacity_path)

        async def read_rows(service: Service) -> list[StoredRow]:
            return await everything(service.ledger)

        rows = await file.do(read_rows, None)
        told = []
        for row in rows:
            provenance = json.loads(row.state)["provenance"]
            kind = row.topic.removeprefix("suppliers.")
            if kind in ("booked", "released"):
                told.append((kind, provenance["actor"], provenance["reason"]))
        return file.line, told

    @property
    def capacity(self) -> Any:
        """What the capacity file says."""
        return json.loads(self.capacity_path.read_bytes())

    @property
    def used(self) -> dict[str, int]:
        """How many each supplier holds, by the capacity file."""
        return {name: each["Used"] for name, each in self.capacity.items()}

    def result(self, kind: str, model: str = "rule") -> Any:
        """What a result file says: `matches`, `pos` or `stats`."""
        path = self.result_path(kind, model)
        if kind == "stats":
            with path.open(newline="") as file:
                return list(csv.DictReader(file))
        return json.loads(path.read_bytes())

    def result_path(self, kind: str, model: str = "rule") -> Path:
        """Where a result file lies."""
        ending = "csv" if kind == "stats" else "json"
        return self.folder / "results" / f"{LINE}_p1m1m2c_{model}_p1m1m2c_{kind}.{ending}"
