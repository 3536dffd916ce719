"""The broker in memory: topics, groups, producers."""

from __future__ import annotations

import time
from collections.abc import Callable

from owactors.connector.memory.consumer import MemoryConsumer
from owactors.connector.memory.group import ConsumerGroup
from owactors.connector.memory.log import RECORD_OVERHEAD, TopicLog
from owactors.connector.port import (
    DEFAULT_MAX_REQUEST_SIZE,
    ConnectorClosed,
    ConnectorError,
    MessageTooLarge,
    NoSuchTopic,
    Sent,
)
from owactors.connector.topics import TopicConfig

DEFAULT_MAX_BYTES = 64 * 1024 * 1024


class MemoryProducer:
    """See `owactors.connector.port.Producer`."""

    def __init__(self, append: Callable[[str, bytes], int], max_request_size: int) -> None:
        self._append = append
        self._max_request_size = max_request_size
        self._closed = False

    async def send(self, topic: str, payload: bytes) -> Sent:
        """Appends at once."""
        if self._closed:
            raise ConnectorClosed("the producer is closed")
        if len(payload) + RECORD_OVERHEAD > self._max_request_size:
            raise MessageTooLarge(f"{len(payload)} bytes are too many for a request of {self._max_request_size}")
        return Sent(topic, 0, self._append(topic, payload))

    async def close(self) -> None:
        """Sends no more."""
        self._closed = True


class MemoryMessaging:
    """See `owactors.connector.port.MessagingProvider`.

    For one event loop. Topics have one partition. Each keeps at most `max_bytes` of payload (and what its own
    settings allow): the oldest go first, read or not.
    """

    def __init__(self, max_bytes: int = DEFAULT_MAX_BYTES, clock: Callable[[], float] = time.time) -> None:
        self._max_bytes = max_bytes
        self._clock = clock
        self._topics: dict[str, TopicLog] = {}
        self._groups: dict[tuple[str, str], ConsumerGroup] = {}
        self._made: list[MemoryProducer | MemoryConsumer] = []

    async def ensure_topic(self, topic: str, config: TopicConfig) -> None:
        """Makes the topic if there is none."""
        if config.partitions != 1:
            raise ConnectorError(f"topic {topic}: a topic in memory has one partition, not {config.partitions}")
        if topic not in self._topics:
            self._topics[topic] = TopicLog(topic, config, self._max_bytes, self._clock)

    def producer(self, max_request_size: int = DEFAULT_MAX_REQUEST_SIZE) -> MemoryProducer:
        """A producer for all topics."""
        producer = MemoryProducer(self.append, max_request_size)
        self._made.append(producer)
        return producer

    def consumer(self, topic: str, group: str, max_peek: int = 128, instance: str | None = None) -> MemoryConsumer:
        """A member of the group from its first use on."""
        consumer = MemoryConsumer(topic, group, max_peek, instance, self._group)
        self._made.append(consumer)
        return consumer

    async def close(self) -> None:
        """Closes what was made here; the topics stay."""
        made, self._made = self._made, []
        for member in made:
            await member.close()

    def append(self, topic: str, payload: bytes) -> int:
        """Puts a record onto the topic at once; its offset. NoSuchTopic, MessageTooLarge."""
        return self.log(topic).append(payload).offset

    def has(self, topic: str) -> bool:
        """Whether somebody ensured it."""
        return topic in self._topics

    def log(self, topic: str) -> TopicLog:
        """The topic itself. NoSuchTopic."""
        log = self._topics.get(topic)
        if log is None:
            raise NoSuchTopic(f"there is no topic {topic}")
        return log

    def forget_read(self, topic: str) -> None:
        """Drops the records that every group of the topic has committed."""
        groups = [group for (name, _), group in self._groups.items() if name == topic]
        if groups:
            self._topics[topic].drop_before(min(group.beginning for group in groups))

    def _group(self, topic: str, group: str) -> ConsumerGroup | None:
        if topic not in self._topics:
            return None
        return self._groups.setdefault((topic, group), ConsumerGroup(self._topics[topic]))
