"""A consumer that reads ahead and claims late: no further than what it has handed over.

What a commit has claimed is the invoker's for ever, so that it is lost with the invoker's host. What was only read
still waits on the topic, and can go to another one.
"""

from __future__ import annotations

from collections import deque

from owactors.actor.wrappedconsumer import WrappedConsumer
from owactors.connector.port import ConnectorError, Consumer, Record


class InSteps(WrappedConsumer):
    """See `owactors.connector.port.Consumer`. At most `step` records are handed over at a time."""

    _consumer: Consumer

    def __init__(self, consumer: Consumer, step: int) -> None:
        super().__init__(consumer)
        self._step = step
        #: read, not handed over and not committed; of one peek
        self._ahead: deque[Record] = deque()
        self._last: Record | None = None

    @property
    def group(self) -> str:
        """The group whose member this is."""
        return self._consumer.group

    @property
    def max_peek(self) -> int:
        """Records of one peek at most."""
        return min(self._step, self._consumer.max_peek)

    async def peek(self, max_records: int | None = None, timeout: float = 0.5) -> list[Record]:
        """As the port says."""
        if not self._ahead:
            self._ahead.extend(await self._consumer.peek(None, timeout))
        count = min(max_records or self.max_peek, self.max_peek, len(self._ahead))
        records = [self._ahead.popleft() for _ in range(count)]
        if records:
            self._last = records[-1]
        return records

    async def commit(self, upto: Record | None = None) -> None:
        """Of what was handed over. After an error what was read ahead comes again as well."""
        try:
            await self._consumer.commit(upto or (self._last if self._ahead else None))
        except ConnectorError:
            self._ahead.clear()
            raise

    async def lag(self) -> int:
        """As the port says."""
        return await super().lag() + len(self._ahead)

    async def close(self) -> None:
        """As the port says."""
        self._ahead.clear()
        await self._consumer.close()
