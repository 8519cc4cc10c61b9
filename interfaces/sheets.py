"""Tables for spreadsheets: CSV and XLSX, written row by row, in which no text is ever a formula.

Rows may be any iterator: none is kept, so memory does not grow with their number.
"""

import csv
import io
import math
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Any, Literal, NamedTuple

Format = Literal["csv", "xlsx"]
FORMATS: tuple[Format, ...] = ("csv", "xlsx")
MEDIA_TYPES: dict[Format, str] = {
    "csv": "text/csv; charset=utf-8; header=present",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}

Cell = str | int | float | bool | None

# What a spreadsheet program may take for the beginning of a formula, also behind apostrophes: so
# that what is written can be read back exactly.
_STARTS_A_FORMULA = re.compile("'*[=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")
_NOT_IN_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_ROWS_IN_A_SHEET = 1_048_576
_LETTERS_IN_A_CELL = 32_767
_EXACT_NUMBER = 2**53  # beyond it a spreadsheet rounds whole numbers


class Sheet(NamedTuple):
    """One table: the names of its columns, and its rows, each as long as these."""

    name: str  # at most 31 characters, without any of []:*?/\
    columns: Sequence[str]
    rows: Iterable[Sequence[Cell]]


class UnwritableCell(ValueError):
    """A value that no spreadsheet can hold."""

    def __init__(self, column: str, found: str) -> None:
        super().__init__(f"{column}: found {found}, which a spreadsheet cannot hold")


# CSV.


def write_csv(file: IO[bytes], sheet: Sheet) -> int:
    """Write a table as CSV (RFC 4180, UTF-8); return how many rows it has.

    Text that a program could take for a formula begins with an apostrophe. Raises UnwritableCell.
    """
    text = io.TextIOWrapper(file, encoding="utf-8", newline="", write_through=True)
    try:
        written = 0
        writer = csv.writer(text)
        writer.writerow([_csv_cell(each, each) for each in sheet.columns])
        for row in sheet.rows:
            pairs = zip(sheet.columns, row, strict=True)
            writer.writerow([_csv_cell(column, each) for column, each in pairs])
            written += 1
        return written
    finally:
        text.detach()  # the file stays open: it is the caller's


def as_text(text: str) -> str:
    """Return text as it stands in CSV, where no program takes it for a formula."""
    return f"'{text}" if _STARTS_A_FORMULA.match(text) else text


def from_text(text: str) -> str:
    """Return what `as_text` was given."""
    return text[1:] if text.startswith("'") and _STARTS_A_FORMULA.match(text) else text


def _csv_cell(column: str, value: Cell) -> Cell:
    if isinstance(value, str):
        # UTF-8 has no lone surrogates; names have none either.
        return as_text(value.encode("utf-8", "replace").decode())
    if isinstance(value, bool):
        return "true" if value else "false"
    _check_finite(column, value)
    return value


# XLSX.


def write_xlsx(
    file: IO[bytes], sheets: Iterable[Sheet], *, details: Sequence[tuple[str, Cell]] = ()
) -> int:
    """Write tables as one workbook; return how many rows they have all together.

    The `details` (what, and what it is) stand on a sheet of their own, the last. A table of more
    rows than a sheet can hold goes on on further sheets. Raises UnwritableCell.
    """
    from xlsxwriter import Workbook  # type: ignore[import-untyped] # nobody waits who writes none

    written = 0
    with TemporaryDirectory(prefix="capacity-sheets-") as folder:
        book = Workbook(
            file,
            {
                "constant_memory": True,
                "strings_to_formulas": False,
                "strings_to_numbers": False,
                "strings_to_urls": False,
                "tmpdir": str(Path(folder)),
            },
        )
        heading = book.add_format({"bold": True})
        try:
            for sheet in sheets:
                written += _write_sheet(book, sheet, heading)
            if details:
                _write_sheet(book, Sheet("Details", ("What", "Is"), details), heading)
            book.close()
        finally:
            for page in book.worksheets():
                page.row_data_fh.close()  # which only a book that is complete does by itself
    return written


def _write_sheet(book: Any, sheet: Sheet, heading: Any) -> int:
    rows, written, part = iter(sheet.rows), 0, 1
    while True:
        page = book.add_worksheet(sheet.name if part == 1 else f"{sheet.name[:28]} {part}")
        page.freeze_panes(1, 0)
        _write_row(page, 0, sheet.columns, sheet.columns, heading)
        for number, row in enumerate(islice(rows, _ROWS_IN_A_SHEET - 1), start=1):
            _write_row(page, number, sheet.columns, row)
            written += 1
        following = next(rows, None)
        if following is None:
            return written
        rows, part = _before(following, rows), part + 1


def _before(first: Sequence[Cell], rest: Iterator[Sequence[Cell]]) -> Iterator[Sequence[Cell]]:
    return chain((first,), rest)


def _write_row(
    page: Any, number: int, columns: Sequence[str], row: Sequence[Cell], style: Any = None
) -> None:
    for place, (column, value) in enumerate(zip(columns, row, strict=True)):
        # Each kind has its own call: the one for all would guess.
        if value is None:
            continue
        if isinstance(value, bool):
            page.write_boolean(number, place, value, style)
        elif isinstance(value, str) or (abs(value) > _EXACT_NUMBER and isinstance(value, int)):
            page.write_string(number, place, _xlsx_text(column, str(value)), style)
        else:
            _check_finite(column, value)
            page.write_number(number, place, value, style)


def _xlsx_text(column: str, text: str) -> str:
    if len(text.encode("utf-16-le", "replace")) > 2 * _LETTERS_IN_A_CELL:
        raise UnwritableCell(column, f"text of {len(text)} characters")
    return _NOT_IN_XML.sub("\ufffd", text)


def _check_finite(column: str, value: float | int | None) -> None:
    if isinstance(value, float) and not math.isfinite(value):
        raise UnwritableCell(column, str(value))
