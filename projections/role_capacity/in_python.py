"""The source `python`: every assignment is read, and its JSON with it, as the original does."""

import json
from collections import defaultdict
from typing import Any

from sqlalchemy import Connection, select

from projections.role_capacity.hiding import hidden_projects
from projections.role_capacity.questions import (
    LEAST_IN_WEEKS,
    LEAST_UNITS,
    Cell,
    Figures,
    Question,
    Wanted,
)
from projections.role_capacity.tables import (
    assignments,
    departments,
    people,
    project_roles,
    projects,
    time_off,
)

_ROWS_AT_ONCE = 5_000


def figures(connection: Connection, question: Question) -> Figures:
    """Return what assignments and people come to, one by one."""
    counting = _Counting(connection, question)
    counting.assignments()
    if question.filter_out_lt5h:
        counting.keep_busy_people()
    assigned: dict[Cell, int] = defaultdict(int)
    for (person_id, week), units in counting.hours.items():
        assigned[week, counting.people[person_id].role_id] += units
    capacity, heads = counting.capacity()
    return Figures(dict(assigned), capacity, heads, dict(counting.placeholders))


class _Counting:
    def __init__(self, connection: Connection, question: Question) -> None:
        self.connection, self.question = connection, question
        self.hours: dict[tuple[int, str], int] = defaultdict(int)
        self.placeholders: dict[Wanted, int] = defaultdict(int)
        self.people = self._people()
        self._projects = {row.project_id: row for row in connection.execute(select(projects))}
        roles = connection.execute(select(project_roles))
        self._role_departments = {row.project_role_id: row.department_id for row in roles}
        self._hidden = set(hidden_projects(connection, question.hidden_words))

    def _people(self) -> dict[int, Any]:
        found = select(people).where(people.c.is_active == 1, people.c.role_id.is_not(None))
        if self.question.department_id is not None:
            found = found.where(people.c.department_id == self.question.department_id)
        return {row.person_id: row for row in self.connection.execute(found)}

    def assignments(self) -> None:
        columns = assignments.c
        found = select(
            columns.person_id,
            columns.project_id,
            columns.department_id,
            columns.project_role_id,
            columns.weekly_hours,
        ).where(columns.is_active == 1)
        if not self.question.include_tentative:
            found = found.where(columns.probability_percent >= 100)
        options = {"yield_per": _ROWS_AT_ONCE}
        for row in self.connection.execute(found, execution_options=options):
            if self._is_shown(row):
                self._count(row, json.loads(row.weekly_hours))

    def _is_shown(self, row: Any) -> bool:
        if row.project_id in self._hidden:
            return False
        project = self._projects.get(row.project_id)
        wanted = self.question.vertical_id
        return wanted is None or (project is not None and project.vertical_id == wanted)

    def _count(self, row: Any, units_by_week: dict[str, int]) -> None:
        if row.person_id is None:
            self._count_placeholder(row, units_by_week)
            return
        person = self.people.get(row.person_id)
        if person is None:
            return
        first, until = self._span(person)
        for week in self.question.weeks:
            if week in units_by_week and first <= week < until:
                self.hours[row.person_id, week] += units_by_week[week]

    def _count_placeholder(self, row: Any, units_by_week: dict[str, int]) -> None:
        if row.project_role_id is None:
            return
        places = (row.department_id, self._role_departments.get(row.project_role_id))
        if self.question.department_id not in (None, *places):
            return
        project = self._projects.get(row.project_id)
        template_id = None if project is None else project.template_id
        template = "" if template_id is None else str(template_id)
        for week in self.question.weeks:
            if week in units_by_week:
                key = (template, row.project_role_id, week)
                self.placeholders[key] += units_by_week[week]

    def _span(self, person: Any) -> tuple[str, str]:
        if self.question.gating == "strict":
            return person.strict_from, person.strict_until
        return person.hire_week_from, person.hire_week_until

    def keep_busy_people(self) -> None:
        first = self.question.weeks[:LEAST_IN_WEEKS]
        busy = {
            person_id
            for (person_id, week), units in self.hours.items()
            if week in first and units >= LEAST_UNITS
        }
        self.people = {each: row for each, row in self.people.items() if each in busy}
        self.hours = defaultdict(int, {k: v for k, v in self.hours.items() if k[0] in busy})

    def capacity(self) -> tuple[dict[Cell, int], dict[Cell, int]]:
        capacity: dict[Cell, int] = defaultdict(int)
        heads: dict[Cell, int] = defaultdict(int)
        off = self._off()
        places = self.connection.execute(select(departments))
        verticals = {row.department_id: row.vertical_id for row in places}
        wanted = self.question.vertical_id
        for person in self.people.values():
            if wanted is not None and verticals.get(person.department_id) != wanted:
                continue
            first, until = self._span(person)
            for week in self.question.weeks:
                if first <= week < until:
                    absent = off.get((person.person_id, week), 0)
                    capacity[week, person.role_id] += person.weekly_capacity_units - absent
                    heads[week, person.role_id] += 1
        return dict(capacity), dict(heads)

    def _off(self) -> dict[tuple[int, str], int]:
        if not self.question.include_time_off:
            return {}
        found = self.connection.execute(select(time_off))
        return {(row.person_id, row.week_start): row.units for row in found}
