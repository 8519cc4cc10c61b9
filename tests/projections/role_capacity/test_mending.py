"""Derived rows are made right in place: of one department or all, and twice is as once."""

from typing import Any

import pytest
from sqlalchemy import Engine, text

from projections.retrying import Overtaken
from projections.role_capacity import mending, reconcile, role_capacity
from projections.role_capacity.mending import Mended, mend
from projections.turns import take_following
from tests.projections.role_capacity.documents import WEEKS
from tests.projections.role_capacity.life import Life
from tests.projections.role_capacity.reference import Document

PLAN: Document = {
    "verticals": [{"id": 1, "name": "V"}],
    "departments": [
        {"id": number, "name": "D", "vertical_id": 1, "is_active": True} for number in (1, 11)
    ],
    "roles": [{"id": 1, "name": "Eng", "sort_order": 0, "is_active": True}],
    "people": [
        {"id": number, "role_id": 1, "department_id": department, "hire_date": None,
         "weekly_capacity_units": 400_000, "leaving_date": None, "is_active": True, "time_off": {}}
        for number, department in ((1, 1), (2, 11))
    ],
    "projects": [], "project_roles": [], "mappings": [],
    "assignments": [
        {"id": number, "person_id": number % 2 + 1, "project_id": None, "department_id": None,
         "project_role_id": None, "is_active": True, "probability_percent": 100,
         "weekly_units": {WEEKS[0]: 100_000}}
        for number in range(1, 8)
    ],
}  # fmt: skip


def rows_of(engine: Engine) -> dict[str, list[Any]]:
    with engine.connect() as connection:
        return {
            table.name: sorted(map(tuple, connection.execute(table.select())), key=repr)
            for table in role_capacity.rows
        }


def spoil(life: Life) -> None:
    """Change and delete rows of both departments, and of all together."""
    with life.engine.begin() as connection:
        for change in (
            "UPDATE assignment_week_hours SET units = 7",
            "DELETE FROM assignment_week_hours WHERE assignment_id IN (1, 2)",
            "UPDATE role_week_totals SET firm_strict_units = 9",
            "DELETE FROM role_capacity_steps",
            "INSERT INTO role_week_totals VALUES ('d1', '2030-01-06', 1, 1, 1, 1, 1)",
        ):
            connection.execute(text(change))


def drift(life: Life) -> dict[int | None, tuple[int, int]]:
    with life.engine.connect() as connection:
        found = reconcile(connection)
    return {each.department_id: (each.week_rows, each.totals) for each in found.drift}


def mended(life: Life, **options: Any) -> Mended:
    return mend(life.engine, [role_capacity], **{"chunk": 2, **options})


@pytest.fixture
def spoilt(life: Life) -> tuple[Life, dict[str, list[Any]]]:
    life.live(PLAN)
    right = rows_of(life.engine)
    spoil(life)
    return life, right


@pytest.mark.parametrize("chunk", [1, 3, 7, 500])
def test_what_is_wrong_is_made_right_and_the_second_time_nothing_is(
    spoilt: tuple[Life, dict[str, list[Any]]], chunk: int
) -> None:
    life, right = spoilt
    first = mended(life, chunk=chunk)
    assert (first.assignments, first.week_rows) == (7, 7)
    assert rows_of(life.engine) == right
    assert mended(life, chunk=chunk) == Mended(7, 0, 0)


def test_one_department_leaves_the_others_alone(
    spoilt: tuple[Life, dict[str, list[Any]]],
) -> None:
    life, right = spoilt
    assert mended(life, department_id=1).week_rows == 3
    assert set(drift(life)) == {11}
    assert mended(life, department_id=1) == Mended(7, 0, 0)
    mended(life, department_id=11)
    assert rows_of(life.engine) == right


def test_what_was_interrupted_is_ended_by_doing_it_again(
    spoilt: tuple[Life, dict[str, list[Any]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    life, right = spoilt
    monkeypatch.setattr(mending._Mending, "mend_totals", _fails)
    with pytest.raises(ZeroDivisionError):
        mended(life)
    monkeypatch.undo()
    assert drift(life)[1][0] == 0
    assert drift(life)[1][1] > 0
    mended(life)
    assert rows_of(life.engine) == right


def _fails(_: Any) -> None:
    raise ZeroDivisionError


def test_whoever_was_overtaken_writes_nothing_more(
    spoilt: tuple[Life, dict[str, list[Any]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another seizes the lease between the hours and the totals."""
    life, _ = spoilt
    finish = mending._Mending.mend_totals

    def overtaken(self: Any) -> None:
        with life.engine.begin() as connection:
            take_following(connection, [role_capacity], seize=True)
        finish(self)

    monkeypatch.setattr(mending._Mending, "mend_totals", overtaken)
    with pytest.raises(Overtaken):
        mended(life)
    assert drift(life)[1][1] > 0


def test_following_goes_on_afterwards(spoilt: tuple[Life, dict[str, list[Any]]]) -> None:
    life, right = spoilt
    mended(life)
    life.projector.catch_up()
    assert rows_of(life.engine) == right
    (verified,) = life.projector.verify(deep=True)
    assert verified.different_rows == 0, verified.examples
