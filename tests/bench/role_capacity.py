"""The role-capacity report: each source against the one that reads every assignment in Python."""

import random
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, timedelta
from functools import partial
from itertools import islice

from sqlalchemy import Engine, Table

from projections.database import create_tables, open_read_models, reading
from projections.deriving import Stored
from projections.projection import Row, Share
from projections.role_capacity import Question, Source, role_capacity, role_capacity_report
from projections.role_capacity.by_week import by_week_text
from projections.role_capacity.derivation import RoleCapacityDerivation
from projections.role_capacity.tables import (
    AssignmentRow,
    DepartmentRow,
    PersonRow,
    ProjectRow,
    RoleRow,
    assignments,
    departments,
    people,
    projects,
    roles,
)
from projections.role_capacity.weeks import weeks_counted
from projections.rows import BulkRows, bulk_of
from tests.bench.measuring import Report
from tests.bench.stores import Stores

PEOPLE, ROLES, DEPARTMENTS, PROJECTS, VERTICALS = 5_000, 40, 50, 300, 5
ASSIGNMENTS, WEEKS_EACH = 30_000, 26
FIRST_WEEK = date(2026, 1, 4)
WEEKS_ASKED = (4, 12, 20, 52)
ROWS_AT_ONCE = 5_000
CHANGED_AT_US = 1_767_225_600_000_000
AT_LEAST_SECONDS = 0.1
NO_SLOWER = 1.5  # than with a tenth of the assignments
# By source, store and whether one department is asked for or all, up to 20 weeks.
BARS = {
    ("rollup", "pg", "one"): 20.0,
    ("rollup", "sqlite", "one"): 8.0,
    ("rollup", "pg", "all"): 60.0,
    ("rollup", "sqlite", "all"): 60.0,
    ("normalized", "pg", "one"): 3.0,
    ("normalized", "sqlite", "one"): 3.0,
}


def reports(report: Report, stores: Stores) -> None:
    """Ask for one department and for all, of few weeks and of many."""
    _reports(report, stores, many_assignments=ASSIGNMENTS, promised=True)


def small_reports(report: Report, stores: Stores) -> None:
    """Do the same with a tenth of the assignments; nothing is promised of it."""
    _reports(report, stores, many_assignments=ASSIGNMENTS // 10, promised=False)


def _reports(report: Report, stores: Stores, *, many_assignments: int, promised: bool) -> None:
    for kind in ("pg", "sqlite"):
        engine, tenth = (
            filled(stores, kind, each) for each in (many_assignments, many_assignments // 10)
        )
        sources: list[Source] = ["rollup", "normalized", "python"]
        if kind == "pg":
            sources.insert(2, "jsonb")
        for which, department_id in (("one", 7), ("all", None)):
            for many in WEEKS_ASKED:
                asked: dict[str, Callable[[], float]] = {
                    source: partial(report_rate, engine, source, department_id, many)
                    for source in sources
                }
                asked["tenth"] = partial(report_rate, tenth, "rollup", department_id, many)
                found = report.rounds_of(asked)
                bars = promised and many <= 20
                _add(report, found, f"{which}_{many}_{kind}", bars={
                    source: BARS.get((source, kind, which)) if bars else None
                    for source in sources
                }, promised=promised)  # fmt: skip
        engine.dispose()
        tenth.dispose()


def _add(
    report: Report,
    found: dict[str, list[float]],
    asked: str,
    *,
    bars: Mapping[Source, float | None],
    promised: bool,
) -> None:
    """Add what a question came to: each source against Python, and two against each other."""
    unit = "reports/s"
    for source, bar in bars.items():
        if source != "python":
            name, against = f"role_capacity_{source}_{asked}", "json.loads of every assignment"
            report.ratio(name, found[source], found["python"], against=against, unit=unit, bar=bar)
    if "jsonb" in found:
        report.ratio(
            f"role_capacity_normalized_{asked}_jsonb",
            found["normalized"],
            found["jsonb"],
            against="the source jsonb",
            unit=unit,
            bar=1.0 if promised else None,
        )
    report.ratio(
        f"role_capacity_rollup_{asked}_tenth",
        found["rollup"],
        found["tenth"],
        against="itself with a tenth of the assignments",
        unit=unit,
        bar=round(1 / NO_SLOWER, 3) if promised else None,
    )


def report_rate(engine: Engine, source: Source, department_id: int | None, many: int) -> float:
    """Return reports per second from a source."""
    question = Question(weeks=weeks_asked(many), department_id=department_id)
    with reading(engine).connect() as connection, connection.begin():

        def ask() -> None:
            found = role_capacity_report(connection, question=question, source=source)
            assert found.source == source, found.failed

        return rate(ask)


def weeks_asked(many: int) -> tuple[str, ...]:
    """Return so many weeks from the first on."""
    return tuple((FIRST_WEEK + timedelta(weeks=each)).isoformat() for each in range(many))


def rate(ask: Callable[[], object]) -> float:
    """Return how often a second something can be asked, warm."""
    ask()  # warm
    begun, asked = time.perf_counter(), 0
    while time.perf_counter() - begun < AT_LEAST_SECONDS:
        ask()
        asked += 1
    return asked / (time.perf_counter() - begun)


# What is there.


def filled(stores: Stores, kind: str, many: int) -> Engine:
    """Return read models of a plan with so many assignments."""
    engine = open_read_models(stores.settings(kind).views_url)
    create_tables(engine, [role_capacity])
    bulk = {
        table: bulk_of(table, row_class, engine.dialect)
        for table, row_class in role_capacity.rows.items()
    }
    chance = random.Random(5)
    _write(engine, bulk, departments, _departments())
    _write(engine, bulk, roles, (RoleRow(n, f"Role {n}", n, 1) for n in range(1, ROLES + 1)))
    _write(engine, bulk, people, (_person(n, chance) for n in range(1, PEOPLE + 1)))
    _write(engine, bulk, projects, _projects())
    _write(engine, bulk, assignments, (_assignment(n, chance) for n in range(1, many + 1)))

    def write(table: Table, rows: Sequence[Row]) -> None:
        _write(engine, bulk, table, rows)

    with reading(engine).connect() as connection:
        derivation = RoleCapacityDerivation()
        derivation.join([derivation.build(Stored(connection, bulk), write, Share())], write)
    with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        connection.exec_driver_sql("ANALYZE")
    return engine


def _write(engine: Engine, bulk: dict[Table, BulkRows], table: Table, rows: Iterable[Row]) -> None:
    left = iter(rows)
    while some := list(islice(left, ROWS_AT_ONCE)):
        with engine.begin() as connection:
            bulk[table].append(connection, some)


def _departments() -> Iterable[Row]:
    return (
        DepartmentRow(n, f"Department {n}", n % VERTICALS + 1, None, 1)
        for n in range(1, DEPARTMENTS + 1)
    )


def _projects() -> Iterable[Row]:
    return (
        ProjectRow(n, f"Project {n}", "", n % VERTICALS + 1, "active", 1, None)
        for n in range(1, PROJECTS + 1)
    )


def _person(number: int, chance: random.Random) -> Row:
    hired = (FIRST_WEEK - timedelta(days=chance.randrange(3_000))).isoformat()
    return PersonRow(
        number,
        chance.randint(1, ROLES),
        chance.randint(1, DEPARTMENTS),
        400_000,
        hired,
        "",
        1,
        *weeks_counted(hired, "", "hire_week"),
        *weeks_counted(hired, "", "strict"),
    )


def _assignment(number: int, chance: random.Random) -> Row:
    first = chance.randrange(52 - WEEKS_EACH + 1)
    weeks = [FIRST_WEEK + timedelta(weeks=first + each) for each in range(WEEKS_EACH)]
    hours = {week.isoformat(): chance.randint(1, 40) * 10_000 for week in weeks}
    person_id, project_id = chance.randint(1, PEOPLE), chance.randint(1, PROJECTS)
    return AssignmentRow(
        number,
        person_id,
        project_id,
        None,
        None,
        1,
        100,
        by_week_text(hours),
        CHANGED_AT_US,
        "{}",
    )
