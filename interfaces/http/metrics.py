"""What /metrics shows, in the text format of Prometheus; each application has its own registry."""

import time
from collections.abc import Callable, Iterable, Sequence

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.types import Scope

from interfaces.service import Service
from projections.leases import LeaseStatus
from projections.statuses import ProjectionStatus

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.015, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Metrics:
    """Counts requests as they pass; the rest is looked up when somebody asks."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._latency = Histogram(
            "capacity_request_seconds",
            "Time from the request's head to the end of its answer",
            ("method", "route", "status"),
            registry=self._registry,
            buckets=_SECONDS,
        )
        self._groups = Counter(
            "capacity_ledger_groups_total", "Groups of commands stored", registry=self._registry
        )
        self._refusals = Counter(
            "capacity_refusals_total",
            "Requests that were not let in, by reason",
            ("reason",),
            registry=self._registry,
        )
        self._durable = Histogram(
            "capacity_append_seconds",
            "Time from the queue to being durable, of the oldest command of each group",
            registry=self._registry,
            buckets=_SECONDS,
        )
        self._reports = Histogram(
            "capacity_role_capacity_seconds",
            "Time of a role-capacity report that was not kept, by the source that answered",
            ("source",),
            registry=self._registry,
            buckets=_SECONDS,
        )
        self._failed_sources = Counter(
            "capacity_role_capacity_failures_total",
            "Sources of the role-capacity report that could not answer",
            ("source",),
            registry=self._registry,
        )
        self._by_route: dict[tuple[str, str, int], Histogram] = {}

    def observe(self, scope: Scope, status: int, seconds: float) -> None:
        """Count one request under its route; status 0 is a client that left."""
        route = getattr(scope.get("route"), "path", "unknown")
        # A method is any text that a client sends: only those of a known route become a label.
        key = (scope["method"] if route != "unknown" else "any", route, status)
        found = self._by_route.get(key)
        if found is None:
            found = self._by_route[key] = self._latency.labels(key[0], route, str(status))
        found.observe(seconds)

    def refused(self, reason: str) -> None:
        """Count a request that was not let in."""
        self._refusals.labels(reason).inc()

    def reported(self, source: str, seconds: float) -> None:
        """Count a role-capacity report and its time."""
        self._reports.labels(source).observe(seconds)

    def source_failed(self, source: str) -> None:
        """Count a source of the role-capacity report that failed."""
        self._failed_sources.labels(source).inc()

    def follow(self, service: Service) -> None:
        """Count and time the groups that a service's ledger stores."""
        service.ledger.on_committed.append(lambda position: self._groups.inc())
        service.ledger.on_durable.append(self._durable.observe)

    def text(
        self,
        service: Service,
        projections: Sequence[ProjectionStatus],
        leases: Sequence[LeaseStatus],
    ) -> bytes:
        """Return everything as text."""
        now = CollectorRegistry()
        now.register(_Now([*_of_service(service), *_of(projections), *_of_runners(leases)]))
        return generate_latest(self._registry) + generate_latest(now)


class _Now(Collector):
    def __init__(self, gauges: list[Metric]) -> None:
        self._gauges = gauges

    def collect(self) -> Iterable[Metric]:
        return self._gauges


def _of_service(service: Service) -> list[Metric]:
    ledger, follower = service.ledger, service.follower
    return [
        _gauge("capacity_ledger_head_position", "Newest position known", ledger.head),
        _gauge("capacity_ledger_queue", "Decisions that wait to be stored", ledger.waiting),
        _gauge("capacity_ledger_up", "1 while the ledger stores", ledger.failure is None),
        _gauge("capacity_files_failing", "Files not written now", follower.files_failing_count),
        _gauge("capacity_files_failures", "Failed writes so far", follower.files_failures),
    ]


# What is told of each projection: name, meaning, and how to read it. Ages are of now; a moment of
# zero says never.
_OF_EACH: tuple[tuple[str, str, Callable[[ProjectionStatus], float]], ...] = (
    ("lag_events", "Positions not yet seen", lambda each: each.lag_events),
    ("lag_seconds", "Age of the oldest unseen event", lambda each: each.lag_seconds),
    ("ahead", "1 when it has seen what the ledger no longer holds", lambda each: each.ahead),
    ("parked_events", "Events that it could not apply", lambda each: each.parked_events),
    ("parked_seconds", "Since the oldest was parked", lambda each: each.parked_seconds),
    (
        "verified_position",
        "Up to where it was last found complete; 0: never",
        lambda each: each.verified_position or 0,
    ),
    (
        "verified_timestamp_seconds",
        "When it was last found complete; 0: never",
        lambda each: 0 if each.verified_seconds is None else time.time() - each.verified_seconds,
    ),
)


def _of(projections: Sequence[ProjectionStatus]) -> list[Metric]:
    gauges: list[Metric] = []
    for name, meaning, read in _OF_EACH:
        gauge = GaugeMetricFamily(f"capacity_projection_{name}", meaning, labels=["projection"])
        for each in projections:
            gauge.add_metric([each.name], float(read(each)))
        gauges.append(gauge)
    return gauges


def _of_runners(leases: Sequence[LeaseStatus]) -> list[Metric]:
    heartbeat = GaugeMetricFamily(
        "capacity_runner_heartbeat_seconds", "Since it last said that it lives", labels=["runner"]
    )
    up = GaugeMetricFamily("capacity_runner_up", "1 while somebody does it", labels=["runner"])
    for each in leases:
        heartbeat.add_metric([each.name], each.heartbeat_seconds)
        up.add_metric([each.name], float(each.held))
    return [heartbeat, up]


def _gauge(name: str, meaning: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, meaning, value=float(value))
