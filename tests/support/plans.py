"""A plan in which each state of a week occurs, taken over beside a server."""

import json
from datetime import UTC, datetime
from typing import Any

from domain.assignments import AssignmentFacts
from interfaces.service import Service
from interfaces.settings import Settings
from tests.support.keys import beside, command

NOW = datetime(2026, 11, 18, 12, tzinfo=UTC)  # a Wednesday
WEEKS = ["2026-11-15", "2026-11-22", "2026-11-29", "2026-12-06"]


def _person(number: int, name: str, role: int | None, department: int, **more: Any) -> Any:
    about = {"id": number, "name": name, "role_id": role, "department_id": department}
    return about | {"weekly_capacity": 40, "hire_date": None, "is_active": True} | more


def _assignment(number: int, person: int | None, project: int | None, **more: Any) -> Any:
    about = {"id": number, "person_id": person, "project_id": project, "department_id": 1}
    return about | {"role_on_project_ref_id": None, "is_active": True} | more


STAFFED: dict[str, Any] = {
    "verticals": [{"id": 1, "name": "Energy"}, {"id": 2, "name": "Water"}],
    "departments": [
        {"id": 1, "name": "Roofs", "vertical_id": 1, "parent_id": None, "is_active": True},
        {"id": 2, "name": "Pipes", "vertical_id": 2, "parent_id": None, "is_active": True},
    ],
    "roles": [
        {"id": 1, "name": "Engineer", "sort_order": 1, "is_active": True},
        {"id": 2, "name": "Designer", "sort_order": 0, "is_active": True},
    ],
    "people": [
        _person(1, "Ada", 1, 1),
        _person(2, "Grace", 2, 2, hire_date="2026-11-25"),
        _person(3, "Mary", 1, 1),
        _person(4, "=Joan", None, 1),
        _person(5, "Inactive", 1, 1, is_active=False),
    ],
    "projects": [
        {"id": 1, "name": "Town hall", "client": "Acme", "vertical_id": 1, "status": "active",
         "is_active": True, "auto_hours_template_id": 7},
        {"id": 2, "name": "Well", "client": "", "vertical_id": 2, "status": "active",
         "is_active": True, "auto_hours_template_id": None},
    ],
    "project_roles": [{"id": 1, "name": "Lead", "department_id": 1}],
    "template_role_mappings": [
        {"template_id": 7, "project_role_id": 1, "people_role_ids": [1, 2]},
    ],
    "global_role_mappings": [],
    "assignments": [
        _assignment(1, 1, 1, weekly_hours={WEEKS[0]: 10, WEEKS[1]: 40, WEEKS[2]: 30}),
        _assignment(2, 1, 2, weekly_hours={WEEKS[2]: 10.1}),
        _assignment(3, 2, 2, weekly_hours={WEEKS[1]: 4.5}),
        _assignment(4, None, 1, role_on_project_ref_id=1, weekly_hours={WEEKS[0]: 12}),
        _assignment(5, 3, 1, weekly_hours={WEEKS[0]: 20, WEEKS[1]: 20}),
    ],
}  # fmt: skip


def planned(settings: Settings, plan: dict[str, Any]) -> Settings:
    """Import a plan, as another process would."""

    async def imported(service: Service) -> None:
        document = json.dumps(plan).encode()
        await service.planning.import_document(command(reason="a plan"), document=document)

    beside(settings, imported)
    return settings


def staffed(settings: Settings) -> Settings:
    """Import the plan above; Mary is off for a week and a half, leaves, and is doubly wanted."""
    planned(settings, STAFFED)

    async def changed(service: Service) -> None:
        planning = service.planning
        off = {WEEKS[1]: 200_000, WEEKS[2]: 400_000}
        await planning.set_time_off(command(), person_id=3, units_by_week=off)
        await planning.set_leaving_date(command(), person_id=3, leaving_date="2026-12-05")
        maybe = AssignmentFacts(assignment_id=6, person_id=3, project_id=1, department_id=1)
        await planning.declare_assignment(
            command(), facts=maybe, units_by_week={WEEKS[0]: 200_000}, probability_percent=50
        )

    beside(settings, changed)
    return settings
