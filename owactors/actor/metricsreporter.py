"""Sends the figures of its process to whoever serves /metrics, as often as they change."""

from __future__ import annotations

from typing import Any

from attrs import frozen
from thespian.actors import ActorAddress

from owactors.actor.io import IoActor, on
from owactors.observe.metrics import METRICS, Snapshot

REPORT = "report"


@frozen
class ReportMetrics:
    """The first message: tell `receiver` every `interval` seconds, under the name `source`."""

    receiver: Any
    source: str
    interval: float = 2.0


@frozen(eq=False)
class MetricsReport:
    """What a process counted since it started."""

    source: str
    snapshot: Snapshot


@frozen
class _Due:
    """To self."""


class MetricsReporter(IoActor):
    """One per process that serves no /metrics itself."""

    def __init__(self) -> None:
        super().__init__()
        self._last: Snapshot | None = None

    @on(ReportMetrics)
    def begin(self, message: ReportMetrics, sender: ActorAddress) -> None:
        self._order = message
        self.report(_Due(), sender)

    @on(_Due)
    def report(self, message: _Due, sender: ActorAddress) -> None:
        self.start_timer(REPORT, self._order.interval, message)
        snapshot = METRICS.snapshot()
        if snapshot != self._last:
            self._last = snapshot
            self.tell(self._order.receiver, MetricsReport(self._order.source, snapshot))
