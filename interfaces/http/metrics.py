"""What /metrics shows, in the text format of Prometheus; each application has its own registry."""

from collections.abc import Iterable, Sequence

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.types import Scope

from interfaces.service import Service
from projections.projector import ProjectionStatus

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

    def follow(self, service: Service) -> None:
        """Count the groups that a service's ledger stores."""
        service.ledger.on_committed.append(lambda position: self._groups.inc())

    def text(self, service: Service, projections: Sequence[ProjectionStatus]) -> bytes:
        """Return everything as text."""
        return generate_latest(self._registry) + generate_latest(_now(service, projections))


class _Now(Collector):
    def __init__(self, gauges: list[Metric]) -> None:
        self._gauges = gauges

    def collect(self) -> Iterable[Metric]:
        return self._gauges


def _now(service: Service, projections: Sequence[ProjectionStatus]) -> CollectorRegistry:
    ledger, follower = service.ledger, service.follower
    lag_events = GaugeMetricFamily(
        "capacity_projection_lag_events", "Positions not yet seen", labels=["projection"]
    )
    lag_seconds = GaugeMetricFamily(
        "capacity_projection_lag_seconds", "Age of the oldest unseen event", labels=["projection"]
    )
    ahead = GaugeMetricFamily(
        "capacity_projection_ahead",
        "1 when it has seen what the ledger no longer holds",
        labels=["projection"],
    )
    for each in projections:
        lag_events.add_metric([each.name], each.lag_events)
        lag_seconds.add_metric([each.name], each.lag_seconds)
        ahead.add_metric([each.name], float(each.ahead))
    registry = CollectorRegistry()
    registry.register(
        _Now(
            [
                _gauge("capacity_ledger_head_position", "Newest position known", ledger.head),
                _gauge("capacity_ledger_queue", "Decisions that wait to be stored", ledger.waiting),
                _gauge("capacity_ledger_up", "1 while the ledger stores", ledger.failure is None),
                lag_events,
                lag_seconds,
                ahead,
                _gauge(
                    "capacity_files_failing", "Files not written now", follower.files_failing_count
                ),
                _gauge("capacity_files_failures", "Failed writes so far", follower.files_failures),
            ]
        )
    )
    return registry


def _gauge(name: str, meaning: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, meaning, value=float(value))
