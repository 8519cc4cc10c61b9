"""A plan with something of everything that the report page shows."""

from copy import deepcopy
from datetime import UTC, datetime
from typing import Any

from domain.assignments import AssignmentFacts
from interfaces.settings import Settings
from tests.support.keys import beside, command

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)  # a Saturday
WEEKS = ["2026-11-15", "2026-11-22", "2026-11-29", "2026-12-06"]
LONG_NAME = "Principal consultant for the integration of renewable energy systems"
HOSTILE_NAME = "</script><img src=x onerror=alert(1)>"


def report_plan() -> dict[str, Any]:
    """Return a plan of two verticals and four roles, of which one has a bad name."""
    return deepcopy(_PLAN)


def wide_plan(*, roles: int) -> dict[str, Any]:
    """Return a plan of many roles, with a person in each."""
    ids = range(1, roles + 1)
    return report_plan() | {
        "roles": [{"id": each, "name": f"Role {each:03}", "sort_order": each} for each in ids],
        "people": [
            {"id": each, "name": f"Person {each}", "role_id": each, "department_id": 1}
            for each in ids
        ],
        "assignments": [
            {"id": each, "person_id": each, "project_id": 1, "weekly_hours": {WEEKS[0]: each % 45}}
            for each in ids
        ],
        "template_role_mappings": [],
        "global_role_mappings": [],
    }


def take_tentative(settings: Settings, *, hours: int) -> None:
    """Add work of Ada's that is less than certain, as another process would."""

    async def added(service: Any) -> None:
        maybe = AssignmentFacts(assignment_id=99, person_id=1, project_id=1, department_id=1)
        await service.planning.declare_assignment(
            command(),
            facts=maybe,
            units_by_week={WEEKS[0]: hours * 10_000},
            probability_percent=50,
        )

    beside(settings, added)


_PLAN: dict[str, Any] = {
    "verticals": [{"id": 1, "name": "Energy"}, {"id": 2, "name": "Buildings"}],
    "departments": [
        {"id": 1, "name": "Roofs", "vertical_id": 1, "parent_id": None},
        {"id": 2, "name": "Halls", "vertical_id": 2, "parent_id": None},
    ],
    "roles": [
        {"id": 1, "name": "Engineer", "sort_order": 1},
        {"id": 2, "name": "Designer", "sort_order": 2},
        {"id": 3, "name": LONG_NAME, "sort_order": 3},
        {"id": 4, "name": HOSTILE_NAME, "sort_order": 4},
    ],
    "people": [
        {"id": 1, "name": "Ada", "role_id": 1, "department_id": 1, "weekly_capacity": 40},
        {"id": 2, "name": "Grace", "role_id": 2, "department_id": 2, "hire_date": "2026-11-25"},
        {"id": 3, "name": "Alan", "role_id": 1, "department_id": 2, "weekly_capacity": 32},
        {"id": 4, "name": "Mary", "role_id": 3, "department_id": 1},
    ],
    "projects": [
        {"id": 1, "name": "Bridge", "client": "Acme", "vertical_id": 1,
         "status": "active", "auto_hours_template_id": 7},
        {"id": 2, "name": "Hall", "client": "Acme", "vertical_id": 2, "status": "active"},
    ],
    "project_roles": [{"id": 1, "name": "PM", "department_id": 1},
                      {"id": 2, "name": "QA", "department_id": None}],
    "template_role_mappings": [
        {"template_id": 7, "project_role_id": 1, "people_role_ids": [1, 2]},
    ],
    "global_role_mappings": [],
    "assignments": [
        {"id": 1, "person_id": 1, "project_id": 1,
         "weekly_hours": {"2026-11-15": 30, "2026-11-22": 46.5, "2027-01-03": 8}},
        {"id": 2, "person_id": 2, "project_id": 2, "weekly_hours": {"2026-11-29": 20}},
        {"id": 3, "person_id": 3, "project_id": 2, "weekly_hours": {"2026-11-15": 32}},
        {"id": 4, "person_id": None, "project_id": 1, "department_id": 1,
         "role_on_project_ref_id": 1, "weekly_hours": {"2026-11-15": 12}},
        {"id": 5, "person_id": None, "project_id": 1, "department_id": 1,
         "role_on_project_ref_id": 2, "weekly_hours": {"2026-11-15": 8}},
    ],
}  # fmt: skip
