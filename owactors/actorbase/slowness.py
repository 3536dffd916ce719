"""Finds handlers that block the loop: after SLOW_HANDLER seconds the kernel interrupts, and the stack is logged."""

from __future__ import annotations

import logging
import signal
import time
import traceback
from types import FrameType

from owactors.actorbase.counters import COUNTERS
from owactors.actorbase.limits import SLOW_HANDLER

LOG = logging.getLogger(__name__)
SAY_EVERY = 10.0
DEEPEST = 12


class SlowWatch:
    """Looks at each batch of messages, in the main thread of an actor process.

    The alarm is not set for each batch, which would cost two system calls: it is set when a batch begins and none is
    set, and when it comes it looks how long the batch of that moment has lasted.
    """

    def __init__(self) -> None:
        self._said = 0.0
        self._on = True
        self._set = False
        #: when the batch began that is being handled
        self._since: float | None = None
        signal.signal(signal.SIGALRM, self._alarm)

    def start(self) -> None:
        self._since = time.monotonic()
        if not self._set and self._on:
            self._set_alarm(SLOW_HANDLER)

    def stop(self) -> None:
        self._since = None

    def switch_off(self) -> None:
        """SIGALRM is needed for something else."""
        self._on = False
        signal.setitimer(signal.ITIMER_REAL, 0)

    def _set_alarm(self, seconds: float) -> None:
        self._set = True
        signal.setitimer(signal.ITIMER_REAL, seconds)

    def _alarm(self, _: int, frame: FrameType | None) -> None:
        self._set = False
        since, now = self._since, time.monotonic()
        if since is None or not self._on:
            return
        if now - since < SLOW_HANDLER:
            self._set_alarm(max(0.001, since + SLOW_HANDLER - now))
        else:
            self._slow(frame, now)

    def _slow(self, frame: FrameType | None, now: float) -> None:
        COUNTERS.slow_handlers += 1
        if frame is not None and now - self._said > SAY_EVERY:
            self._said = now
            stack = "".join(traceback.format_stack(frame, DEEPEST))
            LOG.warning("messages have blocked the loop for %.0f ms, here:\n%s", SLOW_HANDLER * 1000, stack)
