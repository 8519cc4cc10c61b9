"""One sheet of a workbook, row by row, each cell as what it holds: never a formula's result."""

import re
from collections.abc import Collection, Sequence
from decimal import Decimal

from domain.cells import MAX_COLUMNS, MAX_ROWS, Cell, NoValue, Row
from domain.errors import Invalid
from domain.names import shown
from interfaces.xlsx_reading.packages import Attributes, PartParser, local
from interfaces.xlsx_reading.styles import day_of_serial

MAX_CELL_CHARACTERS = 32_767
MAX_AREAS = 1_000
FORMULA = NoValue("found a formula, none is ever evaluated: the cell must hold its value")
_REFERENCE = re.compile(r"([A-Z]{1,3})([0-9]{1,7})")
_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")
_DIGITS = "0123456789"
_EXACT_DIGITS = 15  # as many as every program shows, and as a binary fraction keeps


class TextParser(PartParser):
    """Collects the text of elements that have some, but for what tells how it is spoken."""

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._characters = 0
        self._wanted = self._spoken = False

    def text(self, text: str) -> None:
        if self._wanted:
            self._characters += len(text)
            if self._characters > MAX_CELL_CHARACTERS:
                detail = f"found a cell of more than {MAX_CELL_CHARACTERS} characters"
                raise Invalid(("", f"{detail}, which is the limit"))
            self._pieces.append(text)

    def forget(self) -> None:
        """Begin the next text."""
        self._pieces.clear()
        self._characters = 0

    def collected(self) -> str:
        """Return the text since the last one was forgotten."""
        return "".join(self._pieces)


class SharedTexts(TextParser):
    """The texts that cells name by number."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []

    def start(self, tag: str, attributes: Attributes) -> None:
        name = local(tag)
        if name == "si":
            self.forget()
        elif name == "rPh":
            self._spoken = True
        elif name == "t":
            self._wanted = not self._spoken

    def end(self, tag: str) -> None:
        name = local(tag)
        if name == "t":
            self._wanted = False
        elif name == "rPh":
            self._spoken = False
        elif name == "si":
            self.texts.append(_unescaped(self.collected()))


class Page(TextParser):
    """Reads a sheet; `taken` returns the rows that ended since it was asked last."""

    def __init__(
        self, name: str, texts: Sequence[str], days: Collection[str], *, from_1904: bool
    ) -> None:
        super().__init__()
        self._name, self._texts, self._days, self._from_1904 = name, texts, days, from_1904
        self._rows: list[Row] = []
        self._number, self._cells = 0, list[Cell]()
        self._place, self._kind, self._style = -1, "n", ""
        self._formula = False
        self._areas: list[tuple[int, int, int, int]] = []
        self._places: dict[str, int] = {}

    def taken(self) -> list[Row]:
        """Return rows, each once."""
        rows, self._rows = self._rows, []
        return rows

    def start(self, tag: str, attributes: Attributes) -> None:
        name = local(tag)
        if name == "c":
            self._begin_cell(attributes)
        elif name == "v" or name == "t":
            self._wanted = not self._spoken
        elif name == "f":
            self._begin_formula(attributes)
        elif name == "rPh":
            self._spoken = True
        elif name == "row":
            self._begin_row(attributes)

    def end(self, tag: str) -> None:
        name = local(tag)
        if name == "v" or name == "t":
            self._wanted = False
        elif name == "c":
            self._end_cell()
        elif name == "row":
            self._rows.append(Row(self._number, self._cells))
        elif name == "rPh":
            self._spoken = False

    # Rows and cells: each may say where it stands, and otherwise comes after the one before.

    def _begin_row(self, attributes: Attributes) -> None:
        before, told = self._number, attributes.get("r")
        self._number = before + 1 if told is None else int(told) if told.isdecimal() else 0
        if not before < self._number <= MAX_ROWS:
            raise Invalid((f"/{self._name}", f"a damaged sheet: found the row {shown(told)}"))
        self._cells, self._place = [], -1

    def _begin_cell(self, attributes: Attributes) -> None:
        before, told = self._place, attributes.get("r")
        self._place = before + 1 if told is None else self._place_of(told)
        if not before < self._place < MAX_COLUMNS:
            where = f"/{self._name}/row {self._number}"
            raise Invalid((where, f"a damaged sheet: found the cell {shown(told)}"))
        self._kind = attributes.get("t", "n")
        self._style = attributes.get("s", "")
        self._formula = False
        self.forget()

    def _place_of(self, reference: str) -> int:
        letters = reference.rstrip(_DIGITS)
        if (place := self._places.get(letters)) is None:
            if not _REFERENCE.fullmatch(reference):
                return -1
            place = self._places[letters] = _place(letters)
        return place

    def _end_cell(self) -> None:
        self._cells += [None] * (self._place - len(self._cells))
        self._cells.append(self._value())

    def _value(self) -> Cell:
        if self._formula or (self._areas and self._in_area()):
            return FORMULA
        text = self.collected()
        if self._kind == "n":
            return self._number_cell(text)
        if self._kind == "s":
            return self._shared(text)
        if self._kind == "b":
            return text.strip() == "1"
        if self._kind in ("inlineStr", "str"):
            return _unescaped(text)
        if self._kind == "e":
            return NoValue(f"found the error {shown(text)}")
        if self._kind == "d":
            return text.removesuffix("T00:00:00")
        return NoValue(f"found a cell of the unknown kind {shown(self._kind)}")

    def _number_cell(self, text: str) -> Cell:
        if not text:
            return None
        if self._style in self._days:
            day = day_of_serial(text, from_1904=self._from_1904)
            return NoValue(day) if isinstance(day, str) else day
        return _number(text)

    def _shared(self, text: str) -> Cell:
        place = int(text) if text.isdecimal() and len(text) < 10 else -1
        if 0 <= place < len(self._texts):
            return self._texts[place]
        return NoValue(f"found the text of number {shown(text)}, which the workbook does not hold")

    # Formulas: one may stand for a whole area, whose other cells hold nothing but its results.

    def _begin_formula(self, attributes: Attributes) -> None:
        self._formula = True
        area = attributes.get("ref", "")
        if area and attributes.get("t") in ("array", "dataTable"):
            first, _, last = area.partition(":")
            corners = [_REFERENCE.fullmatch(each) for each in (first, last or first)]
            if not all(corners) or len(self._areas) == MAX_AREAS:
                raise Invalid((f"/{self._name}", f"a formula over {shown(area)} cannot be read"))
            (left, top), (right, bottom) = [each.groups() for each in corners if each]
            self._areas.append((_place(left), int(top), _place(right), int(bottom)))

    def _in_area(self) -> bool:
        return any(
            left <= self._place <= right and top <= self._number <= bottom
            for left, top, right, bottom in self._areas
        )


def _number(text: str) -> Cell:
    """Return a number as a spreadsheet shows it: beyond 15 digits its fraction is chance."""
    if text.isdecimal() and len(text) <= _EXACT_DIGITS + 1:
        return int(text)
    try:
        rounded = f"{float(text):.{_EXACT_DIGITS}g}"
        return Decimal(rounded) if rounded[-1].isdecimal() else text  # NaN and its like
    except ValueError:
        return text


def _place(letters: str) -> int:
    place = 0
    for letter in letters:
        place = place * 26 + ord(letter) - ord("A") + 1
    return place - 1


def _unescaped(text: str) -> str:
    """Return text in which characters that XML cannot hold were written as `_x0007_`."""
    if "_x" not in text:
        return text
    return _ESCAPED.sub(lambda found: chr(int(found.group(1), 16)), text)
