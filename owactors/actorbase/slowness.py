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
    """An alarm around each batch of messages, for the main thread of an actor process."""

    def __init__(self) -> None:
        self._said = 0.0
        self._on = True
        signal.signal(signal.SIGALRM, self._slow)

    def start(self) -> None:
        if self._on:
            signal.setitimer(signal.ITIMER_REAL, SLOW_HANDLER)

    def stop(self) -> None:
        if self._on:
            signal.setitimer(signal.ITIMER_REAL, 0)

    def switch_off(self) -> None:
        """SIGALRM is needed for something else."""
        self._on = False

    def _slow(self, _: int, frame: FrameType | None) -> None:
        COUNTERS.slow_handlers += 1
        now = time.monotonic()
        if frame is not None and now - self._said > SAY_EVERY:
            self._said = now
            stack = "".join(traceback.format_stack(frame, DEEPEST))
            LOG.warning("messages have blocked the loop for %.0f ms, here:\n%s", SLOW_HANDLER * 1000, stack)
