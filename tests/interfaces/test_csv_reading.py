"""A table in CSV is read line by line; what is none is told with its line."""

import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import Invalid
from interfaces.csv_reading import MAX_LINE_BYTES, csv_rows
from interfaces.sheets import Sheet, write_csv

HEADER = b"id,name\n"


def read(text: bytes) -> list[tuple[int, list[Any]]]:
    rows = csv_rows(io.BytesIO(text), name="people")
    return [(row.number, list(row.cells)) for row in rows]


def fault(text: bytes) -> tuple[str, str]:
    with pytest.raises(Invalid) as caught:
        read(text)
    ((pointer, detail),) = caught.value.faults
    return pointer, detail


def test_rows_have_the_numbers_of_their_lines() -> None:
    assert read(b"id,name\r\n17,Ada\r\n\r\n18,\r\n") == [
        (1, ["id", "name"]),
        (2, ["17", "Ada"]),
        (4, ["18", ""]),
    ]


def test_quotes_a_byte_order_mark_and_a_guarded_formula_are_taken_off() -> None:
    found = read(b'\xef\xbb\xbfid,name\n17,"Lovelace, ""Ada"""\n18,\'=1+1\n19,\'tis')
    assert [cells for _, cells in found] == [
        ["id", "name"],
        ["17", 'Lovelace, "Ada"'],
        ["18", "=1+1"],
        ["19", "'tis"],
    ]


@pytest.mark.parametrize(
    ("text", "pointer", "told"),
    [
        (HEADER + b'17,"Ada\n18,Grace\n', "/people/row 2", "a quote opens in this row"),
        (HEADER + b'17,"Ada"x\n', "/people/row 2", "no CSV: ',' expected after '\"'"),
        (HEADER + b"17,Z\xfcrich\n", "/people/row 2", "found the byte 0xfc, which is not UTF-8"),
        (HEADER.decode().encode("utf-16"), "/people", "found UTF-16; save it as CSV in UTF-8"),
        (b"id;name\n17;Ada\n", "/people/row 1", "found ';' between the columns, a comma is needed"),
        (b"id\tname\n", "/people/row 1", "between the columns, a comma is needed"),
        (b"id,name\r17,Ada\r18,Grace", "/people/row 1", "found a carriage return alone"),
        (b"," * 20_000, "/people/row 1", "found 20001 cells, at most 16384 are allowed"),
        (HEADER + b"," * (MAX_LINE_BYTES + 5), "/people/row 2", "found a line of more than"),
        (HEADER + b"17," + b"x" * 140_000, "/people/row 2", "no CSV: field larger than"),
    ],
)
def test_what_is_no_table_is_told_with_its_line(text: bytes, pointer: str, told: str) -> None:
    found = fault(text)
    assert found[0] == pointer
    assert told in found[1]


def test_a_character_that_no_name_may_hold_is_left_for_its_field() -> None:
    assert read(HEADER + b"17,A\0da\n")[1] == (2, ["17", "A\0da"])


PLAIN = st.text(alphabet=st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")))


@given(st.lists(st.tuples(PLAIN, PLAIN)))
def test_what_was_written_is_read(rows: list[tuple[str, str]]) -> None:
    file = io.BytesIO()
    write_csv(file, Sheet("people", ("a", "b"), rows))
    found = read(file.getvalue())
    assert [tuple(cells) for _, cells in found] == [("a", "b"), *rows]
