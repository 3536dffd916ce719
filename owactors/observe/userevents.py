"""Figures of the user events, by action, for Prometheus. (OpenWhisk, PrometheusRecorder.scala.)"""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from owactors.message.event import ActivationEvent, EventMessage, MetricEvent
from owactors.observe.metrics import TIME_BOUNDS

STATUS = ("success", "application_error", "action_developer_error", "whisk_internal_error")
SIZE_BOUNDS = tuple(float(number * 1024 * 1024) for number in range(10))
_ACTION = ("namespace", "initiator", "action")


class UserEventRecorder:
    """Adds events up; `registry` has the figures under OpenWhisk's names.

    `namespace` owns the action, `initiator` called it, `action` is [package/]name.
    """

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        name = "openwhisk_action_"
        self._activations = Counter(
            name + "activations", "Activations", (*_ACTION, "kind", "memory"), registry=registry
        )
        self._cold_starts = Counter(name + "coldStarts", "Cold starts", _ACTION, registry=registry)
        self._wait_time, self._init_time, self._duration = (
            Histogram(f"{name}{what}_seconds", what, _ACTION, buckets=TIME_BOUNDS, registry=registry)
            for what in ("waitTime", "initTime", "duration")
        )
        self._size = Histogram(
            name + "response_size_bytes", "Size of the result", _ACTION, buckets=SIZE_BOUNDS, registry=registry
        )
        self._memory = Gauge(name + "memory", "Memory in MB", _ACTION, registry=registry)
        self._limits = {
            "ConcurrentRateLimit": Counter(
                name + "limit_concurrent", "Refused: too many at a time", ("namespace",), registry=registry
            ),
            "TimedRateLimit": Counter(
                name + "limit_timed", "Refused: too many in a minute", ("namespace",), registry=registry
            ),
        }
        self._status = _Unsuffixed(name + "status", (*_ACTION, "status"))
        self._status_code = _Unsuffixed(name + "status_code", (*_ACTION, "status_code"))
        registry.register(self._status)
        registry.register(self._status_code)

    def record(self, message: EventMessage) -> None:
        """Counts one event; how many calls are in flight is not counted, as with OpenWhisk."""
        if isinstance(message.body, ActivationEvent):
            self._record_activation(message.body, message.namespace)
        elif isinstance(message.body, MetricEvent) and message.body.metric_name in self._limits:
            self._limits[message.body.metric_name].labels(message.namespace).inc()

    def _record_activation(self, event: ActivationEvent, initiator: str) -> None:
        namespace, _, action = event.name.partition("/")
        labels = (namespace, initiator, action)
        self._activations.labels(*labels, event.kind, str(event.memory)).inc()
        self._wait_time.labels(*labels).observe(event.wait_time / 1000)
        self._duration.labels(*labels).observe(event.duration / 1000)
        if event.init_time:
            self._cold_starts.labels(*labels).inc()
            self._init_time.labels(*labels).observe(event.init_time / 1000)
        if event.size is not None:
            self._size.labels(*labels).observe(event.size)
        self._memory.labels(*labels).set(event.memory)
        known = 0 <= event.status_code < len(STATUS)
        self._status.add(*labels, STATUS[event.status_code] if known else str(event.status_code))
        if event.user_defined_status_code is not None:
            self._status_code.add(*labels, str(event.user_defined_status_code))


class _Unsuffixed(Collector):
    """A count whose name has no `_total`, as OpenWhisk's has not."""

    def __init__(self, name: str, labels: tuple[str, ...]) -> None:
        self._name, self._labels = name, labels
        self._counts: dict[tuple[str, ...], int] = {}

    def add(self, *values: str) -> None:
        self._counts[values] = self._counts.get(values, 0) + 1

    def collect(self) -> list[Metric]:
        metric = Metric(self._name, "Activations", "unknown")
        for values, count in sorted(self._counts.copy().items()):
            metric.add_sample(self._name, dict(zip(self._labels, values, strict=True)), count)
        return [metric]
