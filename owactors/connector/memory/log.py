"""One topic: its records and what must go."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

from attrs import define, field

from owactors.connector.port import MessageTooLarge, Record
from owactors.connector.topics import TopicConfig

#: A broker's own default for the largest record (Kafka, message.max.bytes).
DEFAULT_MAX_MESSAGE_BYTES = 1048588
#: Kafka counts this much around a record's payload.
RECORD_OVERHEAD = 88


@define
class TopicLog:
    """The records still kept, oldest first, and who waits for more."""

    name: str
    config: TopicConfig
    max_bytes: int
    clock: Callable[[], float]
    records: deque[Record] = field(factory=deque)
    size: int = 0
    end: int = 0
    waiting: set[asyncio.Future[None]] = field(factory=set)

    @property
    def start(self) -> int:
        """The oldest record's offset; that of the next one if there is none."""
        return self.end - len(self.records)

    def append(self, payload: bytes) -> Record:
        """Stores a record and wakes who waits. Raises MessageTooLarge."""
        self.check(len(payload))
        record = Record(self.name, 0, self.end, self._now_ms(), payload)
        self.records.append(record)
        self.size += len(payload)
        self.end += 1
        self.forget()
        self.wake()
        return record

    def check(self, size: int) -> None:
        """Raises MessageTooLarge for a record of so many bytes that is."""
        limit = self.config.max_message_bytes or DEFAULT_MAX_MESSAGE_BYTES
        if size + RECORD_OVERHEAD > limit:
            raise MessageTooLarge(f"topic {self.name} takes no record of {size} bytes, only up to {limit}")

    def forget(self) -> None:
        """Drops what is too old or too much, but never the newest record."""
        oldest_ms = self._now_ms() - self.config.retention_ms
        bound = min(self.max_bytes, self.config.retention_bytes)
        while self.records and (self.records[0].timestamp < oldest_ms or (self.size > bound and len(self.records) > 1)):
            self.size -= len(self.records.popleft().payload)

    def drop_before(self, offset: int) -> None:
        """Drops the records before this offset."""
        while self.records and self.records[0].offset < offset:
            self.size -= len(self.records.popleft().payload)

    def read(self, offset: int, count: int) -> list[Record]:
        """At most `count` records from `offset` on, or from the oldest if that one is gone."""
        self.forget()
        first = max(0, offset - self.start)
        return [self.records[i] for i in range(first, min(first + count, len(self.records)))]

    def wake(self) -> None:
        """Something changed: more records, or another member's turn."""
        for future in self.waiting:
            if not future.done():
                future.set_result(None)

    async def changed(self, timeout: float) -> None:
        """Returns at the next `wake`, or after `timeout`."""
        future = asyncio.get_running_loop().create_future()
        self.waiting.add(future)
        try:
            await asyncio.wait([future], timeout=timeout)
        finally:
            self.waiting.discard(future)

    def _now_ms(self) -> int:
        return int(self.clock() * 1000)
