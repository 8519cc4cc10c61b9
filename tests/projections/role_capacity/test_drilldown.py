"""Each level of the drill-down sums up to the one above it, whatever the plan and question."""

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from sqlalchemy import Connection

from domain.assignments import AssignmentNotFound, PersonNotFound, RoleNotFound
from projections.role_capacity import Question, drilldown
from projections.role_capacity.assignment_hours import Counting, assignment_drill
from projections.role_capacity.drilldown import (
    PersonShare,
    PlaceholderShare,
    RoleDrill,
    person_drill,
    role_drill,
)
from tests.projections.role_capacity.documents import WEEKS, documents, questions
from tests.projections.role_capacity.life import Life
from tests.projections.role_capacity.reference import Document, report

ANYWHERE = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large]


def read(life: Life) -> Any:
    return life.engine.connect()


def pages(
    connection: Connection, question: Question, role_id: int, limit: int
) -> Iterator[RoleDrill]:
    after = None
    while True:
        page = role_drill(connection, question=question, role_id=role_id, limit=limit, after=after)
        yield page
        if (after := page.follows) is None:
            return


def check_role(
    connection: Connection, question: Question, role_id: int, expected: dict[str, Any], limit: int
) -> list[PersonShare]:
    """Compare a role with the reference, and what it is made of with the role; return people."""
    found = list(pages(connection, question, role_id, limit))
    shares = [each for page in found for each in page.people]
    placeholders = [each for page in found for each in page.placeholders]
    assert len({each.person.person_id for each in shares}) == len(shares)
    assert max(len(page.people) for page in found) <= limit
    for number, week in enumerate(question.weeks):
        cell = (week, role_id)
        if role_id in expected["roles"]:
            assert found[0].assigned[number] == expected["assigned"].get(cell, 0)
            assert found[0].capacity[number] == expected["capacity"].get(cell, 0)
            assert found[0].heads[number] == expected["people"].get(cell, 0)
            assert found[0].projected[number] == expected["projected"].get(cell, 0)
        assert sum(each.assigned[number] for each in shares) == found[0].assigned[number]
        assert sum(each.capacity[number] for each in shares) == found[0].capacity[number]
        shared = sum((each.projected[number] for each in placeholders), Fraction())
        assert shared == found[0].projected[number]
    check_placeholders(connection, question, placeholders)
    return shares


def check_placeholders(
    connection: Connection, question: Question, placeholders: list[PlaceholderShare]
) -> None:
    for each in placeholders:
        assignment_id = each.hours.assignment.assignment_id
        one = assignment_drill(connection, question=question, assignment_id=assignment_id)
        assert one.counted == each.hours.units
        assert one.is_seen


def check_person(connection: Connection, question: Question, share: PersonShare) -> None:
    """Compare a person with what they bring to a role, and their assignments with the person."""
    person_id, after, listed = share.person.person_id, -1, []
    while True:
        page = person_drill(
            connection, question=question, person_id=person_id, limit=1, after=after
        )
        assert (page.assigned, page.capacity) == (share.assigned, share.capacity)
        listed += page.assignments
        if page.follows is None:
            break
        after = page.follows
    for number, units in enumerate(share.assigned):
        assert sum(each.units[number] for each in listed) == units
    for each in listed:
        assignment_id = each.assignment.assignment_id
        one = assignment_drill(connection, question=question, assignment_id=assignment_id)
        assert one.counted == each.units
        assert all(
            counted in (0, of_all)
            for counted, of_all in zip(one.counted, one.set_units, strict=True)
        )


def check(life: Life, document: Document, asked: list[Question], limit: int) -> None:
    life.live(document)
    with read(life) as connection:
        for question in asked:
            expected = report(document, question)
            for role_id in [row["id"] for row in document["roles"]]:
                for share in check_role(connection, question, role_id, expected, limit):
                    check_person(connection, question, share)


def test_each_level_sums_up_to_the_one_above(life: Life) -> None:
    @settings(max_examples=20, suppress_health_check=ANYWHERE)
    @given(documents(), st.lists(questions(), min_size=1, max_size=4), st.integers(1, 3))
    def agree(document: Document, asked: list[Question], limit: int) -> None:
        check(life, document, asked, limit)

    agree()


PLAN: Document = {
    "verticals": [{"id": 1, "name": "V"}],
    "departments": [{"id": 1, "name": "D", "vertical_id": 1, "is_active": True}],
    "roles": [{"id": 1, "name": "Eng", "sort_order": 0, "is_active": True}],
    "people": [
        {"id": number, "role_id": 1, "department_id": 1, "weekly_capacity_units": 400_000,
         "hire_date": "2026-01-07", "leaving_date": None, "is_active": True, "time_off": {}}
        for number in (1, 2)
    ],
    "projects": [
        {"id": 1, "name": "Secret", "client": "", "vertical_id": 1, "template_id": None}
    ],
    "project_roles": [], "mappings": [],
    "assignments": [
        {"id": 1, "person_id": 1, "project_id": 1, "department_id": None,
         "project_role_id": None, "is_active": True, "probability_percent": 100,
         "weekly_units": {WEEKS[0]: 100_000, WEEKS[1]: 50_000}}
    ],
}  # fmt: skip
QUESTION = Question(weeks=tuple(WEEKS[:4]))
STRICT = Question(weeks=tuple(WEEKS[:4]), gating="strict")


def test_hours_that_do_not_count_in_a_person_are_found(
    life: Life, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control of the comparison above: hours count whatever the gating."""
    strict = Question(weeks=QUESTION.weeks, gating="strict")
    check(life, PLAN, [strict], 2)

    class Ungated(Counting):
        def __init__(self, connection: Connection, question: Question) -> None:
            super().__init__(connection, replace(question, gating="hire_week"))

    monkeypatch.setattr(drilldown, "Counting", Ungated)
    with pytest.raises(AssertionError, match="100000 == 0"):
        check(life, PLAN, [strict], 2)


def test_what_is_not_known_or_hidden_is_not_found(life: Life) -> None:
    life.live(PLAN)
    hiding = Question(weeks=QUESTION.weeks, hidden_words=("secret",))
    with read(life) as connection:
        with pytest.raises(RoleNotFound, match="Role 9 is not known"):
            role_drill(connection, question=QUESTION, role_id=9, limit=1)
        with pytest.raises(PersonNotFound, match="Person 9 is not known"):
            person_drill(connection, question=QUESTION, person_id=9, limit=1)
        with pytest.raises(AssignmentNotFound, match="Assignment 9 is not known"):
            assignment_drill(connection, question=QUESTION, assignment_id=9)
        assert assignment_drill(connection, question=QUESTION, assignment_id=1).is_seen
        with pytest.raises(AssignmentNotFound):
            assignment_drill(connection, question=hiding, assignment_id=1)
