"""A sheet says what the same records in JSON would; what it cannot say is named by its cell."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from domain.assignments.documents import PlanningReader
from domain.assignments.json_documents import json_records
from domain.assignments.sheets import sheet_columns, sheet_rows, table_records
from domain.cells import Cell, NoValue, Row, Table, column_letters
from domain.errors import Invalid
from tests.support.planning import planning_document

HEADER = ("id", "person_id", "2026-03-01")


def records(*rows: Sequence[Cell], sheet: str = "assignments", even: bool = False) -> list[Any]:
    numbered = (Row(number, cells) for number, cells in enumerate(rows, start=1))
    return list(table_records(Table(sheet, numbered, even)))


def faults(*rows: Sequence[Cell], **options: Any) -> list[tuple[str, str]]:
    with pytest.raises(Invalid) as caught:
        list(PlanningReader().read(records(*rows, **options)))
    return list(caught.value.faults)


def test_weeks_are_columns_and_an_empty_cell_says_nothing() -> None:
    (given,) = records((*HEADER, "2026-03-08"), (1001, 17, Decimal("7.5"), None))
    assert given.pointer == "/assignments/row 2"
    assert given.record == {
        "id": 1001,
        "person_id": 17,
        "weekly_hours": {HEADER[2]: Decimal("7.5")},
    }


def test_text_is_read_as_json_would_have_it() -> None:
    (given,) = records(
        ("id", "name", "role_id", "weekly_capacity", "hire_date", "is_active"),
        ("17", "=1+1", " 4 ", "36", "2026-03-04", "TRUE"),
        sheet="people",
    )
    assert given.record == {
        "id": 17,
        "name": "=1+1",
        "role_id": 4,
        "weekly_capacity": 36,
        "hire_date": "2026-03-04",
        "is_active": True,
    }


def test_cells_of_a_workbook_are_read_by_what_they_are() -> None:
    header = ("id", "name", "hire_date", "is_active")
    (given,) = records(header, (Decimal("17"), 2026, date(2026, 3, 4), False), sheet="people")
    said = {"id": 17, "name": "2026", "hire_date": "2026-03-04", "is_active": False}
    assert given.record == said
    (given,) = records(
        ("project_role_id", "people_role_ids"), (8, "4 9, 3"), sheet="global_role_mappings"
    )
    assert given.record["people_role_ids"] == [4, 9, 3]


def test_a_header_may_be_a_day_of_the_calendar() -> None:
    (given,) = records(("id", date(2026, 3, 1)), (1, 8))
    assert given.record["weekly_hours"] == {"2026-03-01": 8}


@pytest.mark.parametrize(
    ("header", "where", "told"),
    [
        (("id", "2026-03-02"), "column B", "a Monday; a week is named by its Sunday, such as 2026"),
        (("id", "2026-02-30"), "column B", "found '2026-02-30', known here: id, person_id"),
        (("id", "46083"), "column B", "and Sundays as YYYY-MM-DD"),
        (("id", "0001-01-01"), "column B", "found '0001-01-01'"),
        (("id", "weekly_hours"), "column B", "found 'weekly_hours', known here"),
        (("id", "2026-03-01", "2026-3-1"), "column C", "which stands in column B already"),
        (("id", "person_id", "id"), "column C", "which stands in column A already"),
        (("id", NoValue("found a formula")), "column B", "found a formula"),
        (("person_id",), "id", "missing; the first row names the columns"),
        ((), "id", "missing"),
    ],
)
def test_a_column_that_is_none_is_named(header: Sequence[Cell], where: str, told: str) -> None:
    ((pointer, detail),) = faults(header, (1, 8, 8))
    assert pointer == f"/assignments/row 1/{where}"
    assert told in detail


@pytest.mark.parametrize(
    ("row", "where", "told"),
    [
        (("x", 17, 8), "/id", "found 'x', an id is a whole number"),
        ((None, 17, 8), "/id", "missing; it is needed"),
        ((1, Decimal("1.5"), 8), "/person_id", "found 1.5, an id is a whole number"),
        ((1, 17, "7,5"), "/weekly_hours/2026-03-01", "a number of hours with a decimal point"),
        ((1, 17, True), "/weekly_hours/2026-03-01", "found true, a number of hours is needed"),
        ((1, 17, date(2026, 3, 1)), "/weekly_hours/2026-03-01", "found '2026-03-01', a number"),
        ((1, 17, -8), "/weekly_hours/2026-03-01", "hours cannot be negative"),
        ((1, 17, NoValue("found a formula")), "/2026-03-01", "found a formula"),
        ((1, 17, 8, 9), "", "found 4 cells, the first row names 3 columns"),
        ((1, None, 8), "", "found neither person_id nor role_on_project_ref_id"),
    ],
)
def test_a_cell_that_cannot_be_used_is_named(row: Sequence[Cell], where: str, told: str) -> None:
    ((pointer, detail),) = faults(HEADER, row)
    assert pointer == f"/assignments/row 2{where}"
    assert told in detail


def test_rows_of_a_text_file_are_all_of_one_length() -> None:
    ((pointer, detail),) = faults(HEADER, ("1", "17"), even=True)
    assert (pointer, detail[:13]) == ("/assignments/row 2", "found 2 cells")
    assert len(records(HEADER, (1, 17), even=False)) == 1


def test_empty_rows_are_none_and_a_value_without_a_column_is_told() -> None:
    assert records(HEADER, (), (None, ""), (None,)) == []
    ((pointer, _),) = faults(("id", None, "person_id"), (1, 5, 17))
    assert pointer == "/assignments/row 2/column B"


def test_an_id_that_stands_twice_is_told_by_its_rows() -> None:
    ((pointer, detail),) = faults(HEADER, (1, 17, 8), (2, 17, 8), (1, 17, 8))
    assert (pointer, detail) == ("/assignments/row 4/id", "found 1, which stands at row 2 already")


def test_a_sheet_that_is_no_list_is_told() -> None:
    ((pointer, detail),) = faults(HEADER, sheet="Sheet1")
    assert (pointer, detail[:7]) == ("/Sheet1", "unknown")


def test_very_many_columns_are_told_once_each_and_counted() -> None:
    found = faults(("id", *(f"note {number}" for number in range(10_000))))
    assert found[0] == ("", "found 10000 faults, of which the first 1000 follow")


def test_sheets_say_what_the_document_says() -> None:
    document = planning_document()
    for each in document["assignments"]:
        each.setdefault("weekly_hours", {})
    said = list(PlanningReader().read(json_records(_json(document))))
    given = []
    for key, listed in document.items():
        columns = sheet_columns(key, listed)
        rows: Any = sheet_rows(columns, listed)
        given += records(columns, *rows, sheet=key)
    read = list(PlanningReader().read(given))
    assert [(each.key, each.says) for each in read] == [(each.key, each.says) for each in said]


def _json(document: Any) -> bytes:
    import json

    return json.dumps(document).encode()


def test_columns_are_called_as_spreadsheets_call_them() -> None:
    found = [column_letters(place) for place in (0, 25, 26, 701, 702, 16_383)]
    assert found == ["A", "Z", "AA", "ZZ", "AAA", "XFD"]
