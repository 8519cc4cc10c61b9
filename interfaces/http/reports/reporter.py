"""Answering a role-capacity report: kept for a while, timed, logged, and never stale.

What is kept goes by the position of the last event that can change any report, which is looked up
in the same transaction. It lies in this process's memory, so it cannot be out of reach.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import structlog
from sqlalchemy import Connection

from interfaces.http.metrics import Metrics
from interfaces.http.questions import Document, as_document
from interfaces.http.wire import encode
from interfaces.role_capacity import UNITS_PER_HOUR
from projections.database import standing
from projections.role_capacity import (
    Answered,
    Question,
    Report,
    Source,
    last_news,
    role_capacity,
    role_capacity_report,
)

KEPT_SECONDS = 60.0
KEPT_ANSWERS = 256
SLOW_SECONDS = 0.5
SLOW_TOLD_SECONDS = 60.0  # how often at most

_log = structlog.get_logger(__name__)

Ask = Callable[..., Answered]
M = TypeVar("M")


class Wanted(NamedTuple):
    """A report in a certain form; all that makes its bytes, but for the ledger."""

    question: Question
    source: Source
    form: str


class _Kept(NamedTuple):
    news: tuple[int, int | None]
    until: float
    document: Document


class Reporter:
    """Makes documents in the threads of the read pool, and keeps those that were asked for last."""

    def __init__(
        self,
        metrics: Metrics,
        *,
        ask: Ask = role_capacity_report,
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        self._metrics, self._ask, self._seconds = metrics, ask, seconds
        self._kept: OrderedDict[Wanted, _Kept] = OrderedDict()
        self._slow_told_at = -SLOW_TOLD_SECONDS
        self._lock = threading.Lock()

    def document(
        self,
        connection: Connection,
        wanted: Wanted,
        body: Callable[[Connection, Report], Any],
        *,
        keeps: bool = True,
    ) -> Document:
        """Return a report's bytes; `body` makes of it what is encoded. It is kept if it `keeps`."""
        if not keeps:
            return self._made(connection, wanted, body)
        _, parked_from = standing(connection, role_capacity.name)
        news = (last_news(connection), parked_from)  # what is retried makes no newer position
        found = self._found(wanted, news)
        if found is None:
            found = self._made(connection, wanted, body)
            self._keep(wanted, _Kept(news, self._seconds() + KEPT_SECONDS, found))
        return found

    def _found(self, wanted: Wanted, news: tuple[int, int | None]) -> Document | None:
        with self._lock:
            kept = self._kept.get(wanted)
            if kept is None or kept.news != news or kept.until <= self._seconds():
                return None
            self._kept.move_to_end(wanted)
            return kept.document

    def _keep(self, wanted: Wanted, kept: _Kept) -> None:
        with self._lock:
            self._kept[wanted] = kept
            self._kept.move_to_end(wanted)
            if len(self._kept) > KEPT_ANSWERS:
                self._kept.popitem(last=False)

    def _made(
        self, connection: Connection, wanted: Wanted, body: Callable[[Connection, Report], Any]
    ) -> Document:
        answered, made = self.answered(
            connection, wanted, lambda report: encode(body(connection, report))
        )
        return as_document(made, capacity_source=source_text(answered))

    def answered(
        self, connection: Connection, wanted: Wanted, make: Callable[[Report], M]
    ) -> tuple[Answered, M]:
        """Return a report that is not kept, with what is made of it; timed and logged."""
        began = self._seconds()
        answered = self._ask(connection, question=wanted.question, source=wanted.source)
        made = make(answered.report)
        self._tell(answered, wanted.question, self._seconds() - began)
        return answered, made

    def _tell(self, answered: Answered, question: Question, seconds: float) -> None:
        for failed in answered.failed:
            self._metrics.source_failed(failed.source)
            _log.error("role_capacity_source_failed", source=failed.source, error=failed.error)
        self._metrics.reported(answered.source, seconds)
        told = {
            "dept_id": question.department_id,
            "weeks": len(question.weeks),
            "roles_count": len(answered.report.roles),
            "source": answered.source,
            "filter_out_lt5h": question.filter_out_lt5h,
            "projected_hours": answered.report.summary.mapped_units / UNITS_PER_HOUR,
            "duration_ms": round(1_000 * seconds, 1),
        }
        _log.info("role_capacity", **told)
        if seconds > SLOW_SECONDS and self._may_tell_slow():
            _log.warning("role_capacity_slow", **told)

    def _may_tell_slow(self) -> bool:
        with self._lock:
            now = self._seconds()
            if now - self._slow_told_at < SLOW_TOLD_SECONDS:
                return False
            self._slow_told_at = now
            return True


def source_text(answered: Answered) -> str:
    """Return the source that has answered, and those that were to answer before it."""
    failed = ",".join(each.source for each in answered.failed)
    return f"{answered.source}; instead-of={failed}" if failed else answered.source
