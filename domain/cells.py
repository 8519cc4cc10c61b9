"""Cells of tables that people hand in, whatever file they come from."""

from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal
from typing import NamedTuple

MAX_COLUMNS = 16_384  # what a spreadsheet can have
MAX_ROWS = 1_048_576


class NoValue(NamedTuple):
    """A cell that holds something, and nothing that can be taken as its value."""

    why: str


Cell = str | int | Decimal | bool | date | NoValue | None


class Row(NamedTuple):
    """One row, by the number that a spreadsheet shows beside it."""

    number: int
    cells: Sequence[Cell]


class Table(NamedTuple):
    """A sheet: its name, and its rows, of which the first that there is names the columns."""

    name: str
    rows: Iterator[Row]
    even: bool  # whether every row must be as long as the first


def column_letters(place: int) -> str:
    """Return what a spreadsheet calls a column, of which the first has place 0."""
    letters = ""
    place += 1
    while place:
        place, letter = divmod(place - 1, 26)
        letters = chr(ord("A") + letter) + letters
    return letters
