"""What every door asks and answers of role capacity.

An answer is lists of numbers, made in one go, with no object for a cell.
"""

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from fractions import Fraction
from typing import Any, Literal

from msgspec import Struct

from domain.errors import Invalid
from domain.names import shown
from interfaces.settings import Settings
from projections.role_capacity import Question, Report

Unit = Literal["hours", "fte", "percent"]
UNITS: tuple[Unit, ...] = ("hours", "fte", "percent")
UNITS_PER_HOUR = 10_000
FTE_HOURS = 36  # what a planning document means where it does not say a capacity

DEFAULT_WEEKS, MAX_WEEKS = 12, 52
_LAST_START = date(9998, 12, 27)

Cells = Mapping[tuple[str, int], Any]
_Scale = Callable[[int | Fraction, int], float]


class RoleItem(Struct, frozen=True):
    id: int
    name: str


class RoleSeries(Struct, frozen=True, rename="camel"):
    """One number for each week; `demand` is `assigned` and `projected` together."""

    role_id: int
    role_name: str
    assigned: list[float]
    projected: list[float]
    demand: list[float]
    capacity: list[float]
    people: list[int]


class RoleSummary(Struct, frozen=True, rename="camel"):
    """Hours that nobody has yet: of project roles that roles of people serve, and of others."""

    mapped_projected_hours: float
    unmapped_project_role_hours: float
    mapped_template_role_pairs_used: int


class RoleCapacityAnswer(Struct, frozen=True, rename="camel"):
    """Weeks are the Sundays on which they begin; roles stand in their order."""

    week_keys: list[str]
    roles: list[RoleItem]
    series: list[RoleSeries]
    summary: RoleSummary


# What is asked.


def read_start(text: str) -> date:
    """Return the first week of a report. Raises Invalid."""
    try:
        start = date.fromisoformat(text)
    except ValueError:
        start = None
    if start is None or start.isoformat() != text or start.isoweekday() != 7:
        raise Invalid(("/start", f"found {shown(text)}, a Sunday is needed as YYYY-MM-DD"))
    if start > _LAST_START:
        raise Invalid(("/start", f"found {text}, a Sunday up to {_LAST_START} is needed"))
    return start


def weeks_from(start: date, many: int) -> tuple[str, ...]:
    """Return so many Sundays, the first of them given."""
    return tuple((start + timedelta(weeks=number)).isoformat() for number in range(many))


def hidden_words(settings: Settings) -> tuple[str, ...]:
    """Return the words by which projects are left out."""
    words = settings.role_capacity_hidden_words.split(",")
    return tuple(word.strip() for word in words if word.strip())


def question_texts(asked: Question) -> dict[str, str]:
    """Return what a table is about, as a person reads it beside the table."""
    said = {
        "from_week": asked.weeks[0],
        "to_week": asked.weeks[-1],
        "weeks": str(len(asked.weeks)),
        "department": "all" if asked.department_id is None else str(asked.department_id),
        "vertical": "all" if asked.vertical_id is None else str(asked.vertical_id),
        "role_ids": ",".join(map(str, asked.role_ids)) or "all",
        "gating": asked.gating,
    }
    for name in ("include_tentative", "include_time_off", "filter_out_lt5h"):
        said[name] = "true" if getattr(asked, name) else "false"
    return said


# What is answered.


def report_body(report: Report, unit: Unit = "hours") -> RoleCapacityAnswer:
    """Return a report in a unit; percent are of the capacity of the same cell, 0 without any."""
    figures, scale = report.figures, _SCALES[unit]
    return RoleCapacityAnswer(
        list(report.weeks),
        [RoleItem(each.role_id, each.name) for each in report.roles],
        [
            _series(report, role.role_id, role.name, figures.capacity, scale)
            for role in report.roles
        ],
        RoleSummary(
            float(round(Fraction(report.summary.mapped_units, UNITS_PER_HOUR), 2)),
            float(round(Fraction(report.summary.unmapped_units, UNITS_PER_HOUR), 2)),
            report.summary.pairs_used,
        ),
    )


def _series(report: Report, role_id: int, name: str, capacity: Cells, scale: _Scale) -> RoleSeries:
    keys = [(week, role_id) for week in report.weeks]
    there = [capacity.get(key, 0) for key in keys]
    assigned = [report.figures.assigned.get(key, 0) for key in keys]
    projected = [report.projected.get(key, 0) for key in keys]
    demand = [a + b for a, b in zip(assigned, projected, strict=True)]
    # Exact until here; each number is rounded once, by its own division.
    return RoleSeries(
        role_id,
        name,
        [scale(*each) for each in zip(assigned, there, strict=True)],
        [scale(*each) for each in zip(projected, there, strict=True)],
        [scale(*each) for each in zip(demand, there, strict=True)],
        [scale(each, each) for each in there],
        [report.figures.people.get(key, 0) for key in keys],
    )


def _hours(units: int | Fraction, _: int) -> float:
    return float(units / UNITS_PER_HOUR)


def _fte(units: int | Fraction, _: int) -> float:
    return float(units / (FTE_HOURS * UNITS_PER_HOUR))


def _percent(units: int | Fraction, capacity: int) -> float:
    return float(100 * units / capacity) if capacity else 0.0


_SCALES: dict[Unit, _Scale] = {"hours": _hours, "fte": _fte, "percent": _percent}
