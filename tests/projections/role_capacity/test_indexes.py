"""A report of hours by week reads an index and never the table, however many rows there are."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import Connection, event, text

from projections.role_capacity import Question, role_capacity_report
from tests.projections.conftest import BareLedger
from tests.projections.role_capacity.documents import WEEKS
from tests.projections.role_capacity.life import Life
from tests.projections.role_capacity.test_drilldown import PLAN

NEVER_SCANNED = "SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off"


@pytest.mark.parametrize("department_id", [None, 1])
def test_reports_read_hours_from_an_index_alone(
    life: Life, ledger: BareLedger, department_id: int | None
) -> None:
    plans = plans_of(life, Question(weeks=tuple(WEEKS), department_id=department_id))
    assert len(plans) == 2  # of people, and of placeholders
    for plan in plans:
        assert {line for line in plan if "assignment_week_hours" in line}
        assert all(is_of_index_alone(line) for line in plan if "assignment_week_hours" in line)


def test_a_report_without_its_index_is_found_out(life: Life) -> None:
    with life.engine.begin() as connection:
        names = connection.execute(text(NAMES[connection.dialect.name])).scalars().all()
        for name in names:
            connection.execute(text(f'DROP INDEX "{name}"'))
    found = plans_of(life, Question(weeks=tuple(WEEKS)))
    assert not all(
        is_of_index_alone(line)
        for plan in found
        for line in plan
        if "assignment_week_hours" in line
    )


NAMES = {
    "sqlite": "SELECT name FROM sqlite_master WHERE type = 'index' AND name LIKE 'week_hours_%'",
    "postgresql": "SELECT indexname FROM pg_indexes WHERE indexname LIKE 'week_hours_%'",
}


def is_of_index_alone(line: str) -> bool:
    return "USING COVERING INDEX" in line or "Index Only Scan" in line


def plans_of(life: Life, question: Question) -> list[list[str]]:
    """Return how the database goes about each query of hours by week."""
    life.live(PLAN)
    in_postgres = life.engine.dialect.name == "postgresql"
    with life.engine.connect() as connection, connection.begin():
        if in_postgres:
            connection.exec_driver_sql(NEVER_SCANNED)
        with asked(connection) as statements:
            role_capacity_report(connection, question=question, source="normalized")
        explain = "EXPLAIN" if in_postgres else "EXPLAIN QUERY PLAN"
        return [
            [str(row[-1]) for row in connection.exec_driver_sql(f"{explain} {each}", values)]
            for each, values in statements
        ]


@contextmanager
def asked(connection: Connection) -> Iterator[list[tuple[str, tuple[object, ...]]]]:
    """Collect what is asked of hours by week, with its values."""
    found: list[tuple[str, tuple[object, ...]]] = []

    def note(
        _connection: object, _cursor: object, statement: str, values: object, *_: object
    ) -> None:
        if "assignment_week_hours" in statement:
            found.append((statement, values))  # type: ignore[arg-type] # as the driver takes them

    event.listen(connection, "before_cursor_execute", note)
    try:
        yield found
    finally:
        event.remove(connection, "before_cursor_execute", note)
