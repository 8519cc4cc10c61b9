"""Assignments, people and departments keep their own rules, and say nothing twice."""

import pytest

from domain.aggregate import Aggregate
from domain.assignments import (
    Assignment,
    AssignmentFacts,
    Department,
    DepartmentCircle,
    DepartmentFacts,
    LeavesBeforeHired,
    Person,
    PersonFacts,
    PreHireWeekLocked,
    Project,
    ProjectFacts,
    ProjectRole,
    ProjectRoleFacts,
    Role,
    RoleFacts,
    RoleMapping,
    RoleMappingFacts,
    Vertical,
    VerticalFacts,
)
from tests.support.given import Scenario, fact

WEEK, NEXT_WEEK, LATER = "2026-03-01", "2026-03-08", "2026-03-15"
ADA = PersonFacts(person_id=17, name_cipher=b"sealed Ada", role_id=4, hire_date="2026-03-04")
HIRED = fact(
    Person.Hired,
    person_id=17,
    name_cipher=b"sealed Ada",
    role_id=4,
    department_id=None,
    weekly_capacity_units=360_000,
    hire_date="2026-03-04",
    is_active=True,
)
ROOF = AssignmentFacts(assignment_id=1001, person_id=17, project_id=205)
MADE = fact(
    Assignment.Made,
    assignment_id=1001,
    person_id=17,
    project_id=205,
    department_id=None,
    project_role_id=None,
    is_active=True,
)


def hours(*weeks: tuple[str, int]) -> tuple[type, dict[str, object]]:
    return fact(Assignment.HoursSet, assignment_id=1001, weeks=weeks)


EVERYTHING: list[tuple[type[Aggregate], object]] = [
    (Vertical, VerticalFacts(vertical_id=1, name="Energy")),
    (Department, DepartmentFacts(department_id=11, name="Roofs", vertical_id=1)),
    (Role, RoleFacts(role_id=4, name="Engineer", sort_order=20)),
    (Person, ADA),
    (Project, ProjectFacts(project_id=205, name="Town hall", template_id=6)),
    (ProjectRole, ProjectRoleFacts(project_role_id=8, name="Lead")),
    (RoleMapping, RoleMappingFacts(project_role_id=8, role_ids=(4, 9))),
    (Assignment, ROOF),
]


@pytest.mark.parametrize(("aggregate_class", "facts"), EVERYTHING)
def test_what_is_so_already_is_quiet(aggregate_class: type[Aggregate], facts: object) -> None:
    scenario = Scenario(aggregate_class)
    scenario.when(lambda born: born.declare(facts))  # type: ignore[attr-defined] # all of them have it
    scenario._decide(scenario.aggregate)
    assert len(scenario.aggregate.collect_events()) == 1
    scenario.then_nothing()


# Assignments.


def test_hours_are_set_for_the_weeks_that_change() -> None:
    now = (
        Scenario(Assignment)
        .given(MADE, hours((WEEK, 75_000), (NEXT_WEEK, 80_000)))
        .when(lambda roof: roof.set_hours({WEEK: 75_000, NEXT_WEEK: 0, LATER: 1}))
        .then(hours((NEXT_WEEK, 0), (LATER, 1)))
    )
    assert now.weeks == ((WEEK, 75_000), (LATER, 1))


def test_replacing_takes_out_what_is_not_named() -> None:
    now = (
        Scenario(Assignment)
        .given(MADE, hours((WEEK, 75_000), (NEXT_WEEK, 80_000)))
        .when(lambda roof: roof.set_all_hours({NEXT_WEEK: 80_000, LATER: 0}))
        .then(hours((WEEK, 0)))
    )
    assert now.weeks == ((NEXT_WEEK, 80_000),)


def test_the_same_hours_again_are_quiet() -> None:
    scenario = Scenario(Assignment).given(MADE, hours((WEEK, 75_000)))
    scenario.when(lambda roof: roof.set_hours({WEEK: 75_000, LATER: 0})).then_nothing()
    scenario.when(lambda roof: roof.set_all_hours({WEEK: 75_000})).then_nothing()


def test_refuses_hours_before_the_hire_week() -> None:
    (
        Scenario(Assignment)
        .given(MADE)
        .when(lambda roof: roof.set_hours({WEEK: 1, NEXT_WEEK: 1, LATER: 1}, hire_week=LATER))
        .then_raises(
            PreHireWeekLocked,
            "Cannot assign hours before employee hire week: assignment 1001 has hours in the week "
            "of 2026-03-01 and 1 more, the first week allowed is 2026-03-15",
        )
    )


def test_the_hire_week_itself_is_open() -> None:
    scenario = Scenario(Assignment).given(MADE)
    scenario.when(lambda roof: roof.set_hours({WEEK: 1}, hire_week=WEEK)).then(hours((WEEK, 1)))


def test_old_hours_before_the_hire_week_may_stay_or_go_but_not_change() -> None:
    old = Scenario(Assignment).given(MADE, hours((WEEK, 5)))
    old.when(lambda roof: roof.set_all_hours({WEEK: 5}, hire_week=LATER)).then_nothing()
    old.when(lambda roof: roof.set_all_hours({WEEK: 5, LATER: 1}, hire_week=LATER)).then(
        hours((LATER, 1))
    )
    old.when(lambda roof: roof.set_hours({WEEK: 6}, hire_week=LATER)).then_raises(
        PreHireWeekLocked,
        "Cannot assign hours before employee hire week: assignment 1001 has hours in the week "
        "of 2026-03-01, the first week allowed is 2026-03-15",
    )
    old.when(lambda roof: roof.set_hours({WEEK: 0}, hire_week=LATER)).then(hours((WEEK, 0)))


def test_another_person_must_be_hired_for_all_the_hours() -> None:
    given = Scenario(Assignment).given(MADE, hours((WEEK, 5), (LATER, 5)))
    grace = AssignmentFacts(assignment_id=1001, person_id=18, project_id=205)
    given.when(lambda roof: roof.declare(grace, hire_week=NEXT_WEEK)).then_raises(
        PreHireWeekLocked,
        "Cannot assign hours before employee hire week: assignment 1001 has hours in the week "
        "of 2026-03-01, the first week allowed is 2026-03-08",
    )
    given.when(lambda roof: roof.declare(grace, hire_week=WEEK)).then(
        fact(Assignment.GivenTo, assignment_id=1001, person_id=18, project_role_id=None)
    )


def test_whoever_has_it_already_is_not_checked_again() -> None:
    moved = AssignmentFacts(assignment_id=1001, person_id=17, project_id=206, department_id=11)
    (
        Scenario(Assignment)
        .given(MADE, hours((WEEK, 5)))
        .when(lambda roof: roof.declare(moved, hire_week=LATER))
        .then(fact(Assignment.Placed, assignment_id=1001, project_id=206, department_id=11))
    )


def test_an_assignment_ends_and_goes_on() -> None:
    scenario = Scenario(Assignment).given(MADE)
    scenario.when(lambda roof: roof.end()).then(fact(Assignment.Ended, assignment_id=1001))
    scenario.when(lambda roof: roof.end()).then_nothing()
    scenario.when(lambda roof: roof.declare(ROOF)).then(
        fact(Assignment.Resumed, assignment_id=1001)
    )


def test_a_tentative_assignment_becomes_firm() -> None:
    changed = fact(Assignment.ProbabilityChanged, assignment_id=1001, probability_percent=60)
    scenario = Scenario(Assignment).given(MADE)
    scenario.when(lambda roof: roof.change_probability(60)).then(changed)
    scenario.when(lambda roof: roof.change_probability(60)).then_nothing()


# People.


def test_every_difference_is_an_event_of_its_own() -> None:
    other = PersonFacts(
        person_id=17,
        name_cipher=b"sealed Grace",
        role_id=9,
        department_id=11,
        weekly_capacity_units=200_000,
        hire_date=None,
        is_active=False,
    )
    (
        Scenario(Person)
        .given(HIRED)
        .when(lambda person: person.declare(other))
        .then(
            fact(Person.Renamed, person_id=17, name_cipher=b"sealed Grace"),
            fact(Person.MovedDepartment, person_id=17, department_id=11),
            fact(Person.ChangedRole, person_id=17, role_id=9),
            fact(Person.WeeklyCapacityChanged, person_id=17, weekly_capacity_units=200_000),
            fact(Person.HireDateChanged, person_id=17, hire_date=None),
            fact(Person.Deactivated, person_id=17),
        )
    )


def test_nobody_leaves_before_they_come() -> None:
    told = "Person 17 is hired on 2026-03-04 and cannot leave on 2026-03-03"
    scenario = Scenario(Person).given(HIRED)
    scenario.when(lambda person: person.set_leaving_date("2026-03-03")).then_raises(
        LeavesBeforeHired, told
    )
    scenario.when(lambda person: person.set_leaving_date("2026-03-04")).then(
        fact(Person.LeavingDateSet, person_id=17, leaving_date="2026-03-04")
    )
    scenario.when(lambda person: person.check_hire_date("2026-03-05")).then_raises(
        LeavesBeforeHired, "Person 17 is hired on 2026-03-05 and cannot leave on 2026-03-04"
    )


def test_time_off_is_told_as_it_is_in_all_and_can_be_taken_back() -> None:
    taken = fact(Person.TimeOffTaken, person_id=17, week_start=WEEK, units=80_000)
    scenario = Scenario(Person).given(HIRED)
    scenario.when(lambda person: person.take_time_off(WEEK, 80_000)).then(taken)
    scenario.when(lambda person: person.take_time_off(WEEK, 80_000)).then_nothing()
    now = scenario.when(lambda person: person.take_time_off(WEEK, 0)).then(
        fact(Person.TimeOffCancelled, person_id=17, week_start=WEEK)
    )
    assert now.time_off == ()


def test_who_was_forgotten_may_be_named_again() -> None:
    forgotten = fact(Person.Forgotten, person_id=17)
    scenario = Scenario(Person).given(HIRED)
    scenario.when(lambda person: person.forget()).then(forgotten)
    scenario.when(lambda person: person.forget()).then_nothing()
    scenario.when(lambda person: person.declare(ADA)).then(
        fact(Person.Renamed, person_id=17, name_cipher=b"sealed Ada")
    )


# Departments.


def test_a_department_may_not_stand_above_itself() -> None:
    below = DepartmentFacts(department_id=11, name="Roofs", parent_id=12)
    (
        Scenario(Department)
        .when(lambda roofs: roofs.declare(below, above=[12, 11]))
        .then_raises(
            DepartmentCircle,
            "found 12, which stands below the department 11 itself; a parent that does not is "
            "needed",
        )
    )
