"""Planning documents at random, and the events by which planning comes to be as one says."""

import random
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from hypothesis import strategies as st
from msgspec.structs import replace

from domain.aggregate import Aggregate, Event, Provenance
from domain.assignments import (
    Assignment,
    AssignmentFacts,
    Department,
    DepartmentFacts,
    Person,
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
from projections.role_capacity.questions import Question
from tests.projections.role_capacity.reference import Document

FIRST = date(2026, 1, 4)  # a Sunday
WEEKS = [(FIRST + timedelta(weeks=number)).isoformat() for number in range(8)]
_days = st.integers(-10, 60).map(lambda days: (FIRST + timedelta(days=days)).isoformat())
_units = st.sampled_from([1, 3_333, 20_000, 49_999, 50_000, 75_000, 400_000])
_hours = st.dictionaries(st.sampled_from(WEEKS), _units, max_size=5)


def _ids(low: int, high: int) -> Any:
    return st.none() | st.integers(low, high)


def _rows(count: int, **fields: Any) -> Any:
    rows = st.tuples(
        *(st.fixed_dictionaries({"id": st.just(n + 1), **fields}) for n in range(count))
    )
    return rows.map(list)


@st.composite
def documents(draw: st.DrawFn) -> Document:
    """Draw a document of always the same ids, so that any can follow any other."""
    active = st.sampled_from([True, True, True, False])
    rare = st.sampled_from([None, None, None])
    department = {"name": st.sampled_from("AB"), "vertical_id": _ids(1, 2), "is_active": active}
    role = {
        "name": st.sampled_from(["Eng", "eng", "Des"]),
        "sort_order": st.integers(0, 1),
        "is_active": active,
    }
    person = {
        "role_id": _ids(1, 3),
        "department_id": _ids(1, 3),
        "is_active": active,
        "weekly_capacity_units": st.sampled_from([0, 360_000, 400_000]),
        "hire_date": rare | _days,
        "leaving_date": rare | _days,
        "time_off": st.dictionaries(st.sampled_from(WEEKS), _units, max_size=2),
    }
    project = {
        "name": st.sampled_from(["Overhead", "Bridge", "ÉCOLE"]),
        "client": st.sampled_from(["", "école", "Acme"]),
        "vertical_id": _ids(1, 2),
        "template_id": _ids(1, 2),
    }
    assignment = {
        "person_id": _ids(1, 4),
        "project_id": _ids(1, 3),
        "department_id": _ids(1, 3),
        "project_role_id": _ids(1, 2),
        "is_active": active,
        "probability_percent": st.sampled_from([100, 100, 50]),
        "weekly_units": _hours,
    }
    return {
        "verticals": [{"id": 1, "name": "V1"}, {"id": 2, "name": "V2"}],
        "departments": draw(_rows(3, **department)),
        "roles": draw(_rows(3, **role)),
        "people": draw(_rows(4, **person)),
        "projects": draw(_rows(3, **project)),
        "project_roles": draw(_rows(2, name=st.just("PM"), department_id=_ids(1, 3))),
        "mappings": draw(_mappings()),
        "assignments": draw(_rows(6, **assignment)),
    }


def mixed(first: Document, second: Document, chance: random.Random) -> Document:
    """Return a document each of whose rows stands in one of two others."""
    return {
        key: [chance.choice(pair) for pair in zip(rows, second[key], strict=True)]
        for key, rows in first.items()
    }


def _mappings() -> Any:
    ids = st.sets(st.integers(1, 3), max_size=3).map(sorted)
    pairs = [(template, role) for template in (None, 1, 2) for role in (1, 2)]
    return st.tuples(
        *(
            st.fixed_dictionaries({
                "template_id": st.just(template), "project_role_id": st.just(role), "role_ids": ids,
            })
            for template, role in pairs
        )
    ).map(list)  # fmt: skip


@st.composite
def questions(draw: st.DrawFn) -> Question:
    """Draw a question about some of the weeks."""
    begin = draw(st.integers(0, 6))
    return Question(
        weeks=tuple(WEEKS[begin : begin + draw(st.integers(1, 6))]),
        department_id=draw(_ids(1, 4)),
        vertical_id=draw(_ids(1, 3)),
        role_ids=tuple(draw(st.lists(st.integers(1, 4), max_size=2))),
        gating=draw(st.sampled_from(["hire_week", "strict"])),
        include_tentative=draw(st.booleans()),
        include_time_off=draw(st.booleans()),
        filter_out_lt5h=draw(st.booleans()),
        hidden_words=tuple(draw(st.lists(st.sampled_from(["OVER", "École", "x"]), max_size=1))),
    )


PROVENANCE = Provenance(
    actor="ada@example.org",
    reason="a test",
    command_id=UUID(int=1),
    correlation_id=UUID(int=2),
    recorded_at=datetime(2026, 1, 2, 9, 30, tzinfo=UTC),
)


class Planning:
    """Aggregates that come to be as one document says after the other."""

    def __init__(self) -> None:
        self._aggregates: dict[UUID, Aggregate] = {}
        self._provenance = PROVENANCE

    def declare(self, document: Document) -> list[Event]:
        """Return the events of becoming so, a minute after what was before."""
        later = self._provenance.recorded_at + timedelta(minutes=1)
        self._provenance = replace(self._provenance, recorded_at=later)
        known = self._aggregates.items()
        self._aggregates = {key: each.bound_to(self._provenance) for key, each in known}
        for row in document["verticals"]:
            facts = VerticalFacts(vertical_id=row["id"], name=row["name"])
            self._bound(Vertical, row["id"]).declare(facts)
        for row in document["departments"]:
            self._bound(Department, row["id"]).declare(
                _facts(DepartmentFacts, "department_id", row)
            )
        for row in document["roles"]:
            self._bound(Role, row["id"]).declare(_facts(RoleFacts, "role_id", row))
        for row in document["people"]:
            self._person(row)
        for row in document["projects"]:
            self._bound(Project, row["id"]).declare(_facts(ProjectFacts, "project_id", row))
        for row in document["project_roles"]:
            facts_of = _facts(ProjectRoleFacts, "project_role_id", row)
            self._bound(ProjectRole, row["id"]).declare(facts_of)
        for row in document["mappings"]:
            ids = (row["template_id"], row["project_role_id"])
            self._bound(RoleMapping, *ids).declare(
                RoleMappingFacts(
                    template_id=ids[0], project_role_id=ids[1], role_ids=tuple(row["role_ids"])
                )
            )
        for row in document["assignments"]:
            self._assignment(row)
        return self.collected()

    def _assignment(self, row: Document) -> None:
        ignored = ("probability_percent", "weekly_units")
        assignment = self._bound(Assignment, row["id"])
        assignment.declare(_facts(AssignmentFacts, "assignment_id", row, *ignored))
        assignment.change_probability(row["probability_percent"])
        assignment.set_all_hours(row["weekly_units"])

    def _person(self, row: Document) -> None:
        """Say of a person what the document says, event by event."""
        person = self._bound(Person, row["id"])
        known = {"person_id": row["id"]}
        if not person.exists:
            names = ("role_id", "department_id", "weekly_capacity_units", "hire_date", "is_active")
            person.record(
                Person.Hired(**known, name_cipher=b"", **{name: row[name] for name in names})
            )
        else:
            person.record(Person.ChangedRole(**known, role_id=row["role_id"]))
            person.record(Person.MovedDepartment(**known, department_id=row["department_id"]))
            units = row["weekly_capacity_units"]
            person.record(Person.WeeklyCapacityChanged(**known, weekly_capacity_units=units))
            person.record(Person.HireDateChanged(**known, hire_date=row["hire_date"]))
            person.record((Person.Reactivated if row["is_active"] else Person.Deactivated)(**known))
        person.record(Person.LeavingDateSet(**known, leaving_date=row["leaving_date"]))
        for week, _ in person.time_off:
            person.record(Person.TimeOffCancelled(**known, week_start=week))
        for week, units in row["time_off"].items():
            person.record(Person.TimeOffTaken(**known, week_start=week, units=units))

    def _bound(self, aggregate_class: Any, *ids: int | None) -> Any:
        aggregate_id = aggregate_class.identity(*ids)
        if aggregate_id not in self._aggregates:
            self._aggregates[aggregate_id] = aggregate_class(aggregate_id).bound_to(
                self._provenance
            )
        return self._aggregates[aggregate_id]

    def collected(self) -> list[Event]:
        """Return what has happened since they were collected last."""
        return [event for each in self._aggregates.values() for event in each.collect_events()]


def _facts(facts_class: Any, id_name: str, row: Document, *ignored: str) -> Any:
    fields = {name: value for name, value in row.items() if name not in ("id", *ignored)}
    return facts_class(**{id_name: row["id"]}, **fields)
