"""The way of a send's outcome from kafka-python's thread to the event loop."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any


class Deliveries:
    """Outcomes on their way; however many come at a time, the loop is woken once for them."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._arrived: deque[tuple[asyncio.Future[Any], Any, Exception | None]] = deque()
        self._woken = False

    def watch(self, pending: Any) -> asyncio.Future[Any]:
        """A future of the loop that ends as kafka-python's `pending` does. Call it on the loop."""
        future: asyncio.Future[Any] = self._loop.create_future()
        pending.add_callback(lambda value: self._post(future, value, None))
        pending.add_errback(lambda error: self._post(future, None, error))
        return future

    def _post(self, future: asyncio.Future[Any], value: Any, error: Exception | None) -> None:
        self._arrived.append((future, value, error))
        if self._woken:
            return
        self._woken = True
        try:
            self._loop.call_soon_threadsafe(self._deliver)
        except RuntimeError:  # the loop is closed: nobody waits any more
            pass

    def _deliver(self) -> None:
        self._woken = False  # first: what arrives from here on wakes the loop again
        while self._arrived:
            future, value, error = self._arrived.popleft()
            if future.done():
                continue
            if error is None:
                future.set_result(value)
            else:
                future.set_exception(error)
