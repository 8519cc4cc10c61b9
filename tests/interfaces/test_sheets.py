"""Tables for spreadsheets: what is written is read back, and no text is a formula."""

import csv
import io
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from python_calamine import CalamineWorkbook

from interfaces import sheets
from interfaces.sheets import Sheet, UnwritableCell, as_text, from_text, write_csv, write_xlsx

FORMULAS = [
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "\n=1",
    "\uff1d1",
    "'=1",
    "=cmd|' /C calc'!A0",
]
COLUMNS = ("name", "hours")
MANY = 200_000


def as_csv(sheet: Sheet) -> list[list[str]]:
    file = io.BytesIO()
    write_csv(file, sheet)
    return list(csv.reader(io.StringIO(file.getvalue().decode(), newline="")))


def as_xlsx(*tables: Sheet, details: Any = ()) -> io.BytesIO:
    file = io.BytesIO()
    write_xlsx(file, tables, details=details)
    file.seek(0)
    return file


def test_numbers_text_and_nothing_are_told_apart() -> None:
    rows = [("Ada", 7.5), ("17", 17), (None, -2), ("2026-03-01", True)]
    read = CalamineWorkbook.from_filelike(as_xlsx(Sheet("Hours", COLUMNS, rows)))
    assert read.sheet_names == ["Hours"]
    assert read.get_sheet_by_name("Hours").to_python() == [
        ["name", "hours"], ["Ada", 7.5], ["17", 17.0], ["", -2.0], ["2026-03-01", True],
    ]  # fmt: skip
    assert as_csv(Sheet("Hours", COLUMNS, rows)) == [
        ["name", "hours"], ["Ada", "7.5"], ["17", "17"], ["", "-2"], ["2026-03-01", "true"],
    ]  # fmt: skip


@pytest.mark.parametrize("text", FORMULAS)
def test_no_text_is_a_formula(text: str) -> None:
    file = as_xlsx(Sheet("Hours", COLUMNS, [(text, 1)]), details=[("filter", text)])
    assert not _formulas(file)
    [_, [written, _]] = as_csv(Sheet("Hours", COLUMNS, [(text, 1)]))
    assert written == f"'{text}"


def test_a_formula_would_be_seen() -> None:
    """The negative control: a workbook that guesses what text is."""
    from xlsxwriter import Workbook  # type: ignore[import-untyped] # it has no types

    file = io.BytesIO()
    book = Workbook(file)
    book.add_worksheet().write(0, 0, "=1+1")
    book.close()
    assert _formulas(file)


def _formulas(file: io.BytesIO) -> list[str]:
    with zipfile.ZipFile(file) as parts:
        pages = [name for name in parts.namelist() if name.startswith("xl/worksheets/")]
        return [name for name in pages if b"<f>" in parts.read(name)]


@given(st.text(alphabet=st.characters(codec="utf-8")))
def test_text_in_csv_is_read_back_as_it_was(text: str) -> None:
    assert from_text(as_text(text)) == text
    assert not as_text(text).startswith(tuple("=+-@\t\r\n"))


def test_what_xml_cannot_hold_is_replaced() -> None:
    file = as_xlsx(Sheet("Hours", COLUMNS, [("a\x00b\x0bc\ud800\uffff", 1)]))
    [_, [name, _]] = CalamineWorkbook.from_filelike(file).get_sheet_by_index(0).to_python()
    assert name == "a\ufffdb\ufffdc\ufffd\ufffd"


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_is_no_number_is_refused(value: float) -> None:
    sheet = Sheet("Hours", COLUMNS, [("Ada", value)])
    with pytest.raises(UnwritableCell, match=f"hours: found {value}"):
        as_csv(sheet)
    with pytest.raises(UnwritableCell, match=f"hours: found {value}"):
        as_xlsx(sheet)


def test_text_that_is_too_long_is_refused_not_cut() -> None:
    with pytest.raises(UnwritableCell, match="name: found text of 32768 characters"):
        as_xlsx(Sheet("Hours", COLUMNS, [("x" * 32_768, 1)]))


def test_whole_numbers_stay_exact() -> None:
    file = as_xlsx(Sheet("Hours", COLUMNS, [("id", 2**53 + 1)]))
    assert CalamineWorkbook.from_filelike(file).get_sheet_by_index(0).to_python()[1][1] == str(
        2**53 + 1
    )


def test_details_stand_on_the_last_sheet() -> None:
    file = as_xlsx(Sheet("Hours", COLUMNS, []), details=[("position", 7), ("filters", "weeks=4")])
    read = CalamineWorkbook.from_filelike(file)
    assert read.sheet_names == ["Hours", "Details"]
    assert read.get_sheet_by_name("Details").to_python()[1:] == [
        ["position", 7.0], ["filters", "weeks=4"],
    ]  # fmt: skip


def test_a_long_table_goes_on_on_the_next_sheet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sheets, "_ROWS_IN_A_SHEET", 3)
    file = as_xlsx(Sheet("Hours", COLUMNS, [("Ada", number) for number in range(5)]))
    read = CalamineWorkbook.from_filelike(file)
    assert read.sheet_names == ["Hours", "Hours 2", "Hours 3"]
    assert [len(read.get_sheet_by_name(name).to_python()) for name in read.sheet_names] == [3, 3, 2]


@pytest.mark.parametrize("format_", ["csv", "xlsx"])
def test_memory_is_flat(format_: str) -> None:
    assert _peak_kilobytes(format_, MANY) < _peak_kilobytes(format_, 2_000) + 4_000


def test_memory_of_kept_rows_would_be_seen() -> None:
    """The negative control: rows that are kept before they are written."""
    kept = _peak_kilobytes("csv", MANY, rows="list(rows)")
    assert kept > _peak_kilobytes("csv", 2_000) + 4_000


_WRITE = """
import sys, tempfile
from pathlib import Path
from interfaces.sheets import Sheet, write_csv, write_xlsx
number = int(sys.argv[2])
rows = ((f"Person {each}", each / 4) for each in range(number))
sheet = Sheet("Hours", ("name", "hours"), %s)
with tempfile.TemporaryFile() as file:
    written = write_csv(file, sheet) if sys.argv[1] == "csv" else write_xlsx(file, [sheet])
assert written == number
[peak] = [line for line in Path("/proc/self/status").open() if line.startswith("VmHWM")]
print(peak.split()[1])
"""


def _peak_kilobytes(format_: str, number: int, *, rows: str = "rows") -> int:
    """Return the most memory of a process that does nothing but write so many rows."""
    command = [sys.executable, "-c", _WRITE % rows, format_, str(number)]
    said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    return int(said.stdout)


def test_nothing_is_left_behind_by_a_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with pytest.raises(UnwritableCell):
        as_xlsx(Sheet("Hours", COLUMNS, [("Ada", 1), ("Bob", float("nan"))]))
    assert list(tmp_path.iterdir()) == []
