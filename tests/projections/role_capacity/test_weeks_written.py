"""A change of hours writes the rows of the weeks that changed, and no other."""

from typing import Any

import pytest
from msgspec.structs import replace

from projections.role_capacity import derivation
from projections.role_capacity.counting import week_rows
from tests.projections.role_capacity.documents import WEEKS, Planning
from tests.projections.role_capacity.life import Life
from tests.projections.role_capacity.test_parking import plan

BEFORE = plan(1, {WEEKS[0]: 10_000, WEEKS[1]: 20_000, WEEKS[2]: 30_000})
AFTER = plan(1, {WEEKS[0]: 10_000, WEEKS[1]: 50_000, WEEKS[3]: 30_000})
CHANGED = {(1, week) for week in WEEKS[1:4]}


def written(life: Life) -> set[Any]:
    """Return the keys of the week rows that are written as hours change."""
    life.begin(page_events=1_000)
    planning = Planning()
    life.append(planning.declare(BEFORE), 1_000)
    life.projector.catch_up()
    keys: set[Any] = set()
    life.projector.on_applied.append(
        lambda _, touched: keys.update(touched.get("assignment_week_hours", {}))
    )
    life.append(planning.declare(AFTER), 1_000)
    life.projector.catch_up()
    return keys


def test_only_weeks_that_changed_are_written(life: Life) -> None:
    assert written(life) == CHANGED


def test_with_one_moment_for_all_weeks_all_would_be_written(
    life: Life, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control."""

    def of_one_moment(assignment: Any, around: Any, **_: Any) -> Any:
        moment = assignment.changed_at_us
        return [replace(row, updated_at_us=moment) for row in week_rows(assignment, around)]

    monkeypatch.setattr(derivation, "week_rows", of_one_moment)
    assert written(life) == CHANGED | {(1, WEEKS[0])}
