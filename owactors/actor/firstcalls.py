"""First calls under way: making a container for a call, and its /init. Who is in no hurry lets them pass."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from attrs import define, field

from owactors.container.http_container import until

REST = 0.02
"""Seconds after a first call's /init in which its /run and its answer have their turn."""
PATIENCE = 1.0
"""Seconds after which nobody is let pass any more: where first calls never end, prewarmed containers are wanted."""
LOOK = 0.01


@define(eq=False)
class FirstCalls:
    """Those of one process, whichever thread they are in."""

    _under_way: set[object] = field(factory=set)
    _last: float = float("-inf")

    @contextmanager
    def one(self) -> Iterator[None]:
        """One is under way."""
        call = object()
        self._under_way.add(call)
        try:
            yield
        finally:
            self._under_way.discard(call)
            self._last = time.monotonic()

    @property
    def none(self) -> bool:
        """True when there was none for a moment."""
        return not self._under_way and time.monotonic() - self._last >= REST

    async def passed(self, no_more: Callable[[], bool], seconds: float = PATIENCE) -> None:
        """Wait until there is none, for so long at most, or until `no_more` says that nothing is to be waited for."""
        await until(lambda: self.none or no_more(), seconds, LOOK)


FIRST_CALLS = FirstCalls()
"""Of this process."""
