"""A member of a group that reads a topic in memory."""

from __future__ import annotations

import time
from collections.abc import Callable

from owactors.connector.memory.group import ConsumerGroup
from owactors.connector.port import ConnectorClosed, FencedInstance, NoSuchTopic, Record


class MemoryConsumer:
    """See `owactors.connector.port.Consumer`."""

    def __init__(
        self,
        topic: str,
        group: str,
        max_peek: int,
        instance: str | None,
        find_group: Callable[[str, str], ConsumerGroup | None],
    ) -> None:
        self.topic = topic
        self.group = group
        self.max_peek = max_peek
        self.instance = instance
        self._find_group = find_group
        self._membership: ConsumerGroup | None = None
        self._position: int | None = None
        self._fenced = False
        self._closed = False

    async def peek(self, max_records: int | None = None, timeout: float = 0.5) -> list[Record]:
        """The next records; waits for the first one and for this member's turn."""
        membership = self._join()
        deadline = time.monotonic() + timeout
        while True:
            records = self._next(membership, min(max_records or self.max_peek, self.max_peek))
            remaining = deadline - time.monotonic()
            if records or remaining <= 0:
                return records
            await membership.log.changed(remaining)
            self.check()

    async def commit(self, upto: Record | None = None) -> None:
        """Sets the group's offset."""
        membership = self._join()
        if self._position is None:
            return
        membership.committed = self._position if upto is None else upto.offset + 1

    async def lag(self) -> int:
        """Counts from this member's position, or the group's."""
        membership = self._join()
        position = membership.beginning if self._position is None else self._position
        return max(0, membership.log.end - max(position, membership.log.start))

    async def close(self) -> None:
        """Gives the turn to the next member."""
        self._closed = True
        if self._membership is not None:
            self._membership.leave(self)
            self._membership.log.wake()

    def fence(self) -> None:
        """Another member has this one's place."""
        self._fenced = True
        if self._membership is not None:
            self._membership.log.wake()

    def check(self) -> None:
        """Raises ConnectorClosed, FencedInstance."""
        if self._closed:
            raise ConnectorClosed(f"the consumer of {self.topic} is closed")
        if self._fenced:
            raise FencedInstance(f"another consumer of {self.topic} has the instance id {self.instance}")

    def _join(self) -> ConsumerGroup:
        self.check()
        if self._membership is None:
            membership = self._find_group(self.topic, self.group)
            if membership is None:
                raise NoSuchTopic(f"there is no topic {self.topic}")
            membership.join(self)
            self._membership = membership
        return self._membership

    def _next(self, membership: ConsumerGroup, count: int) -> list[Record]:
        if not membership.active(self):
            return []
        if self._position is None:
            self._position = membership.beginning
        records = membership.log.read(self._position, count)
        if records:
            self._position = records[-1].offset + 1
        return records
