"""Planning documents as files: JSON and workbooks with all lists, CSV with one of them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import IO, Any, Literal

from msgspec import json

from domain.assignments.documents import Given
from domain.assignments.json_documents import json_records
from domain.assignments.records import LISTS
from domain.assignments.sheets import sheet_columns, sheet_rows, table_records
from domain.cells import MAX_COLUMNS, Table
from domain.errors import Invalid
from domain.names import shown
from interfaces.csv_reading import csv_rows
from interfaces.sheets import Cell, Sheet, UnwritableCell, write_csv, write_xlsx
from interfaces.xlsx_reading import xlsx_tables

Format = Literal["json", "csv", "xlsx"]
DETAILS = "Details"  # what an export says of itself; not read

_NOT_IN_WORKBOOKS = "\ufffe\uffff"

Records = Mapping[str, Sequence[Mapping[str, Any]]]


def check_list(key: str) -> None:
    """Raise Invalid unless planning documents have such a list."""
    if key not in LISTS:
        raise Invalid(("/list", f"found {shown(key)}, known here: {', '.join(LISTS)}"))


def given_records(
    file: IO[bytes], format_: Format, *, key: str, limit_bytes: int
) -> Iterator[Given]:
    """Yield the records of a document; `key` is the list that a CSV file holds. Raises Invalid.

    `limit_bytes` is how much a workbook may hold unpacked. The file stays open.
    """
    if format_ == "json":
        yield from json_records(file.read())
    elif format_ == "csv":
        yield from table_records(Table(key, csv_rows(file, name=key), even=True))
    else:
        for table in xlsx_tables(file, limit_bytes=limit_bytes, setting="CAPACITY_PLANNING_BYTES"):
            if table.name != DETAILS:
                yield from table_records(table)


def write_document(
    file: IO[bytes],
    document: Records,
    format_: Format,
    *,
    key: str,
    details: Sequence[tuple[str, Cell]],
) -> None:
    """Write an exported document; of CSV the list `key`. Raises Invalid.

    The `details`, which say what it is, stand in a workbook only.
    """
    try:
        if format_ == "json":
            file.write(json.format(json.encode(document)) + b"\n")
        elif format_ == "csv":
            write_csv(file, _sheet(document, key))
        else:
            sheets = (_checked(_sheet(document, each)) for each in LISTS)
            write_xlsx(file, sheets, details=details)
    except UnwritableCell as error:
        raise Invalid(("/format", f"{error}; export JSON instead")) from None


def _sheet(document: Records, key: str) -> Sheet:
    columns = sheet_columns(key, document[key])
    if len(columns) > MAX_COLUMNS:
        raise UnwritableCell(key, f"{len(columns)} columns")
    return Sheet(key, columns, sheet_rows(columns, document[key]))


def _checked(sheet: Sheet) -> Sheet:
    """Return a sheet that refuses text which would come back from a workbook as another."""

    def rows() -> Iterator[Sequence[Cell]]:
        for row in sheet.rows:
            for column, value in zip(sheet.columns, row, strict=True):
                if isinstance(value, str) and any(each in value for each in _NOT_IN_WORKBOOKS):
                    raise UnwritableCell(column, "a character that is none")
            yield row

    return Sheet(sheet.name, sheet.columns, rows())
