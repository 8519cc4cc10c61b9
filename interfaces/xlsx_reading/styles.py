"""Which numbers of a workbook are days: a cell's style says so, and nothing else does."""

import re
from datetime import date, timedelta

from interfaces.xlsx_reading.packages import Attributes, PartParser, local

# Formats that every program knows by number, and that show a day.
_KNOWN_DAYS = frozenset([*range(14, 18), 22, *range(27, 32), 34, 35, 36, *range(50, 59)])
_LITERAL = re.compile(r'"[^"]*"|\\.|_.|\*.|\[[^\]]*\]')
_DAY_OR_YEAR = re.compile("[dy]", re.IGNORECASE)
_EPOCH, _EPOCH_1904 = date(1899, 12, 30), date(1904, 1, 1)
_FIRST_SURE_DAY = 61  # before it the calendar of 1900 has a day that never was


class Styles(PartParser):
    """Reads the styles part; `days` are the places of styles that show a number as a day."""

    def __init__(self) -> None:
        self.days: set[str] = set()
        self._custom_days: set[str] = set()
        self._in_cell_styles = False
        self._place = 0

    def start(self, tag: str, attributes: Attributes) -> None:
        name = local(tag)
        if name == "numFmt" and _shows_day(attributes.get("formatCode", "")):
            self._custom_days.add(attributes.get("numFmtId", ""))
        elif name == "cellXfs":
            self._in_cell_styles = True
        elif name == "xf" and self._in_cell_styles:
            if self._is_day(attributes.get("numFmtId", "")):
                self.days.add(str(self._place))
            self._place += 1

    def end(self, tag: str) -> None:
        if local(tag) == "cellXfs":
            self._in_cell_styles = False

    def _is_day(self, number: str) -> bool:
        return number in self._custom_days or (number.isdecimal() and int(number) in _KNOWN_DAYS)


def _shows_day(code: str) -> bool:
    return _DAY_OR_YEAR.search(_LITERAL.sub("", code)) is not None


def day_of_serial(text: str, *, from_1904: bool) -> date | str:
    """Return the day that a number stands for, or what is wrong with it."""
    try:
        serial = float(text)
        days = int(serial)
        if serial != days:
            return "found a time of day, a day alone is needed"
        if not from_1904 and days < _FIRST_SURE_DAY:
            return f"found a day before March 1900 ({days}), which spreadsheets do not agree on"
        return (_EPOCH_1904 if from_1904 else _EPOCH) + timedelta(days=days)
    except (ValueError, OverflowError):
        return f"found {text[:40]}, which is no day"
