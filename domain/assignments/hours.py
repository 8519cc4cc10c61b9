"""Weekly hours as documents write them: an object from days to hours, folded to whole weeks."""

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct

from domain.assignments.fields import Faults, pointed
from domain.assignments.weeks import (
    MAX_WEEK_HOURS,
    UNITS_PER_HOUR,
    NoDay,
    NoHours,
    hours_text,
    hours_units,
    is_week_start,
    lenient_hours_units,
    shown_hours,
    week_start,
)


class LenientCell(Struct, frozen=True, kw_only=True):
    """A value that could not be used as it stands, and how it was read all the same."""

    pointer: str
    found: str
    read_as: str


class HoursReader:
    """Reads weekly hours strictly; if lenient, what is unusable as the original's report does.

    That report finds hours by the week's Sunday, written exactly so; hours at any other day it
    does not find. Read strictly, they belong to the week that the day stands in.
    """

    def __init__(self, *, lenient: bool = False, limit_hours: int = MAX_WEEK_HOURS) -> None:
        self.cells: list[LenientCell] = []
        self._lenient, self._limit_hours = lenient, limit_hours

    def read(self, value: Any, faults: Faults, *, pointer: str) -> dict[str, int]:
        """Return units by week; zero where a week is named without hours."""
        if not isinstance(value, dict):
            if self._lenient:
                self.note(pointer, shown_hours(value), "no hours")
            else:
                detail = f"found {shown_hours(value)}, weekly hours are an object by week"
                faults.append((pointer, detail))
            return {}
        read_cells = self._lenient_cells if self._lenient else self._strict_cells
        units_by_week: dict[str, int] = {}
        for week, units in read_cells(value, faults, pointer):
            units_by_week[week] = units_by_week.get(week, 0) + units
        if len(units_by_week) < len(value) and not self._lenient:
            faults += self._sums(units_by_week, pointer)
        return units_by_week

    def note(self, pointer: str, found: str, read_as: str) -> None:
        """List what was read leniently."""
        self.cells.append(LenientCell(pointer=pointer, found=found, read_as=read_as))

    def _strict_cells(
        self, hours_by_day: Mapping[str, Any], faults: Faults, pointer: str
    ) -> Iterator[tuple[str, int]]:
        most = self._limit_hours
        for day, hours in hours_by_day.items():
            try:
                yield week_start(day), hours_units(hours, limit_hours=most)
            except (NoDay, NoHours) as fault:
                faults.append((f"{pointer}/{pointed(day)}", str(fault)))

    def _lenient_cells(
        self, hours_by_day: Mapping[str, Any], faults: Faults, pointer: str
    ) -> Iterator[tuple[str, int]]:
        for day, hours in hours_by_day.items():
            try:
                week, units = self._lenient_cell(day, hours, pointer)
            except NoHours as fault:
                faults.append((f"{pointer}/{pointed(day)}", str(fault)))
            else:
                if week:
                    yield week, units

    def _lenient_cell(self, day: str, hours: Any, pointer: str) -> tuple[str, int]:
        if not is_week_start(day):
            self.note(f"{pointer}/{pointed(day)}", shown_hours(hours), "not counted: no Sunday")
            return "", 0
        try:
            return day, hours_units(hours, limit_hours=self._limit_hours)
        except NoHours:
            units = lenient_hours_units(hours)
            self.note(f"{pointer}/{pointed(day)}", shown_hours(hours), hours_text(units))
            return day, units

    def _sums(self, units_by_week: Mapping[str, int], pointer: str) -> Faults:
        """Days that fold to one week may each be few enough, and too many together."""
        most = self._limit_hours
        return [
            (f"{pointer}/{week}", f"found {hours_text(units)} in all, at most {most} are allowed")
            for week, units in units_by_week.items()
            if units > most * UNITS_PER_HOUR
        ]
