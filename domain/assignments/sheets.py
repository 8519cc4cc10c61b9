"""Planning documents as sheets: a row is a record, and the weeks of assignments are columns."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from domain.assignments import fields as f
from domain.assignments.documents import Given
from domain.assignments.fields import Faults, pointed
from domain.assignments.records import LISTS
from domain.assignments.weeks import NoDay, day_of, week_of
from domain.cells import Cell, NoValue, Row, Table, column_letters
from domain.names import shown

WEEKS = "weekly_hours"
_WHOLE = re.compile(r"-?[0-9]{1,18}")
_BETWEEN_IDS = re.compile(r"[\s,;]+")
_LIST_NAME = re.compile(rf"({'|'.join(LISTS)})( [0-9]{{1,3}})?")

Columns = list[str | None]  # a field, a week, or None where there is no header


def list_of(sheet: str) -> str | None:
    """Return the list that a sheet is of: by its name, which long lists have with a number."""
    found = _LIST_NAME.fullmatch(sheet)
    return found.group(1) if found else None


def table_records(table: Table) -> Iterator[Given]:
    """Yield the records of a sheet, as a JSON document would have them."""
    key = list_of(table.name)
    if key is None:
        detail = f"unknown; the sheets that are read are {', '.join(LISTS)}"
        yield Given("", "", faults=[(f"/{pointed(table.name)}", detail)])
        return
    header = next(table.rows, Row(1, ()))
    columns, faults = _columns(key, header, f"/{pointed(table.name)}/row {header.number}")
    if faults:  # no row could be understood
        yield Given(key, f"/{key}", faults=faults)
        return
    readers = _readers(key)
    for number, cells in table.rows:
        if any(each is not None and each != "" for each in cells):
            pointer = f"/{table.name}/row {number}"
            uneven = _uneven(columns, cells, even=table.even)
            if uneven:
                yield Given(key, pointer, faults=[(pointer, uneven)])
            else:
                yield _record(key, pointer, columns, cells, readers)


# The header.


def _columns(key: str, header: Row, pointer: str) -> tuple[Columns, Faults]:
    known = [each for each in LISTS[key] if each != WEEKS]
    columns: Columns = []
    faults: Faults = []
    seen: dict[str, str] = {}
    for place, cell in enumerate(header.cells):
        letters = column_letters(place)
        name = _name(key, cell, known, faults, pointer=f"{pointer}/column {letters}")
        columns.append(name)
        if name is not None and (first := seen.setdefault(name, letters)) != letters:
            told = f"found {shown(name)}, which stands in column {first} already"
            faults.append((f"{pointer}/column {letters}", told))
    while columns and columns[-1] is None:
        columns.pop()
    if not faults:
        needed = [each for each in known if LISTS[key][each].default is ...]
        faults += [
            (f"{pointer}/{each}", "missing; the first row names the columns, and this is needed")
            for each in needed
            if each not in seen
        ]
    return columns, faults


def _name(
    key: str, cell: Cell, known: Sequence[str], faults: Faults, *, pointer: str
) -> str | None:
    """Return what a header says: a field, or a week of assignments by its Sunday."""
    if isinstance(cell, NoValue):
        faults.append((pointer, cell.why))
        return None
    text = "" if cell is None else _text(cell).strip()
    if text in known:
        return text
    if not text:
        return None
    if key != "assignments":
        faults.append((pointer, f"found {shown(text)}, known here: {', '.join(known)}"))
        return None
    try:
        day = day_of(text)
        if (week := week_of(day)) == day.isoformat():
            return week
        told = f"found {shown(text)}, a {day:%A}; a week is named by its Sunday, such as {week}"
    except NoDay:
        told = f"found {shown(text)}, known here: {', '.join(known)}, and Sundays as YYYY-MM-DD"
    faults.append((pointer, told))
    return None


# Rows.


def _uneven(columns: Columns, cells: Sequence[Cell], *, even: bool) -> str:
    """Say what is wrong with the length of a row, or return the empty text."""
    extra = any(each not in (None, "") for each in cells[len(columns) :])
    if extra or (even and len(cells) < len(columns)):
        return f"found {len(cells)} cells, the first row names {len(columns)} columns"
    return ""


def _record(
    key: str,
    pointer: str,
    columns: Columns,
    cells: Sequence[Cell],
    readers: Mapping[str, Callable[[Cell], Any]],
) -> Given:
    """Return the record of a row; an empty cell is a field that the record does not speak of."""
    record: dict[str, Any] = {}
    hours: dict[str, Any] = {}
    faults: Faults = []
    for place, (column, cell) in enumerate(zip(columns, cells, strict=False)):
        if cell is None or cell == "":
            continue
        if column is None:
            where = f"{pointer}/column {column_letters(place)}"
            faults.append((where, "found a value in a column without a name in the first row"))
        elif isinstance(cell, NoValue):
            faults.append((f"{pointer}/{column}", cell.why))
        elif column in readers:
            record[column] = readers[column](cell)
        else:
            hours[column] = _hours(cell)
    if hours:
        record[WEEKS] = hours
    if key == "global_role_mappings" or key == "template_role_mappings":
        record.setdefault("people_role_ids", [])
    return Given(key, pointer, record, faults)


def _hours(cell: Cell) -> Any:
    if isinstance(cell, str):
        return cell.strip()
    return cell.isoformat() if isinstance(cell, date) else cell


# Cells, each read as the JSON value that the same record would have; what cannot be is left as it
# is, for its field to refuse.


def _readers(key: str) -> dict[str, Callable[[Cell], Any]]:
    return {name: _READERS[field.read] for name, field in LISTS[key].items() if name != WEEKS}


def _text(cell: Cell) -> str:
    if isinstance(cell, bool):
        return "true" if cell else "false"
    return cell.isoformat() if isinstance(cell, date) else str(cell)


def _day(cell: Cell) -> Any:
    return _text(cell).strip() if isinstance(cell, str | date) else cell


def _whole(cell: Cell) -> Any:
    if isinstance(cell, str) and _WHOLE.fullmatch(cell.strip()):
        return int(cell)
    if isinstance(cell, Decimal) and cell == cell.to_integral_value():
        return int(cell)
    return cell.isoformat() if isinstance(cell, date) else cell


def _flag(cell: Cell) -> Any:
    if isinstance(cell, str):
        return {"true": True, "false": False}.get(cell.strip().lower(), cell)
    return cell


def _ids(cell: Cell) -> Any:
    if isinstance(cell, str):
        return [_whole(each) for each in _BETWEEN_IDS.split(cell.strip()) if each]
    return [_whole(cell)]


_READERS: dict[Callable[[Any], Any], Callable[[Cell], Any]] = {
    f.identifier: _whole,
    f.optional_identifier: _whole,
    f.sort_order: _whole,
    f.capacity_units: _whole,
    f.flag: _flag,
    f.name: _text,
    f.optional_name: _text,
    f.optional_day: _day,
    f.identifiers: _ids,
}


# The way back.


def sheet_columns(key: str, records: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    """Return the columns of a list; of assignments also the weeks in which any has hours."""
    weeks = {week for each in records for week in each[WEEKS]} if key == "assignments" else ()
    return (*(each for each in LISTS[key] if each != WEEKS), *sorted(weeks))


def sheet_rows(
    columns: Sequence[str], records: Iterable[Mapping[str, Any]]
) -> Iterator[list[str | int | float | bool | None]]:
    """Yield a row for each record of an exported document."""
    for record in records:
        said = record | record[WEEKS] if WEEKS in record else record
        yield [_printed(said.get(each)) for each in columns]


def _printed(value: Any) -> Any:
    return " ".join(map(str, value)) if isinstance(value, list) else value
