"""What a process counts and times for whoever watches it. No label can hold a word that somebody typed.

Every label's values are a closed list of ours: templates of routes, methods, classes of status, codes. There is none
for an organisation, a case, a reference or a person, and no gauge of cases: small counts would betray.
"""

import time
from collections.abc import Iterator
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy.pool import QueuePool

from api.database import Database
from domain.deadlines.models import DeadlineKind
from domain.webhooks.models import AttemptOutcome, DeliveryState

METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"})
OTHER: Final = "other"
"""The label of whatever is on no list."""

SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Metrics:
    """The figures of one process, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._pools = _Pools()
        self.registry.register(self._pools)
        self._beaten: float | None = None
        self.requests = Histogram(
            "nrm_request_seconds",
            "Requests, by the template of their route.",
            ("route", "method", "status"),
            buckets=SECONDS,
            registry=self.registry,
        )
        self.audit_entries = Counter("nrm_audit_entries", "Audit entries that were committed.", registry=self.registry)
        self.audit_faults = Counter(
            "nrm_audit_tree_faults", "Times that the tree over the audit was found changed.", registry=self.registry
        )
        self.deadlines = Counter(
            "nrm_deadlines", "Deadlines that fell due and were looked at.", ("kind", "result"), registry=self.registry
        )
        self.attempts = Counter(
            "nrm_webhook_attempts", "Attempts to send an event.", ("outcome",), registry=self.registry
        )
        self.deadlines_due = self._gauge("nrm_deadlines_due", "Deadlines that are due and not looked at.")
        self.deadlines_oldest = self._gauge("nrm_deadlines_oldest_seconds", "How long the oldest of them is due.")
        self.outbox = self._gauge("nrm_outbox_events", "Events in the outbox.", ("state",))
        self.outbox_oldest = self._gauge("nrm_outbox_oldest_seconds", "Since when the oldest event is tried.")
        self.heartbeat = self._gauge("nrm_worker_heartbeat_timestamp_seconds", "When the worker last looked.")

    def _gauge(self, name: str, meaning: str, labels: tuple[str, ...] = ()) -> Gauge:
        return Gauge(name, meaning, labels, registry=self.registry)

    def request(self, route: str | None, method: str, status: int, seconds: float) -> None:
        """Time a request; `route` is the template that the application itself declares, or None if there is none."""
        labels = (route or OTHER, method if method in METHODS else OTHER, f"{status // 100}xx")
        self.requests.labels(*labels).observe(seconds)

    def deadlines_looked_at(self, kind: DeadlineKind, *, fired: bool, times: int) -> None:
        """Count deadlines of a kind that were looked at."""
        self.deadlines.labels(kind.value, "fired" if fired else "settled").inc(times)

    def attempt(self, outcome: AttemptOutcome, times: int = 1) -> None:
        """Count attempts to send an event."""
        self.attempts.labels(outcome.value).inc(times)

    def waiting(self, due: int, oldest_due: float, outbox: dict[DeliveryState, int], oldest_event: float) -> None:
        """Set what waits: deadlines and events, and for how many seconds the oldest of each."""
        self.deadlines_due.set(due)
        self.deadlines_oldest.set(oldest_due)
        for state in (DeliveryState.WAITING, DeliveryState.DEAD):
            self.outbox.labels(state.value).set(outbox.get(state, 0))
        self.outbox_oldest.set(oldest_event)

    def beat(self) -> None:
        """Note that the worker has just looked for work."""
        self._beaten = time.monotonic()
        self.heartbeat.set_to_current_time()

    def beating(self, within: float) -> bool:
        """Tell whether the worker has looked for work within so many seconds."""
        return self._beaten is not None and time.monotonic() - self._beaten <= within

    def watch(self, database: Database) -> None:
        """Tell of the pools of this database, as they are when somebody asks."""
        self._pools.database = database


class _Pools(Collector):
    """How many connections each role's pool has, in use and idle."""

    database: Database | None = None

    def collect(self) -> Iterator[Metric]:
        """Yield one figure for each role and state."""
        family = GaugeMetricFamily("nrm_pool_connections", "Connections to the database.", labels=("role", "state"))
        for role, engine in (self.database.opened() if self.database is not None else {}).items():
            pool = engine.pool
            if isinstance(pool, QueuePool):
                family.add_metric((role.value, "in_use"), pool.checkedout())
                family.add_metric((role.value, "idle"), pool.checkedin())
        yield family
