"""Planning, decision by decision: what is refused, and what is quiet."""

from datetime import date
from typing import Any

import pytest

from application.assignments import HoursChange, HoursChanged
from domain.assignments import (
    Assignment,
    AssignmentFacts,
    AssignmentNotFound,
    Department,
    DepartmentCircle,
    DepartmentFacts,
    LeavesBeforeHired,
    Person,
    PersonFacts,
    PersonNotFound,
    PreHireWeekLocked,
    RoleMappingFacts,
)
from domain.errors import Invalid
from domain.versions import OtherVersion, Seen
from tests.support.asynchronous import asynchronous
from tests.support.ledgers import command, everything
from tests.support.planning import Planned, planning, planning_document, take_over

WEEK, NEXT_WEEK = "2026-03-01", "2026-03-08"
BEFORE_ADA = "2026-02-22"  # the week before Ada's hire week
ROOF = AssignmentFacts(assignment_id=1, person_id=17, project_id=205)


async def put(planned: Planned, facts: AssignmentFacts, **options: Any) -> Any:
    return (await planned.declare_assignment(command(), facts=facts, **options)).result


@asynchronous
async def test_an_assignment_is_made_with_its_hours(store_url: str) -> None:
    async with planning(store_url) as planned:
        await take_over(planned, planning_document())
        made = await put(planned, ROOF, units_by_week={WEEK: 5}, probability_percent=60)
        assert (made.new, made.changed) == (True, True)
        again = await put(planned, ROOF, units_by_week={WEEK: 5}, probability_percent=60)
        assert (again.new, again.changed) == (False, False)
        roof = await planned.newest(Assignment, 1)
        assert (roof.weeks, roof.probability_percent) == (((WEEK, 5),), 60)


@asynchronous
async def test_hours_that_are_not_said_stay(store_url: str) -> None:
    async with planning(store_url) as planned:
        await take_over(planned, planning_document())
        await put(planned, ROOF, units_by_week={WEEK: 5})
        await put(planned, AssignmentFacts(assignment_id=1, person_id=17, is_active=False))
        roof = await planned.newest(Assignment, 1)
        assert (roof.weeks, roof.is_active, roof.project_id) == (((WEEK, 5),), False, None)


@pytest.mark.parametrize(
    ("facts", "told"),
    [
        (AssignmentFacts(assignment_id=1), "/person_id: found neither person_id nor role_on"),
        (AssignmentFacts(assignment_id=1, person_id=99), "/person_id: found 99, which is not"),
        (
            AssignmentFacts(assignment_id=1, project_role_id=99),
            "/role_on_project_ref_id: found 99, which is not among the project_roles",
        ),
        (
            AssignmentFacts(assignment_id=1, person_id=17, project_id=99, department_id=98),
            "/project_id: found 99, .*; /department_id: found 98, ",
        ),
    ],
)
@asynchronous
async def test_refuses_what_refers_to_nobody(
    store_url: str, facts: AssignmentFacts, told: str
) -> None:
    async with planning(store_url) as planned:
        await take_over(planned, planning_document())
        before = await everything(planned.ledger)
        with pytest.raises(Invalid, match=told):
            await put(planned, facts)
        assert await everything(planned.ledger) == before


@asynchronous
async def test_who_is_not_active_gets_nothing_new_and_keeps_what_they_have(store_url: str) -> None:
    async with planning(store_url) as planned:
        await take_over(planned, planning_document())
        await put(planned, ROOF)
        left = planning_document()["people"][0] | {"is_active": False}
        await take_over(planned, {"people": [left]})
        await put(planned, AssignmentFacts(assignment_id=1, person_id=17))  # moved, not given
        with pytest.raises(Invalid, match="/person_id: found 17, who is not active"):
            await put(planned, AssignmentFacts(assignment_id=2, person_id=17))


@asynchronous
async def test_hours_before_the_hire_week_are_refused_everywhere(store_url: str) -> None:
    async with planning(store_url) as planned:
        await take_over(planned, planning_document())
        with pytest.raises(PreHireWeekLocked, match="first week allowed is 2026-03-01"):
            await put(planned, ROOF, units_by_week={BEFORE_ADA: 5})
        with pytest.raises(PreHireWeekLocked):
            change = HoursChange(1001, {BEFORE_ADA: 5})
            await planned.change_hours(command(), change=change)
        await put(planned, ROOF, units_by_week={WEEK: 5})  # hired on a Wednesday: the whole week


@asynchronous
async def test_an_assignment_given_to_another_is_checked_for_all_its_weeks(store_url: str) -> None:
    async with planning(store_url) as planned:
        await take_over(planned, planning_document())
        grace = AssignmentFacts(assignment_id=1, person_id=18)
        await put(planned, grace, units_by_week={BEFORE_ADA: 5, WEEK: 5})
        with pytest.raises(PreHireWeekLocked):
            await put(planned, ROOF)
        await put(planned, ROOF, units_by_week={WEEK: 5})  # with the early week taken out


@asynchronous
async def test_ending_is_quiet_the_second_time(store_url: str) -> None:
    async with planning(store_url) as planned:
        await take_over(planned, planning_document())
        ends = [
            (await planned.end_assignment(command(), assignment_id=1001)).result.changed
            for _ in range(2)
        ]
        assert ends == [True, False]
        with pytest.raises(AssignmentNotFound, match="Assignment 5 is not known"):
            await planned.end_assignment(command(), assignment_id=5)


@asynchronous
async def test_what_was_seen_must_still_stand(store_url: str) -> None:
    async with planning(store_url) as planned:
        await take_over(planned, planning_document())
        seen = Seen((await planned.newest(Assignment, 1001)).version)
        change = HoursChange(1001, {NEXT_WEEK: 1})
        await planned.change_hours(command(), change=change, expected=seen)
        with pytest.raises(OtherVersion, match="Assignment 1001"):
            await planned.change_hours(command(), change=change, expected=seen)


# Many at once.


def changes(*pairs: tuple[int, dict[str, int]]) -> list[HoursChange | HoursChanged]:
    return [HoursChange(number, units) for number, units in pairs]


SEVERAL = changes(
    (1001, {NEXT_WEEK: 1}), (1002, {WEEK: 120_000}), (5, {WEEK: 1}), (1001, {BEFORE_ADA: 1})
)


@asynchronous
async def test_each_change_is_decided_for_itself(store_url: str) -> None:
    async with planning(store_url) as planned:
        await take_over(planned, planning_document())
        outcome = await planned.change_all_hours(command(), changes=SEVERAL)
        statuses = [each.status for each in outcome.result]
        assert statuses == ["ok", "noop", "missing", "invalid"]
        assert isinstance(outcome.result[3].error, PreHireWeekLocked)
        assert len(outcome.events) == 1


@asynchronous
async def test_together_means_all_or_none(store_url: str) -> None:
    async with planning(store_url) as planned:
        await take_over(planned, planning_document())
        before = await everything(planned.ledger)
        with pytest.raises(Invalid) as caught:
            await planned.change_all_hours(command(), changes=SEVERAL, together=True)
        assert [pointer for pointer, _ in caught.value.faults] == ["/items/2", "/items/3"]
        assert await everything(planned.ledger) == before
        good = await planned.change_all_hours(command(), changes=SEVERAL[:2], together=True)
        assert [each.status for each in good.result] == ["ok", "noop"]


# Departments, people, mappings.


@asynchronous
async def test_a_department_never_stands_above_itself(store_url: str) -> None:
    async with planning(store_url) as planned:
        for number, parent in ((1, None), (2, 1), (3, 2)):
            facts = DepartmentFacts(department_id=number, name=f"D{number}", parent_id=parent)
            await planned.declare_department(command(), facts=facts)
        for number, parent in ((1, 3), (1, 1), (9, 9)):
            circle = DepartmentFacts(department_id=number, name="D", parent_id=parent)
            with pytest.raises(DepartmentCircle):
                await planned.declare_department(command(), facts=circle)
        assert (await planned.newest(Department, 1)).parent_id is None


@asynchronous
async def test_somebody_leaves_and_is_off(store_url: str) -> None:
    async with planning(store_url) as planned:
        await take_over(planned, planning_document())
        last_day = date(2026, 12, 31).isoformat()
        await planned.set_leaving_date(command(), person_id=17, leaving_date=last_day)
        off = await planned.set_time_off(
            command(), person_id=17, units_by_week={WEEK: 80_000, NEXT_WEEK: 0}
        )
        assert len(off.events) == 1
        person = await planned.newest(Person, 17)
        assert (person.leaving_date, person.time_off) == (last_day, ((WEEK, 80_000),))
        ada = PersonFacts(person_id=17, name_cipher=b"", hire_date="2027-01-01")
        with pytest.raises(LeavesBeforeHired):
            await planned.declare_person(command(), facts=ada, name="Ada Lovelace")
        with pytest.raises(PersonNotFound):
            await planned.set_leaving_date(command(), person_id=5, leaving_date=last_day)


@asynchronous
async def test_a_person_of_an_unknown_role_is_refused_before_a_key_counts(store_url: str) -> None:
    async with planning(store_url) as planned:
        facts = PersonFacts(person_id=17, name_cipher=b"", role_id=4)
        with pytest.raises(Invalid, match="/role_id: found 4, which is not among the roles"):
            await planned.declare_person(command(), facts=facts, name="Ada Lovelace")
        assert await everything(planned.ledger) == []


@asynchronous
async def test_a_mapping_names_roles_that_exist(store_url: str) -> None:
    async with planning(store_url) as planned:
        await take_over(planned, planning_document())
        facts = RoleMappingFacts(project_role_id=8, role_ids=(4, 99))
        with pytest.raises(Invalid, match="/people_role_ids: found 99"):
            await planned.map_roles(command(), facts=facts)
        none = RoleMappingFacts(project_role_id=8, role_ids=())
        assert (await planned.map_roles(command(), facts=none)).result.changed
