"""A feed's consumer whose commits go on beside the handling of what was read, for messages that may come twice."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

from owactors.actor.messagefeed import FeedConsumer, Polled
from owactors.actor.wrappedconsumer import WrappedConsumer


class CommitBehind(WrappedConsumer):
    """Hands over at once. The next peek waits for the commit and raises what it raised; then the same comes again.

    With `every` it commits at most once in so many seconds.
    """

    def __init__(self, consumer: FeedConsumer, every: float = 0.0) -> None:
        super().__init__(consumer)
        self._every = every
        self._committing: asyncio.Task[None] | None = None
        self._last = 0.0
        self._owed = False

    async def peek(self, max_records: int | None = None, timeout: float = 0.5) -> Sequence[Polled]:
        """As the port says."""
        if self._owed:
            await self.commit()
        task, self._committing = self._committing, None
        if task is not None:
            await task
        return await self._consumer.peek(max_records, timeout)

    async def commit(self) -> None:
        """Begins it, unless there was one a moment ago."""
        now = time.monotonic()
        self._owed = now - self._last < self._every
        if not self._owed and self._committing is None:
            self._last = now
            self._committing = asyncio.get_running_loop().create_task(self._consumer.commit())
