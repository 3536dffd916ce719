"""The bus as a messaging provider: a cluster without Kafka. (See `owactors.connector.port`.)"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

from owactors.actor.bus import Bus, BusSettings
from owactors.actor.busconsumer import BusConsumer
from owactors.connector.port import (
    DEFAULT_MAX_REQUEST_SIZE,
    ConnectorClosed,
    MessageTooLarge,
    NoSuchTopic,
    Sent,
)
from owactors.message.bus import Append


class BusMessaging(Bus):
    """See `owactors.connector.port.MessagingProvider`."""

    def __init__(self, settings: BusSettings) -> None:
        super().__init__(settings)
        self._consumers: list[BusConsumer] = []

    def producer(self, max_request_size: int = DEFAULT_MAX_REQUEST_SIZE) -> BusProducer:
        """A producer."""
        return BusProducer(self, max_request_size)

    def consumer(self, topic: str, group: str, max_peek: int = 128, instance: str | None = None) -> BusConsumer:
        """A member of a group on every hub that has the topic."""
        consumer = BusConsumer(self, topic, group, max_peek, instance)
        self._consumers.append(consumer)
        return consumer

    async def close(self) -> None:
        """Closes the consumers."""
        await asyncio.gather(*(consumer.close() for consumer in self._consumers), return_exceptions=True)


class BusProducer:
    """See `owactors.connector.port.Producer`."""

    def __init__(self, bus: Bus, max_request_size: int) -> None:
        self._bus, self._most, self._closed = bus, max_request_size, False

    async def send(self, topic: str, payload: bytes) -> Sent:
        """Returns when a hub has it, of several hubs one."""
        if self._closed:
            raise ConnectorClosed("the producer is closed")
        if len(payload) > self._most:
            raise MessageTooLarge(f"{len(payload)} bytes are too many for a request of {self._most}")
        return Sent(topic, 0, await self._bus.on_hubs(topic, lambda hub: self._append(hub, topic, payload)))

    async def _append(self, hub: Any, topic: str, payload: bytes) -> int:
        """A hub of a controller that was started again has the topic not yet."""
        question = partial(Append, topic=topic, payload=payload)
        try:
            offset: int = await self._bus.ask(hub, question)
        except NoSuchTopic:
            await self._bus.made(hub, topic)  # the hub is new
            offset = await self._bus.ask(hub, question)
        return offset

    async def close(self) -> None:
        """Sends no more."""
        self._closed = True
