"""Who may ask the engine for something expensive next: no more than it can do at once, the urgent first."""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import itertools
import time
from collections.abc import AsyncIterator

from attrs import define, field

COLD_START, REMOVAL, PREWARM = 0, 1, 2
PATIENCE = 5.0
"""Seconds after which everybody is urgent, so that nobody waits for ever."""


@define(eq=False)
class Turns:
    """`async with turns.of(PRIORITY)`: at most `room` are inside; among those who wait the lowest number goes first."""

    room: int
    _waiting: list[tuple[int, int, float, asyncio.Future[None]]] = field(factory=list)
    _numbers: itertools.count[int] = field(factory=itertools.count)

    @contextlib.asynccontextmanager
    async def of(self, priority: int) -> AsyncIterator[None]:
        """Wait for a turn, have it, give it back."""
        await self._take(priority)
        try:
            yield
        finally:
            self.room += 1
            self._wake()

    async def _take(self, priority: int) -> None:
        if self.room > 0 and not self._waiting:
            self.room -= 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (priority, next(self._numbers), time.monotonic(), turn))
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.room += 1
                self._wake()
            raise

    def _wake(self) -> None:
        while self.room > 0 and self._waiting:
            turn = self._next()
            if not turn.done():
                self.room -= 1
                turn.set_result(None)

    def _next(self) -> asyncio.Future[None]:
        oldest = min(self._waiting, key=lambda waiting: waiting[1])
        if time.monotonic() - oldest[2] > PATIENCE:
            self._waiting.remove(oldest)
            heapq.heapify(self._waiting)
            return oldest[3]
        return heapq.heappop(self._waiting)[3]
