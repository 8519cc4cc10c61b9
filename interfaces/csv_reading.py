"""Reading a table from CSV, row by row: UTF-8, commas between cells, quotes where needed."""

import csv
from collections.abc import Iterator
from typing import IO

from domain.cells import MAX_COLUMNS, Row
from domain.errors import Invalid
from domain.names import shown
from interfaces.sheets import from_text

MAX_LINE_BYTES = 4 * 2**20
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_BOM = b"\xef\xbb\xbf"


def csv_rows(file: IO[bytes], *, name: str) -> Iterator[Row]:
    """Yield the rows of a CSV file by their lines. Raises Invalid, which names the line.

    No cell goes over several lines: nothing that is read here can hold a line's end. The
    apostrophe that keeps text from being taken for a formula is taken off.
    """
    for number, line in _lines(file, name):
        pointer = f"/{name}/row {number}"
        try:
            cells = next(csv.reader((line,), strict=True), [])
        except csv.Error as error:
            raise Invalid((pointer, _told(error))) from None
        if len(cells) > MAX_COLUMNS:
            detail = f"found {len(cells)} cells, at most {MAX_COLUMNS} are allowed"
            raise Invalid((pointer, detail))
        if number == 1:
            _check_commas(cells, pointer)
        if cells:  # an empty line is no row
            yield Row(number, [from_text(each) for each in cells])


def _told(error: csv.Error) -> str:
    text = str(error)
    if "unexpected end" in text:
        return "a quote opens in this row and is not closed in it"
    if "new-line character" in text:
        return "found a carriage return alone; lines end with a line feed"
    return f"no CSV: {text}"


def _lines(file: IO[bytes], name: str) -> Iterator[tuple[int, str]]:
    number = 0
    while line := file.readline(MAX_LINE_BYTES + 1):
        number += 1
        if len(line) > MAX_LINE_BYTES:
            detail = f"found a line of more than {MAX_LINE_BYTES} bytes, which is the limit"
            raise Invalid((f"/{name}/row {number}", detail))
        if number == 1:
            if line.startswith(_UTF_16):
                raise Invalid((f"/{name}", "found UTF-16; save it as CSV in UTF-8"))
            line = line.removeprefix(_BOM)
        try:
            yield number, line.decode()
        except UnicodeDecodeError as error:
            found = f"found the byte 0x{line[error.start]:02x}"
            detail = f"{found}, which is not UTF-8; save it as CSV in UTF-8"
            raise Invalid((f"/{name}/row {number}", detail)) from None


def _check_commas(header: list[str], pointer: str) -> None:
    if len(header) == 1:
        for mark in (";", "\t"):
            if mark in header[0]:
                detail = f"found {shown(mark)} between the columns, a comma is needed"
                raise Invalid((pointer, detail))
