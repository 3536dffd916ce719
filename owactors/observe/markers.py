"""Start and finish of the steps of a call, as log markers and as metrics. (OpenWhisk, Logging.scala.)

    markers = Markers("ContainerProxy")
    run = markers.started(transid, INVOKER_ACTIVATION_RUN, "sending arguments to %s", action)
    markers.finished(run, "running result: ok")      # … [marker:invoker_activationRun_finish:12:3]

The first figure is milliseconds since the transaction's start, the second since the marker's.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from attrs import frozen

from owactors.entity.transaction import TransactionId
from owactors.observe.logs import Log
from owactors.observe.metrics import METRICS, Metrics
from owactors.observe.tokens import Token


@frozen
class Marker:
    """Something that was started and is not over: what, in which transaction, and when in epoch ms."""

    transid: TransactionId
    token: Token
    start_ms: int


def now_ms() -> int:
    """The wall clock in epoch milliseconds."""
    return time.time_ns() // 1_000_000


class Markers:
    """The markers of one component. `logged` is false where only metrics are wanted."""

    logged = True  #: for the whole process; setting `logging.markers`

    def __init__(self, component: str, *, metrics: Metrics = METRICS, clock: Callable[[], int] = now_ms) -> None:
        self.log = Log(component)
        self._metrics = metrics
        self._clock = clock

    def mark(self, transid: TransactionId, token: Token, text: str = "", *args: object) -> None:
        """Something happened: one marker, counted once."""
        self._metrics.count(token)
        if Markers.logged:
            self._write(logging.INFO, transid, token.text, (self._since(transid.start),), text, args)

    def started(self, transid: TransactionId, token: Token, text: str = "", *args: object) -> Marker:
        """Something begins: a start marker, counted once. Give the answer to `finished` or `failed`."""
        self._metrics.count(token)
        marker = Marker(transid, token, self._clock())
        if Markers.logged:
            self._write(logging.INFO, transid, token.text, (marker.start_ms - transid.start,), text, args)
        return marker

    def finished(self, marker: Marker, text: str = "", *args: object, end_ms: int | None = None) -> None:
        """It ended well: a finish marker and its time in the histogram. `end_ms` where the end is known better."""
        end = self._clock() if end_ms is None else end_ms
        self._metrics.time(marker.token.finish, max(0, end - marker.start_ms))
        if Markers.logged:
            figures = (end - marker.transid.start, end - marker.start_ms)
            self._write(logging.INFO, marker.transid, marker.token.finish.text, figures, text, args)

    def failed(self, marker: Marker, text: str = "", *args: object) -> None:
        """It failed: an error marker at level WARN, counted, and its time in the histogram."""
        end = self._clock()
        self._metrics.count(marker.token.error)
        self._metrics.time(marker.token.error, max(0, end - marker.start_ms))
        if Markers.logged:
            figures = (end - marker.transid.start, end - marker.start_ms)
            self._write(logging.WARNING, marker.transid, marker.token.error.text, figures, text, args)

    def _since(self, start_ms: int) -> int:
        return self._clock() - start_ms

    def _write(
        self,
        level: int,
        transid: TransactionId,
        token: str,
        figures: tuple[int, ...],
        text: str,
        args: tuple[object, ...],
    ) -> None:
        """Clocks of two machines may disagree; a negative figure would make the marker unreadable, so it is 0."""
        if len(figures) == 1:
            marker = f"[marker:{token}:{max(0, figures[0])}]"
        else:
            marker = f"[marker:{token}:{max(0, figures[0])}:{max(0, figures[1])}]"
        if args:
            self.log.write(level, transid, f"{text} %s", (*args, marker))
        else:
            self.log.write(level, transid, f"{text} {marker}" if text else marker)
