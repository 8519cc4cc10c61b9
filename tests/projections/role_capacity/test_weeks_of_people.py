"""People week by week agree with the report, and who is free or has too much with their weeks."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from projections.role_capacity import (
    ListedPerson,
    Question,
    all_people_weeks,
    availability,
    over_allocated,
    people_weeks,
)
from projections.role_capacity.weeks_of_people import state_of
from tests.projections.role_capacity.documents import documents, questions
from tests.projections.role_capacity.life import Life
from tests.projections.role_capacity.reference import Document, report

ANYWHERE = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large]


def test_people_week_by_week_sum_up_to_the_report(life: Life) -> None:
    @settings(max_examples=20, suppress_health_check=ANYWHERE)
    @given(documents(), questions(), st.integers(1, 5))
    def agree(document: Document, asked: Question, limit: int) -> None:
        question = Question(
            weeks=asked.weeks, department_id=asked.department_id, gating=asked.gating,
            include_tentative=asked.include_tentative, include_time_off=asked.include_time_off,
            hidden_words=asked.hidden_words,
        )  # fmt: skip
        life.live(document)
        expected = report(document, question)
        with life.engine.connect() as connection:
            found = list(all_people_weeks(connection, question=question))
            paged, after = [], None
            while page := people_weeks(connection, question=question, after=after, limit=limit):
                paged += page
                after = page[-1].person.place
        assert paged == found
        places = [each.person.place for each in found]
        assert places == sorted(places)
        active = [each for each in document["people"] if each["is_active"]]
        wanted = {
            each["id"] for each in active if asked.department_id in (None, each["department_id"])
        }
        assert {each.person.person_id for each in found} == wanted
        for role_id in expected["roles"]:
            of_role = [each for each in found if each.person.role_id == role_id]
            for number, week in enumerate(question.weeks):
                cells = [each.weeks[number] for each in of_role]
                cell = (week, role_id)
                assert sum(e.assigned_units for e in cells) == expected["assigned"].get(cell, 0)
                assert sum(e.capacity_units for e in cells) == expected["capacity"].get(cell, 0)
                here = [each for each in cells if each.state not in ("not_hired", "left")]
                assert len(here) == expected["people"].get(cell, 0)
                for each in cells:
                    is_over = each.assigned_units > max(0, each.capacity_units)
                    assert (each.state == "over") == is_over
                    assert 0 <= each.tentative_units <= each.assigned_units

    agree()


def test_who_has_too_much_is_found_with_what_makes_it(life: Life) -> None:
    @settings(max_examples=20, suppress_health_check=ANYWHERE)
    @given(documents(), questions(), st.integers(1, 5))
    def agree(document: Document, question: Question, limit: int) -> None:
        life.live(document)
        with life.engine.connect() as connection:
            everybody = list(all_people_weeks(connection, question=question))
            found: list[Any] = []
            after = None
            while page := over_allocated(connection, question=question, limit=limit, after=after):
                found += page
                after = page[-1].person.place
        expected = []
        for each in everybody:
            weeks = zip(question.weeks, each.weeks, strict=True)
            expected.append((each.person, [pair for pair in weeks if pair[1].state == "over"]))
        told = [
            (each.person, [(over.week_start, over.week) for over in each.weeks]) for each in found
        ]
        assert told == [each for each in expected if each[1]]
        for over in (over for each in found for over in each.weeks):
            assert over.over_units > 0
            assert sum(units for _, units in over.assignments) == over.week.assigned_units

    agree()


def test_who_is_free_is_ranked_and_the_others_are_explained(life: Life) -> None:
    @settings(max_examples=20, suppress_health_check=ANYWHERE)
    @given(documents(), questions(), st.sampled_from([1, 300_000, 400_000]), st.integers(1, 4))
    def agree(document: Document, question: Question, needed: int, limit: int) -> None:
        life.live(document)
        with life.engine.connect() as connection:
            everybody = list(all_people_weeks(connection, question=question))
            found = availability(connection, question=question, needed_units=needed, limit=limit)
        free = {
            each.person.person_id: [
                max(0, cell.capacity_units - cell.assigned_units) for cell in each.weeks
            ]
            for each in everybody
        }
        ranked = sorted(free, key=lambda person: (-min(free[person]), -sum(free[person])))
        enough = [person for person in ranked if min(free[person]) >= needed]
        assert [each.person.person_id for each in found.available] == enough[:limit]
        assert (found.available_count, found.excluded_count) == (
            len(enough), len(free) - len(enough)
        )  # fmt: skip
        assert [each.person.person_id for each in found.excluded] == [
            person for person in ranked if person not in enough
        ][:limit]
        states = {each.person.person_id: each.weeks for each in everybody}
        for each in found.excluded:
            cell = states[each.person.person_id][question.weeks.index(each.tightest_week)]
            expected = cell.state if cell.state in ("not_hired", "left", "off") else "too_few_hours"
            assert each.excluded == expected

    agree()


ADA = ListedPerson(
    person_id=1, role_id=1, role_name="Engineer", department_id=1, department_name="Roofs",
    vertical_id=1, is_active=True, weekly_capacity_units=40, first_week="2026-01-11",
    until_week="2026-01-25", name_cipher=b"", place=(0, "Engineer", 1, 1),
)  # fmt: skip


@pytest.mark.parametrize(
    ("week", "assigned", "capacity", "off", "state"),
    [
        ("2026-01-11", 0, 40, 0, "free"),
        ("2026-01-11", 1, 40, 0, "partial"),
        ("2026-01-11", 40, 40, 0, "full"),
        ("2026-01-11", 41, 40, 0, "over"),
        ("2026-01-11", 10, 10, 30, "full"),
        ("2026-01-11", 0, 10, 30, "free"),
        ("2026-01-11", 0, 0, 40, "off"),
        ("2026-01-11", 0, -2, 42, "off"),  # more time off than capacity: nothing is too much of it
        ("2026-01-11", 1, 0, 40, "over"),
        ("2026-01-11", 0, 0, 0, "full"),
        ("2026-01-04", 0, 0, 0, "not_hired"),
        ("2026-01-18", 0, 40, 0, "free"),
        ("2026-01-25", 0, 0, 0, "left"),
    ],
)
def test_states(week: str, assigned: int, capacity: int, off: int, state: str) -> None:
    units = {"assigned_units": assigned, "capacity_units": capacity, "off_units": off}
    assert state_of(ADA, week, **units) == state
    assert state_of(replace(ADA, is_active=False), week, **units) == "left"
