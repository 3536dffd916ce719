"""A busy loop makes room for the store's threads.

A thread that waits for Python's lock gets it when its holder has kept it for the switch interval without a break. A
loop under load breaks off all the time, in each system call, and takes the lock back before the waiting thread is
awake: the thread starves, for seconds. So while the threads have work, the loop rests for an instant once in three
milliseconds. An idle loop does not hold the lock, and its rests cost nothing.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from attrs import define, field

#: seconds between two rests, and of a rest
_PERIOD, _REST = 0.003, 0.00005


@define(eq=False)
class Courtesy:
    """Rests in the loops that have given work to threads, until the work is done."""

    #: each tells in how many seconds its thread wants to run: 0 now, None not at all
    _wishes: list[Callable[[], float | None]] = field(factory=list)
    _timers: dict[asyncio.AbstractEventLoop, asyncio.TimerHandle] = field(factory=dict)

    def regard(self, wish: Callable[[], float | None]) -> None:
        """There is another thread."""
        self._wishes.append(wish)

    def begin(self, delay: float = 0.0) -> None:
        """The running loop has given a thread work that begins after `delay` seconds. No loop: nothing to do."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return
        timer = self._timers.get(loop)
        if timer is None:
            self._schedule(loop, delay)
        elif timer.when() > loop.time() + delay + 2 * _PERIOD:
            timer.cancel()
            self._schedule(loop, delay)

    def _schedule(self, loop: asyncio.AbstractEventLoop, delay: float) -> None:
        self._timers[loop] = loop.call_later(delay + _PERIOD, self._step, loop)

    def _step(self, loop: asyncio.AbstractEventLoop) -> None:
        wishes = [wish for one in self._wishes if (wish := one()) is not None]
        if not wishes:
            del self._timers[loop]
            return
        delay = min(wishes)
        if not delay:
            time.sleep(_REST)
        self._schedule(loop, delay)
