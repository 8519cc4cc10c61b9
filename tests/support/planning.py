"""Planning documents for tests, and the use cases on a ledger of their own."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from secrets import token_bytes
from typing import Any

from application.assignments import KEY_BYTES, PersonKeys, PersonNames, Planning
from application.ledger import Ledger, Outcome
from domain.aggregate import Aggregate
from domain.assignments.documents import Found, PlanningReader
from domain.assignments.hours import LenientCell
from domain.assignments.json_documents import json_records
from tests.support.ledgers import command, opened


def planning_document() -> dict[str, Any]:
    """Return a small document in which each kind of thing occurs."""
    return {
        "verticals": [{"id": 1, "name": "Energy"}],
        "departments": [
            {"id": 11, "name": "Roofs", "vertical_id": 1, "parent_id": 12, "is_active": True},
            {"id": 12, "name": "Building", "vertical_id": 1, "parent_id": None},
        ],
        "roles": [
            {"id": 4, "name": "Engineer", "sort_order": 20, "is_active": True},
            {"id": 9, "name": "Designer", "sort_order": 10},
        ],
        "people": [
            {
                "id": 17,
                "name": "Ada Lovelace",
                "role_id": 4,
                "department_id": 11,
                "weekly_capacity": 36,
                "hire_date": "2026-03-04",
                "is_active": True,
            },
            {"id": 18, "name": "Grace Hopper", "role_id": 9, "department_id": 12},
        ],
        "projects": [
            {
                "id": 205,
                "name": "Town hall",
                "client": "Solar Minnesota",
                "vertical_id": 1,
                "status": "active",
                "is_active": True,
                "auto_hours_template_id": 6,
            }
        ],
        "project_roles": [{"id": 8, "name": "Lead", "department_id": 11}],
        "template_role_mappings": [
            {"template_id": 6, "project_role_id": 8, "people_role_ids": [9, 4]}
        ],
        "global_role_mappings": [{"project_role_id": 8, "people_role_ids": [4]}],
        "assignments": [
            {
                "id": 1001,
                "person_id": 17,
                "project_id": 205,
                "department_id": 11,
                "role_on_project_ref_id": None,
                "is_active": True,
                "weekly_hours": {"2026-03-01": 7.5, "2026-03-08": 8},
            },
            {
                "id": 1002,
                "project_id": 205,
                "role_on_project_ref_id": 8,
                "weekly_hours": {"2026-03-01": 12},
            },
        ],
    }


def person_keys(url: str) -> PersonKeys:
    """Return the keys of people in a ledger's database."""
    url = url.replace("postgresql://", "postgresql+psycopg://", 1)
    return PersonKeys(url, fresh_key=partial(token_bytes, KEY_BYTES))


class ReadPlan:
    """What the records of a document say, by their lists."""

    def __init__(self, every: list[Found], lenient_cells: tuple[LenientCell, ...]) -> None:
        self.every, self.lenient_cells = every, lenient_cells

    def __getattr__(self, key: str) -> list[Any]:
        return [each.says for each in self.every if each.key == key]


def read_plan(document: bytes, **options: Any) -> ReadPlan:
    """Return what a document says. Raises Invalid."""
    reader = PlanningReader(**options)
    every = list(reader.read(json_records(document)))
    return ReadPlan(every, reader.lenient_cells)


class Planned(Planning):
    """The use cases, and a look at what they left behind."""

    names: PersonNames
    ledger: Ledger

    async def newest(self, aggregate_class: Any, *about: Any) -> Any:
        """Return the newest state of what has this number."""
        found: Aggregate = await self.ledger.newest(
            aggregate_class, aggregate_class.identity(*about)
        )
        return found


@asynccontextmanager
async def planning(store_url: str) -> AsyncIterator[Planned]:
    """Open a ledger with the use cases of planning until the end of the block."""
    async with opened(store_url) as ledger:
        names = PersonNames(person_keys(store_url))
        planned = Planned(ledger, names)
        planned.names, planned.ledger = names, ledger
        yield planned


async def take_over(planned: Planned, document: Any, **options: Any) -> Outcome[Any]:
    """Import a document, which may be its bytes."""
    dry_run = options.pop("dry_run", False)
    text = document if isinstance(document, bytes) else json.dumps(document).encode()
    return await planned.import_document(command(dry_run=dry_run), document=text, **options)
