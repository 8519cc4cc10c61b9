"""All sources on both stores say what the reference model says, whatever the plan and question."""

import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, text

from projections import parts
from projections.building import Manner
from projections.past import make_past, open_past
from projections.rebuilding import rebuild_here
from projections.role_capacity import Question, role_capacity, role_capacity_report
from projections.role_capacity.counting import Totals
from projections.role_capacity.questions import SOURCES, Figures
from projections.role_capacity.reports import FIGURES
from tests.projections.role_capacity.documents import (
    WEEKS,
    Planning,
    documents,
    mixed,
    questions,
)
from tests.projections.role_capacity.life import Life, told
from tests.projections.role_capacity.reference import Document, report

ANYWHERE = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large]


def rows_of(engine: Engine) -> dict[str, list[Any]]:
    with engine.connect() as connection:
        return {
            table.name: sorted(map(tuple, connection.execute(table.select())), key=repr)
            for table in role_capacity.rows
        }


MIXTURES = 4


def sources_of(life: Life) -> list[Any]:
    in_postgres = life.engine.dialect.name == "postgresql"
    return [source for source in SOURCES if in_postgres or source != "jsonb"]


def check(
    life: Life, first: Document, then: Document, asked: list[Question], chance: random.Random
) -> None:
    """Live through plans, and compare every source with the reference after each but some.

    To draw a plan costs more than to live through it, so between the two are mixtures of them.
    """
    life.begin(page_events=chance.choice([1, 3, 10, 1_000]))
    planning = Planning()
    for plan in (first, *(mixed(first, then, chance) for _ in range(MIXTURES)), then):
        life.append(planning.declare(plan), chance.choice([1, 4, 1_000]))
        if plan is not then and chance.random() < 0.3:  # pages go over two plans
            continue
        life.projector.catch_up()
        for question in asked:
            expected = report(plan, question)
            for source in sources_of(life):
                assert life.answer(question, source) == expected, source


def test_all_sources_say_what_the_reference_says(life: Life) -> None:
    @settings(max_examples=15, suppress_health_check=ANYWHERE)
    @given(documents(), documents(), st.lists(questions(), min_size=1, max_size=5), st.integers(0))
    def agree(first: Document, then: Document, asked: list[Question], seed: int) -> None:
        check(life, first, then, asked, random.Random(seed))

    agree()


def test_a_rebuild_makes_the_rows_that_following_makes(
    life: Life, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parts, "SQLITE_ROWS_IN_TRANSACTION", 3)

    @settings(max_examples=6, suppress_health_check=ANYWHERE)
    @given(documents(), documents(), st.integers(0))
    def agree(first: Document, then: Document, seed: int) -> None:
        check(life, first, then, [], random.Random(seed))
        followed = rows_of(life.engine)
        manner = Manner(budget_bytes=random.Random(seed).choice([10_000, 2**20]))
        rebuild_here(life.ledger.log, life.engine, [role_capacity], manner=manner)
        assert rows_of(life.engine) == followed
        life.projector.catch_up()
        (verified,) = life.projector.verify(deep=True)
        assert verified.different_rows == 0, verified.examples

    agree()


def test_the_past_has_the_figures_of_its_time(life: Life, tmp_path: Path) -> None:
    @settings(max_examples=3, suppress_health_check=ANYWHERE)
    @given(documents(), documents(), questions())
    def agree(first: Document, then: Document, question: Question) -> None:
        life.begin(page_events=100)
        planning = Planning()
        life.append(planning.declare(first), 5)
        position = life.ledger.log.head()
        life.append(planning.declare(then), 5)
        path = tmp_path / "past.db"
        make_past(life.ledger.log, [role_capacity], path, position=position)
        engine = open_past(path)
        with engine.connect() as connection, connection.begin():
            found = role_capacity_report(connection, question=question)
        engine.dispose()
        assert told(found) == report(first, question)

    agree()


PLAN: Document = {
    "verticals": [],
    "departments": [{"id": 1, "name": "D", "vertical_id": None, "is_active": True}],
    "roles": [{"id": 1, "name": "Eng", "sort_order": 0, "is_active": True}],
    "people": [
        {"id": 1, "role_id": 1, "department_id": 1, "weekly_capacity_units": 400_000,
         "hire_date": None, "leaving_date": None, "is_active": True, "time_off": {}}
    ],
    "projects": [], "project_roles": [], "mappings": [],
    "assignments": [
        {"id": 1, "person_id": 1, "project_id": None, "department_id": None,
         "project_role_id": None, "is_active": True, "probability_percent": 100,
         "weekly_units": {WEEKS[0]: 100_000}}
    ],
}  # fmt: skip
QUESTION = Question(weeks=tuple(WEEKS[:4]))


@pytest.fixture
def planned(life: Life) -> Life:
    life.ledger.append(Planning().declare(PLAN))
    life.projector.catch_up()
    return life


def test_a_source_that_forgets_to_count_out_is_found(
    life: Life, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control of the comparison above."""
    count = Totals.count_hours

    def only_in(self: Totals, rows: Any, sign: int = 1) -> None:
        if sign == 1:
            count(self, rows, sign)

    monkeypatch.setattr(Totals, "count_hours", only_in)
    moved = {**PLAN, "people": [{**PLAN["people"][0], "role_id": None}]}
    with pytest.raises(AssertionError, match="rollup"):
        check(life, PLAN, moved, [QUESTION], random.Random(1))


def test_a_source_that_fails_is_answered_from_the_next_and_named(planned: Life) -> None:
    def broken(connection: Connection, _: Question) -> Figures:
        connection.execute(text("SELECT 1 FROM nowhere"))
        raise AssertionError("unreachable")

    with planned.engine.connect() as connection, connection.begin():
        found = role_capacity_report(
            connection, question=QUESTION, figures_of={**FIGURES, "rollup": broken}
        )
        assert connection.execute(text("SELECT 1")).scalar_one() == 1  # the transaction is sound
    assert (found.asked, found.source) == ("rollup", "normalized")
    assert [each.source for each in found.failed] == ["rollup"]
    assert "nowhere" in found.failed[0].error
    assert told(found) == report(PLAN, QUESTION)


def test_the_last_source_that_fails_is_heard(planned: Life) -> None:
    def broken(_: Connection, __: Question) -> Figures:
        raise ZeroDivisionError("nothing works")

    nothing = dict.fromkeys(FIGURES, broken)
    with (
        planned.engine.connect() as connection,
        connection.begin(),
        pytest.raises(ZeroDivisionError, match="nothing works"),
    ):
        role_capacity_report(connection, question=QUESTION, figures_of=nothing)


def test_totals_are_not_asked_for_what_they_cannot_know(planned: Life) -> None:
    question = Question(weeks=QUESTION.weeks, filter_out_lt5h=True)
    with planned.engine.connect() as connection, connection.begin():
        found = role_capacity_report(connection, question=question)
    assert (found.source, found.failed) == ("normalized", ())
