"""A large import takes no more memory than a small one: it is read and stored as it goes by."""

import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path

import pytest

from interfaces.sheets import Sheet, write_csv, write_xlsx

FEW, MANY = 3_000, 9_000
WEEKS = 26
ROOM_KILOBYTES = 10_000

_IMPORT = """
import asyncio, io, sys
from pathlib import Path
from application.ledger import Ledger
from interfaces.planning_sheets import given_records
from tests.support.ledgers import command
from tests.support.planning import planning

file, format_, ledger, releases = sys.argv[1:]
if releases == "no":
    Ledger.release = lambda *_: None

async def imported():
    async with planning(f"sqlite:///{ledger}") as planned:
        person = b'{"people": [{"id": 17, "name": "Ada"}]}'
        await planned.import_document(command(), document=person)
        with open(file, "rb") as opened:
            records = given_records(opened, format_, key="assignments", limit_bytes=2**26)
            return (await planned.import_records(command(), records=records)).result.week_cells

cells = asyncio.run(imported())
[peak] = [line for line in Path("/proc/self/status").open() if line.startswith("VmHWM")]
print(cells, peak.split()[1])
"""


@pytest.mark.parametrize("format_", ["csv", "xlsx"])
def test_memory_is_flat(tmp_path: Path, migrated_file: Path, format_: str) -> None:
    few, many = [_peak(tmp_path, migrated_file, format_, each) for each in (FEW, MANY)]
    assert many < few + ROOM_KILOBYTES


def test_states_that_are_kept_would_be_seen(tmp_path: Path, migrated_file: Path) -> None:
    """The negative control: what was stored stays in memory, as it does for small commands."""
    few, many = [_peak(tmp_path, migrated_file, "csv", each, releases="no") for each in (FEW, MANY)]
    assert many > few + ROOM_KILOBYTES


def _peak(
    folder: Path, migrated_file: Path, format_: str, assignments: int, *, releases: str = "yes"
) -> int:
    """Return the most memory, in kilobytes, of a process that imports so many assignments."""
    ledger = folder / "capacity.db"
    ledger.write_bytes(migrated_file.read_bytes())
    file = folder / f"plan.{format_}"
    _write(file, format_, assignments)
    command = [sys.executable, "-c", _IMPORT, str(file), format_, str(ledger), releases]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert ended.returncode == 0, ended.stderr
    cells, peak = map(int, ended.stdout.split())
    assert cells == assignments * WEEKS
    for each in folder.glob("capacity.db*"):
        each.unlink()
    return peak


def _write(file: Path, format_: str, assignments: int) -> None:
    weeks = [(date(2026, 1, 4) + timedelta(weeks=each)).isoformat() for each in range(WEEKS)]
    rows = (
        [number, 17, *((number + each) % 16 / 2 for each in range(WEEKS))]
        for number in range(1, assignments + 1)
    )
    sheet = Sheet("assignments", ["id", "person_id", *weeks], rows)
    with file.open("wb") as opened:
        if format_ == "csv":
            write_csv(opened, sheet)
        else:
            write_xlsx(opened, [sheet])
