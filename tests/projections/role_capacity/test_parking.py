"""An assignment's event that cannot be applied waits, and derived rows stay right throughout."""

from typing import Any

import pytest

from projections import careful
from projections.role_capacity import Question, reconcile, role_capacity
from projections.role_capacity.by_week import by_week_text
from tests.projections.role_capacity.documents import WEEKS, Planning
from tests.projections.role_capacity.life import Life
from tests.projections.role_capacity.reference import Document, report

POISON = WEEKS[3]
QUESTION = Question(weeks=tuple(WEEKS[:5]))


def plan(role_id: int, *hours: dict[str, int]) -> Document:
    """Return two people, of whom the first has a role, and an assignment of each."""
    person: Document = {
        "department_id": 1, "weekly_capacity_units": 400_000, "hire_date": None,
        "leaving_date": None, "is_active": True, "time_off": {},
    }  # fmt: skip
    assignment = {
        "project_id": None, "department_id": None, "project_role_id": None, "is_active": True,
        "probability_percent": 100,
    }  # fmt: skip
    return {
        "verticals": [], "projects": [], "project_roles": [], "mappings": [],
        "departments": [{"id": 1, "name": "D", "vertical_id": None, "is_active": True}],
        "roles": [
            {"id": number, "name": f"R{number}", "sort_order": 0, "is_active": True}
            for number in (1, 2)
        ],
        "people": [{**person, "id": 1, "role_id": role_id}, {**person, "id": 2, "role_id": 2}],
        "assignments": [
            {**assignment, "id": number, "person_id": number, "weekly_units": units}
            for number, units in enumerate(hours, start=1)
        ],
    }  # fmt: skip


BEGUN = plan(1, {WEEKS[0]: 10_000}, {WEEKS[0]: 30_000})
POISONED = plan(1, {WEEKS[0]: 20_000, POISON: 50_000}, {WEEKS[0]: 30_000})
# What comes afterwards: the person of the parked assignment changes, and its hours do once more.
LATER = plan(2, {WEEKS[0]: 20_000, WEEKS[1]: 70_000, POISON: 50_000}, {WEEKS[0]: 40_000})
# Each as it is shown while the hours of the first assignment wait, and once they are skipped.
MEANWHILE = plan(2, {WEEKS[0]: 10_000}, {WEEKS[0]: 40_000})
SKIPPED = plan(2, {WEEKS[0]: 10_000, WEEKS[1]: 70_000}, {WEEKS[0]: 40_000})


@pytest.fixture
def waiting(life: Life, monkeypatch: pytest.MonkeyPatch) -> Life:
    """Hours that cannot be applied, with what came after them."""

    def failing(units_by_week: Any) -> str:
        if POISON in units_by_week:
            raise ValueError("more than can be written")
        return by_week_text(units_by_week)

    planning = Planning()
    life.begin(page_events=3)
    life.append(planning.declare(BEGUN), 5)
    with monkeypatch.context() as patched:
        patched.setattr("projections.role_capacity.rules.assignments.by_week_text", failing)
        life.append(planning.declare(POISONED), 1)
        life.projector.catch_up()
        life.append(planning.declare(LATER), 1)
        life.projector.catch_up()
    return life


def check(life: Life, expected: Document) -> None:
    with life.engine.connect() as connection:
        assert reconcile(connection).drift == ()
    for source in ("rollup", "normalized", "python"):
        assert life.answer(QUESTION, source) == report(expected, QUESTION), source


def poison(life: Life) -> int:
    return next(each.position for each in life.projector.parked() if each.behind is None)


def test_what_waits_is_not_counted_and_the_rest_is(waiting: Life) -> None:
    assert len(waiting.projector.parked()) == 2  # both of the assignment's own
    check(waiting, MEANWHILE)


def test_a_retry_counts_in_what_waited(waiting: Life) -> None:
    retried = waiting.projector.retry(role_capacity.name)
    assert (len(retried.applied), retried.parked) == (2, [])
    check(waiting, LATER)
    (verified,) = waiting.projector.verify(deep=True)
    assert verified.different_rows == 0, verified.examples


def test_a_skip_counts_in_what_came_after_it_alone(waiting: Life) -> None:
    waiting.projector.retry(role_capacity.name, position=poison(waiting), skip=True)
    assert waiting.projector.parked() == []
    check(waiting, SKIPPED)
    waiting.projector.rebuild([role_capacity.name])
    check(waiting, SKIPPED)


def test_a_retry_without_derivation_is_found(
    waiting: Life, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control of the comparisons above."""
    monkeypatch.setattr(careful, "derive", lambda *_: None)
    waiting.projector.retry(role_capacity.name)
    with pytest.raises(AssertionError):
        check(waiting, LATER)
