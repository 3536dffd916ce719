"""The brokers the contract suite runs over."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from typing import TypeVar

from attrs import field, frozen

from owactors.connector.port import Consumer, MessagingProvider, Record
from owactors.connector.topics import MAX_MESSAGE_BYTES, TopicConfig

T = TypeVar("T")

PATIENCE = 60.0
"""Seconds; much more than anything takes, for a machine that is busy."""

HOUR_MS = 3600 * 1000
SMALL = TopicConfig(HOUR_MS)
LARGE = TopicConfig(HOUR_MS, MAX_MESSAGE_BYTES)


def fresh(name: str) -> str:
    """A topic or group that nobody else uses."""
    return f"{name}-{uuid.uuid4().hex[:12]}"


@frozen
class World:
    """`make` makes a provider; `topic` is one topic's name of this world's own."""

    name: str
    make: Callable[[], MessagingProvider]
    topic: str = field(factory=lambda: fresh("topic"))
    group: str = field(factory=lambda: fresh("group"))

    def play(self, act: Callable[[MessagingProvider], Awaitable[T]], config: TopicConfig = SMALL) -> T:
        """Runs `act` with a provider whose topic `topic` exists."""

        async def whole() -> T:
            messaging = self.make()
            try:
                await messaging.ensure_topic(self.topic, config)
                return await asyncio.wait_for(act(messaging), PATIENCE)
            finally:
                await messaging.close()

        return asyncio.run(whole())


async def read(consumer: Consumer, count: int) -> list[Record]:
    """Peeks until there are `count` records; PATIENCE ends it otherwise."""
    records: list[Record] = []
    while len(records) < count:
        records += await consumer.peek(count - len(records), timeout=1.0)
    return records


def payloads(records: list[Record]) -> list[bytes]:
    """What the records say."""
    return [record.payload for record in records]


def numbered(count: int, start: int = 0) -> list[bytes]:
    """Payloads that can be told apart."""
    return [b"record %d" % number for number in range(start, start + count)]


async def fill(messaging: MessagingProvider, topic: str, texts: list[bytes]) -> None:
    """Sends one after the other."""
    producer = messaging.producer()
    for text in texts:
        await producer.send(topic, text)
