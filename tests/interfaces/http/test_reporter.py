"""How reports are kept, for how long, and what is told of those that fail or take long."""

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Connection, create_engine
from structlog.testing import capture_logs

from interfaces.http.metrics import Metrics
from interfaces.http.reports.reporter import KEPT_ANSWERS, KEPT_SECONDS, Reporter, Wanted
from projections.database import projection_positions
from projections.role_capacity import Answered, Figures, Question, Report, Summary
from projections.role_capacity.questions import Failed
from projections.role_capacity.tables import planning_news

QUESTION = Question(weeks=("2026-11-15",), department_id=3)
WANTED = Wanted(QUESTION, "rollup", "hours")


class Asking:
    """A source of reports that counts how often it is asked, and a clock that it moves."""

    def __init__(self) -> None:
        self.asked, self.now, self.takes_seconds = 0, 1_000.0, 0.0
        self.failed: tuple[Failed, ...] = ()

    def __call__(self, _: Connection, *, question: Question, source: Any) -> Answered:
        self.asked += 1
        self.now += self.takes_seconds
        report = Report(question.weeks, (), Figures({}, {}, {}, {}), {}, Summary())
        return Answered(report, "normalized" if self.failed else source, source, self.failed)


@pytest.fixture
def asking() -> Asking:
    return Asking()


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


@pytest.fixture
def reporter(asking: Asking, metrics: Metrics) -> Reporter:
    return Reporter(metrics, ask=asking, seconds=lambda: asking.now)


@pytest.fixture
def connection() -> Iterator[Connection]:
    engine = create_engine("sqlite://")
    with engine.connect() as connection:
        for table in (planning_news, projection_positions):
            table.create(connection)
        yield connection
    engine.dispose()


def news(connection: Connection, position: int) -> None:
    values = {"aggregate_id": position.to_bytes(16), "position": position}
    connection.execute(planning_news.insert().values(**values))


def body(_: Connection, report: Report) -> Any:
    return {"weeks": report.weeks}


def test_a_report_is_kept_until_something_happens(
    asking: Asking, reporter: Reporter, connection: Connection
) -> None:
    first = reporter.document(connection, WANTED, body)
    assert reporter.document(connection, WANTED, body) is first
    assert asking.asked == 1
    news(connection, 7)
    reporter.document(connection, WANTED, body)
    assert asking.asked == 2


def test_a_report_is_kept_for_a_minute_at_most(
    asking: Asking, reporter: Reporter, connection: Connection
) -> None:
    reporter.document(connection, WANTED, body)
    asking.now += KEPT_SECONDS - 0.1
    reporter.document(connection, WANTED, body)
    assert asking.asked == 1
    asking.now += 0.1
    reporter.document(connection, WANTED, body)
    assert asking.asked == 2


def test_few_reports_are_kept(asking: Asking, reporter: Reporter, connection: Connection) -> None:
    for number in range(KEPT_ANSWERS + 1):
        reporter.document(connection, WANTED._replace(form=str(number)), body)
    reporter.document(connection, WANTED._replace(form="0"), body)
    assert asking.asked == KEPT_ANSWERS + 2


def test_whoever_may_gets_past_what_is_kept(
    asking: Asking, reporter: Reporter, connection: Connection
) -> None:
    for _ in range(2):
        reporter.document(connection, WANTED, body, keeps=False)
    assert asking.asked == 2


def test_a_source_that_failed_is_logged_counted_and_named(
    asking: Asking, reporter: Reporter, metrics: Metrics, connection: Connection
) -> None:
    asking.failed = (Failed("rollup", "it is broken"),)
    with capture_logs() as told:
        found = reporter.document(connection, WANTED, body)
    assert found.headers == {"capacity-source": "normalized; instead-of=rollup"}
    assert told[0] == {
        "event": "role_capacity_source_failed",
        "log_level": "error",
        "source": "rollup",
        "error": "it is broken",
    }
    counted = metrics._failed_sources.labels("rollup")._value.get()
    assert counted == 1


def test_reports_are_logged_and_slow_ones_now_and_then(
    asking: Asking, reporter: Reporter, connection: Connection
) -> None:
    asking.takes_seconds = 0.6
    with capture_logs() as told:
        for _ in range(3):
            reporter.document(connection, WANTED, body, keeps=False)
        asking.now += 60
        reporter.document(connection, WANTED, body, keeps=False)
    assert [each["event"] for each in told] == [
        "role_capacity", "role_capacity_slow", "role_capacity", "role_capacity",
        "role_capacity", "role_capacity_slow",
    ]  # fmt: skip
    assert told[0] == {
        "event": "role_capacity",
        "log_level": "info",
        "dept_id": 3,
        "weeks": 1,
        "roles_count": 0,
        "source": "rollup",
        "filter_out_lt5h": False,
        "projected_hours": 0.0,
        "duration_ms": 600.0,
    }
