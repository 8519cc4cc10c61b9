"""Random histories of every context: decisions of its aggregates, in whatever order they come."""

import random
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from domain.access.keys import ApiKey
from domain.aggregate import Aggregate, Event, Provenance
from domain.assignments import (
    Assignment,
    AssignmentFacts,
    Department,
    DepartmentFacts,
    Person,
    PersonFacts,
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
from domain.errors import DomainError
from tests.projections.conftest import RECORDED_AT, SUPPLIERS, Life

Group = list[Event]

_FIRST_WEEK = date(2026, 3, 1)
_WEEKS = [(_FIRST_WEEK + timedelta(weeks=each)).isoformat() for each in range(5)]
_IDS_EACH = 10  # no id is that of another history
_PROVENANCE = Provenance(
    actor="ada@example.org",
    reason="a test",
    command_id=UUID(int=1),
    correlation_id=UUID(int=2),
    recorded_at=RECORDED_AT,
)


class _Aggregates:
    """Aggregates that are made when somebody asks for them."""

    def __init__(self) -> None:
        self._by_id: dict[UUID, Aggregate] = {}

    def get(self, aggregate_class: Any, aggregate_id: UUID) -> Any:
        if aggregate_id not in self._by_id:
            self._by_id[aggregate_id] = aggregate_class(aggregate_id).bound_to(_PROVENANCE)
        return self._by_id[aggregate_id]

    def after(self, decide: Callable[[], object]) -> Group:
        """Return what a decision records: nothing where the rules do not allow it."""
        try:
            decide()
        except DomainError:
            for each in self._by_id.values():
                assert not each.pending_events
        return [event for each in self._by_id.values() for event in each.collect_events()]


class _Booking:
    """One line of suppliers, and those who book with them."""

    def __init__(self, number: int, chance: random.Random) -> None:
        self._chance, self._life = chance, Life(line=f"line-{number}")

    def begin(self) -> list[Group]:
        life = self._life
        return [life.publish(), life.open(), life.set_aliases({"iSolar": "iSoalr"})]

    def step(self) -> Group:
        chance, life = self._chance, self._life
        registration_id = chance.choice(["R-1", "R-2", "R-3", "R-ü"])
        supplier = chance.choice(SUPPLIERS)
        wish = chance.choice(["book", "book", "book", "release", "reassign", "reset", "lower"])
        if wish == "reset":
            return life.reset()
        if wish == "lower":
            return life.change_capacity(supplier, 30)
        if not life.held(registration_id):
            return life.book(registration_id, supplier) if wish == "book" else []
        if wish == "release":
            return life.release(registration_id)
        return life.reassign(registration_id, supplier) if wish == "reassign" else []


class _Planning:
    """One company: who belongs where, and who works for what, by ids of its own."""

    def __init__(self, number: int, chance: random.Random) -> None:
        self._first, self._chance, self._of = number * _IDS_EACH, chance, _Aggregates()
        self._declarations = (
            self._vertical, self._department, self._role, self._project, self._project_role,
            self._mapping, self._person, self._assignment,
        )  # fmt: skip
        self._steps = (
            *self._declarations, self._person, self._assignment, self._assignment,
            self._hours, self._hours, self._hours, self._time_off, self._leaving,
            self._probability, self._end,
        )  # fmt: skip

    def begin(self) -> list[Group]:
        return [self._of.after(declare) for declare in self._declarations]

    def step(self) -> Group:
        return self._of.after(self._chance.choice(self._steps))

    def _id(self) -> int:
        return self._first + self._chance.randrange(2)

    def _maybe(self) -> int | None:
        return self._chance.choice([None, self._id(), self._id()])

    def _active(self) -> bool:
        return self._chance.random() < 0.8

    def _day(self) -> str:
        return (_FIRST_WEEK + timedelta(days=self._chance.randint(-5, 40))).isoformat()

    def _get(self, aggregate_class: Any, *ids: int | None) -> Any:
        return self._of.get(aggregate_class, aggregate_class.identity(*ids))

    def _vertical(self) -> None:
        facts = VerticalFacts(vertical_id=self._id(), name=self._chance.choice("AB"))
        self._get(Vertical, facts.vertical_id).declare(facts)

    def _department(self) -> None:
        facts = DepartmentFacts(
            department_id=self._id(),
            name=self._chance.choice("AB"),
            vertical_id=self._maybe(),
            is_active=self._active(),
        )
        self._get(Department, facts.department_id).declare(facts)

    def _role(self) -> None:
        facts = RoleFacts(role_id=self._id(), name="R", sort_order=0, is_active=self._active())
        self._get(Role, facts.role_id).declare(facts)

    def _project(self) -> None:
        facts = ProjectFacts(
            project_id=self._id(),
            name=self._chance.choice(["Bridge", "Overhead"]),
            vertical_id=self._maybe(),
            template_id=self._maybe(),
        )
        self._get(Project, facts.project_id).declare(facts)

    def _project_role(self) -> None:
        facts = ProjectRoleFacts(project_role_id=self._id(), name="PM", department_id=self._maybe())
        self._get(ProjectRole, facts.project_role_id).declare(facts)

    def _mapping(self) -> None:
        role_ids = tuple(sorted({self._id() for _ in range(self._chance.randrange(3))}))
        facts = RoleMappingFacts(
            template_id=self._maybe(), project_role_id=self._id(), role_ids=role_ids
        )
        self._get(RoleMapping, facts.template_id, facts.project_role_id).declare(facts)

    def _person(self) -> None:
        facts = PersonFacts(
            person_id=self._id(),
            name_cipher=b"",
            role_id=self._maybe(),
            department_id=self._maybe(),
            weekly_capacity_units=self._chance.choice([0, 360_000, 400_000]),
            hire_date=self._chance.choice([None, self._day()]),
            is_active=self._active(),
        )
        self._get(Person, facts.person_id).declare(facts)

    def _time_off(self) -> None:
        person = self._get(Person, self._id())
        if person.exists:
            person.take_time_off(self._chance.choice(_WEEKS), self._units())

    def _leaving(self) -> None:
        person = self._get(Person, self._id())
        if person.exists:
            person.set_leaving_date(self._chance.choice([None, self._day()]))

    def _units(self) -> int:
        return self._chance.choice([0, 3_333, 50_000, 400_000])

    def _assignment(self) -> None:
        facts = AssignmentFacts(
            assignment_id=self._id(),
            person_id=self._maybe(),
            project_id=self._maybe(),
            department_id=self._maybe(),
            project_role_id=self._maybe(),
            is_active=self._active(),
        )
        self._get(Assignment, facts.assignment_id).declare(facts)

    def _hours(self) -> None:
        assignment = self._get(Assignment, self._id())
        if assignment.exists:
            weeks = self._chance.sample(_WEEKS, self._chance.randint(1, len(_WEEKS)))
            assignment.set_hours({week: self._units() for week in weeks})

    def _probability(self) -> None:
        assignment = self._get(Assignment, self._id())
        if assignment.exists:
            assignment.change_probability(self._chance.choice([50, 100]))

    def _end(self) -> None:
        assignment = self._get(Assignment, self._id())
        if assignment.exists:
            assignment.end()


class _Keys:
    """Two keys that are made, rotated and revoked."""

    def __init__(self, number: int, chance: random.Random) -> None:
        self._first, self._chance, self._of = number * _IDS_EACH, chance, _Aggregates()

    def begin(self) -> list[Group]:
        return [self.step()]

    def step(self) -> Group:
        return self._of.after(self._decide)

    def _decide(self) -> None:
        chance = self._chance
        key: ApiKey = self._of.get(ApiKey, UUID(int=self._first + chance.randrange(2)))
        secret = chance.randbytes(32)
        wish = chance.choice(["create", "rotate", "rotate", "revoke"])
        if wish == "create" or not key.exists:
            key.create("ada", ["read"], secret, at=RECORDED_AT)
        elif wish == "rotate":
            key.rotate(secret, overlap=timedelta(hours=1), at=RECORDED_AT)
        else:
            key.revoke("a test")


_CONTEXTS = (_Booking, _Planning, _Keys)
_WEIGHTS = (4, 5, 1)  # how often something happens in each


def history(number: int, seed: int, steps: int) -> list[Group]:
    """Return the events of so many steps in all contexts, each group as it is appended.

    Histories of different numbers have no row in common.
    """
    chance = random.Random(seed)
    contexts = [context(number, chance) for context in _CONTEXTS]
    groups = [group for each in contexts for group in each.begin()]
    groups += [chance.choices(contexts, _WEIGHTS)[0].step() for _ in range(steps)]
    return [group for group in groups if group]


def side_by_side(histories: Sequence[list[Group]], chance: random.Random) -> list[Group]:
    """Return histories as one: each in its own order, among each other in any."""
    turns = [number for number, each in enumerate(histories) for _ in each]
    chance.shuffle(turns)
    left = [iter(each) for each in histories]
    return [next(left[number]) for number in turns]
