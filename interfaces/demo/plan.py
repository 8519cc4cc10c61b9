"""A sample plan: who works on what from last month to half a year from now.

It stands around the current week, so that whoever looks at the report sees something in it.
"""

import json
import random
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

from domain.assignments.weeks import week_of

PEOPLE = 24
WEEKS_BEFORE, WEEKS_AFTER = 4, 26
_SEED = 7

_DEPARTMENTS = (("Design", 1), ("Field engineering", 1), ("Energy storage", 2))
_ROLES = (
    "Project manager", "Electrical engineer", "Structural engineer", "Designer", "Technician"
)  # fmt: skip
_FIRST_NAMES = (
    "Ada", "Björn", "Chen", "Dalia", "Emeka", "Freya", "Goran", "Hana", "Ines", "Jamal", "Kaja",
    "Luis",
)  # fmt: skip
_LAST_NAMES = ("Okafor", "Lindqvist", "Moreau", "Tanaka")
_PROJECTS = (
    ("Riverside school", "City of Riverside", 1), ("Harbor cold store", "Nordfrost", 1),
    ("Library roof", "City of Riverside", 1), ("Mill Street homes", "Hearth Housing", 1),
    ("Bakery microgrid", "Three Ovens", 2), ("Depot batteries", "Metro Transit", 2),
    ("Clinic backup power", "Saint Anne", 2), ("Orchard pumps", "Valley Growers", 1),
)  # fmt: skip
# What projects look for: in which department, and which roles serve it. Nobody is a drone pilot.
_PROJECT_ROLES = (
    ("Lead engineer", 1, (2, 3)), ("Installer", 2, (5,)), ("Storage engineer", 3, (2,)),
    ("Drone pilot", 2, ()),
)  # fmt: skip


def sample_plan(today: date) -> bytes:
    """Return a planning document around a day; the same day gives the same bytes."""
    chance = random.Random(_SEED)  # noqa: S311 - sample data, and the same each time
    first_week = date.fromisoformat(week_of(today)) - timedelta(weeks=WEEKS_BEFORE)
    weeks = [
        (first_week + timedelta(weeks=each)).isoformat()
        for each in range(WEEKS_BEFORE + WEEKS_AFTER)
    ]
    document = {
        "verticals": [{"id": 1, "name": "Solar"}, {"id": 2, "name": "Storage"}],
        "departments": [
            {"id": number, "name": name, "vertical_id": vertical}
            for number, (name, vertical) in enumerate(_DEPARTMENTS, 1)
        ],
        "roles": [
            {"id": number, "name": name, "sort_order": number}
            for number, name in enumerate(_ROLES, 1)
        ],
        "people": list(_people(today, chance)),
        "projects": [
            {"id": number, "name": name, "client": client, "vertical_id": vertical}
            for number, (name, client, vertical) in enumerate(_PROJECTS, 1)
        ],
        "project_roles": [
            {"id": number, "name": name, "department_id": department}
            for number, (name, department, _) in enumerate(_PROJECT_ROLES, 1)
        ],
        "global_role_mappings": [
            {"project_role_id": number, "people_role_ids": list(roles)}
            for number, (_, _, roles) in enumerate(_PROJECT_ROLES, 1)
            if roles
        ],
        "assignments": [
            {"id": number, **each}
            for number, each in enumerate([*_work(weeks, chance), *_wanted(weeks, chance)], 1)
        ],
    }
    return json.dumps(document).encode()


def _people(today: date, chance: random.Random) -> Iterator[dict[str, Any]]:
    for number in range(1, PEOPLE + 1):
        hired = today - timedelta(days=chance.randint(100, 3_000))
        if number == PEOPLE:
            hired = today + timedelta(weeks=6)  # who is hired, and not there yet
        first, last = _FIRST_NAMES[number % 12], _LAST_NAMES[number // 6 % 4]
        yield {
            "id": number,
            "name": f"{first} {last}",
            "role_id": (number - 1) % len(_ROLES) + 1,
            "department_id": (number - 1) % len(_DEPARTMENTS) + 1,
            "weekly_capacity": chance.choice([40, 40, 40, 32, 24]),
            "hire_date": hired.isoformat(),
        }


def _work(weeks: list[str], chance: random.Random) -> Iterator[dict[str, Any]]:
    """Give everybody who is there two or three projects, which fade with the months."""
    for person in range(1, PEOPLE):
        for project in chance.sample(range(1, len(_PROJECTS) + 1), chance.choice([2, 2, 3])):
            begin = chance.randrange(10)
            some = weeks[begin : begin + chance.randint(6, 18)]
            hours = chance.choice([8, 12, 16, 20])
            yield {
                "person_id": person,
                "project_id": project,
                "weekly_hours": {week: chance.choice([hours, hours, hours / 2]) for week in some},
            }


def _wanted(weeks: list[str], chance: random.Random) -> Iterator[dict[str, Any]]:
    """Look for people whom the projects need from next month on."""
    for project in range(1, len(_PROJECTS) + 1):
        number = (project - 1) % len(_PROJECT_ROLES) + 1
        begin = WEEKS_BEFORE + chance.randint(3, 8)
        yield {
            "project_id": project,
            "department_id": _PROJECT_ROLES[number - 1][1],
            "role_on_project_ref_id": number,
            "weekly_hours": dict.fromkeys(weeks[begin : begin + 8], chance.choice([10, 16, 24])),
        }
