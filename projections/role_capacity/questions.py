"""What is asked of role capacity, and the exact figures that every source must give."""

from fractions import Fraction
from typing import Literal

from msgspec import Struct

from projections.role_capacity.weeks import Gating

Source = Literal["rollup", "normalized", "jsonb", "python"]
SOURCES: tuple[Source, ...] = ("rollup", "normalized", "jsonb", "python")

UNITS_PER_HOUR = 10_000
# Whoever has less in each of the first weeks is not taken for somebody who works on projects.
LEAST_UNITS, LEAST_IN_WEEKS = 5 * UNITS_PER_HOUR, 4

Cell = tuple[str, int]  # week and role
Wanted = tuple[str, int, str]  # template (empty: none), project role, week


class Question(Struct, frozen=True):
    """What a report is to be about."""

    weeks: tuple[str, ...]  # Sundays without a gap, ascending
    department_id: int | None = None  # of the person; None: all
    vertical_id: int | None = None  # of the project for hours, of the department for capacity
    role_ids: tuple[int, ...] = ()  # none: all active roles
    gating: Gating = "hire_week"
    include_tentative: bool = False
    include_time_off: bool = True
    filter_out_lt5h: bool = False
    hidden_words: tuple[str, ...] = ()  # projects do not count with one in their name or client

    @property
    def needs_rows(self) -> bool:
        """Whether totals cannot answer it: they know neither people nor projects."""
        return self.filter_out_lt5h or bool(self.hidden_words)


class Figures(Struct):
    """What one source has found, in units; cells that are missing are zero.

    Sources may tell of more roles than are asked for, and of no other weeks.
    """

    assigned: dict[Cell, int]
    capacity: dict[Cell, int]
    people: dict[Cell, int]
    placeholders: dict[Wanted, int]


class ListedRole(Struct, frozen=True):
    """A role that a report has a row for."""

    role_id: int
    name: str


class Summary(Struct, frozen=True):
    """What placeholders come to, of all roles that people may have; in units."""

    mapped_units: int = 0
    unmapped_units: int = 0
    pairs_used: int = 0  # of template and project role


class Report(Struct, frozen=True):
    """For each role and week: how much there is, and how much is taken. In units."""

    weeks: tuple[str, ...]
    roles: tuple[ListedRole, ...]
    figures: Figures
    projected: dict[Cell, Fraction]
    summary: Summary


class Failed(Struct, frozen=True):
    """A source that could not answer, and why."""

    source: Source
    error: str


class Answered(Struct, frozen=True):
    """A report, and where it comes from."""

    report: Report
    source: Source
    asked: Source
    failed: tuple[Failed, ...]
