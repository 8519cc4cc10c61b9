"""Views of people at the report's full size, beside the report itself."""

from collections.abc import Callable
from functools import partial

from sqlalchemy import Connection, Engine

from projections.database import reading
from projections.role_capacity import (
    Question,
    availability,
    over_allocated,
    people_weeks,
    person_drill,
    role_drill,
)
from tests.bench.measuring import Report
from tests.bench.role_capacity import ASSIGNMENTS, filled, rate, report_rate, weeks_asked
from tests.bench.stores import Stores

WEEKS = 12
PAGE_PEOPLE = 100
NEEDED_UNITS = 80_000  # eight hours
DEPARTMENT_ID, ROLE_ID, PERSON_ID = 7, 7, 7
Look = Callable[[Connection, Question], object]


def _availability(connection: Connection, question: Question) -> object:
    return availability(connection, question=question, needed_units=NEEDED_UNITS, limit=PAGE_PEOPLE)


def _heatmap(connection: Connection, question: Question) -> object:
    return people_weeks(connection, question=question, limit=PAGE_PEOPLE)


def _over_allocation(connection: Connection, question: Question) -> object:
    return over_allocated(connection, question=question, limit=PAGE_PEOPLE)


def _role(connection: Connection, question: Question) -> object:
    return role_drill(connection, question=question, role_id=ROLE_ID, limit=PAGE_PEOPLE)


def _person(connection: Connection, question: Question) -> object:
    return person_drill(connection, question=question, person_id=PERSON_ID, limit=PAGE_PEOPLE)


VIEWS: dict[str, Look] = {
    "heatmap": _heatmap,
    "availability": _availability,
    "over_allocation": _over_allocation,
    "role_drill": _role,
    "person_drill": _person,
}


def views(report: Report, stores: Stores) -> None:
    """Ask for each view of one department, and of all."""
    for kind in ("pg", "sqlite"):
        engine = filled(stores, kind, ASSIGNMENTS)
        for which, department_id in (("one", DEPARTMENT_ID), ("all", None)):
            for name, look in VIEWS.items():
                report.compare(
                    f"view_{name}_{which}_{WEEKS}_{kind}",
                    partial(_per_second, engine, look, department_id),
                    partial(report_rate, engine, "rollup", department_id, WEEKS),
                    against="the report of the same, by rollup",
                    unit="views/s",
                )
        engine.dispose()


def _per_second(engine: Engine, look: Look, department_id: int | None) -> float:
    question = Question(weeks=weeks_asked(WEEKS), department_id=department_id)
    with reading(engine).connect() as connection, connection.begin():
        return rate(lambda: look(connection, question))
