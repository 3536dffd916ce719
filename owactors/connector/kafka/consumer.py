"""Reads a topic of Kafka as a member of a group. (OpenWhisk, KafkaConsumerConnector.scala.)"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from kafka import KafkaConsumer as Client
from kafka import OffsetAndMetadata, TopicPartition
from kafka import errors as kafka_errors

from owactors.connector.kafka.client import connected, translated
from owactors.connector.kafka.position import Positions
from owactors.connector.kafka.settings import KafkaSettings
from owactors.connector.port import ConnectorClosed, FencedInstance, NoSuchTopic, Record

T = TypeVar("T")

#: kafka-python's poll cannot be woken, so it is never asked to wait longer (seconds).
LONGEST_POLL = 0.5


class KafkaConsumer:
    """See `owactors.connector.port.Consumer`. Everything kafka-python does for it is done in one thread."""

    def __init__(self, settings: KafkaSettings, topic: str, group: str, max_peek: int, instance: str | None) -> None:
        self.topic = topic
        self.group = group
        self.max_peek = max_peek
        self.instance = instance
        self._settings = settings
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"kafka-{topic}")
        self._client: Any = None
        self._polled: deque[Record] = deque()
        self._positions = Positions()
        self._fenced: FencedInstance | None = None
        #: when the group was last asked whether this is still its member
        self._confirmed = time.monotonic()
        self._closed = False

    async def peek(self, max_records: int | None = None, timeout: float = 0.5) -> list[Record]:
        """Polls unless a cancelled peek has left records behind."""
        self._check()
        count = min(max_records or self.max_peek, self.max_peek)
        if not self._polled:
            await self._in_thread(lambda: self._poll(count, timeout))
            self._check()
        records = [self._polled.popleft() for _ in range(min(count, len(self._polled)))]
        self._positions.handed_out(records)
        return records

    async def commit(self, upto: Record | None = None) -> None:
        """Commits what was handed out, not what was polled."""
        self._check()
        offsets = self._positions.to_commit(upto)
        if offsets:
            await self._in_thread(lambda: self._commit(offsets))

    async def lag(self) -> int:
        """From the position in hand, else from the group's offset."""
        self._check()
        return await self._in_thread(self._lag)

    async def close(self) -> None:
        """Waits for a poll that is under way."""
        if self._closed:
            return
        self._closed = True
        await asyncio.get_running_loop().run_in_executor(self._thread, self._discard_client)
        self._thread.shutdown(wait=False)

    def _check(self) -> None:
        if self._closed:
            raise ConnectorClosed(f"the consumer of {self.topic} is closed")
        if self._fenced is not None:
            raise self._fenced

    async def _in_thread(self, function: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, lambda: self._guarded(function))

    # What follows runs in the thread.

    def _guarded(self, function: Callable[[], T]) -> T:
        """Says errors in the port's words; one that no repetition mends costs the connection, which is made anew."""
        self._check()
        try:
            return function()
        except kafka_errors.FencedInstanceIdError as error:
            self._fenced = FencedInstance(f"another consumer of {self.topic} has the instance id {self.instance}")
            self._discard_client()
            raise self._fenced from error
        except kafka_errors.KafkaError as error:
            if not isinstance(error, kafka_errors.RetriableError):
                self._discard_client()
            raise translated(error, f"reading {self.topic}") from error

    def _connected(self) -> Any:
        if self._client is None:
            config = self._settings.for_consumers(self.topic, self.group, self.max_peek, self.instance)
            client = connected(Client, config)
            if not client.partitions_for_topic(self.topic):
                client.close(timeout_ms=0)
                raise NoSuchTopic(f"there is no topic {self.topic}")
            client.subscribe([self.topic])
            self._client = client
        return self._client

    def _poll(self, count: int, timeout: float) -> None:
        client = self._connected()
        deadline = time.monotonic() + timeout
        while not (self._polled or self._closed):
            remaining = max(0.0, deadline - time.monotonic())
            batches = client.poll(timeout_ms=round(1000 * min(remaining, LONGEST_POLL)), max_records=count)
            for batch in batches.values():
                self._polled.extend(_record(theirs) for theirs in batch)
            if remaining <= 0:
                self._confirm_place(client)
                return

    def _confirm_place(self, client: Any) -> None:
        """Of a consumer that was fenced the heartbeats just end, and fetching goes on: only a commit is refused.

        So now and then the group is told what it knows.
        """
        due = self._confirmed + self._settings.heartbeat_interval
        if self.instance is None or self._polled or time.monotonic() < due:
            return
        self._confirmed = time.monotonic()
        patience = round(1000 * min(1.0, self._settings.commit_timeout))
        try:
            known = {place: client.committed(place, timeout_ms=patience) for place in client.assignment()}
            same = {place: OffsetAndMetadata(offset, "", -1) for place, offset in known.items() if offset is not None}
            if same:
                client.commit(same, timeout_ms=patience)
        except kafka_errors.FencedInstanceIdError:
            raise
        except kafka_errors.KafkaError:
            pass  # the broker is away, say: that is not for this to tell

    def _commit(self, offsets: dict[TopicPartition, int]) -> None:
        client = self._connected()
        wanted = {place: OffsetAndMetadata(offset, "", -1) for place, offset in offsets.items()}
        try:
            client.commit(wanted, timeout_ms=round(1000 * self._settings.commit_timeout))
        except kafka_errors.KafkaError:
            self._rewind(client)
            raise
        self._positions.committed(offsets)
        self._confirmed = time.monotonic()

    def _rewind(self, client: Any) -> None:
        """Back to what the group has: what was handed out since then counts as unread."""
        assigned = client.assignment()
        for place, offset in self._positions.first_uncommitted.items():
            if place in assigned:
                client.seek(place, offset)
        self._forget()

    def _lag(self) -> int:
        client = self._connected()
        partitions = [TopicPartition(self.topic, number) for number in client.partitions_for_topic(self.topic) or ()]
        ends = client.end_offsets(partitions)
        starts = client.beginning_offsets(partitions)
        return sum(max(0, ends[place] - max(starts[place], self._next_offset(client, place))) for place in partitions)

    def _next_offset(self, client: Any, place: TopicPartition) -> int:
        known = self._positions.next_offset.get(place)
        if known is not None:
            return known
        return client.committed(place, timeout_ms=round(1000 * self._settings.commit_timeout)) or 0

    def _discard_client(self) -> None:
        client, self._client = self._client, None
        self._forget()
        if client is None:
            return
        try:
            client.close(autocommit=False, timeout_ms=round(1000 * self._settings.close_timeout))
        except kafka_errors.KafkaError:
            pass  # it was of no use any more

    def _forget(self) -> None:
        self._polled.clear()
        self._positions = Positions()


def _record(theirs: Any) -> Record:
    return Record(theirs.topic, theirs.partition, theirs.offset, theirs.timestamp, theirs.value or b"")
