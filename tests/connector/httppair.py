"""A controller and an invoker that speak over HTTP first, with the broker between them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import orjson

from owactors.actor.frontdoor import FrontDoor
from owactors.connector.http.provider import HttpFirstMessaging
from owactors.connector.http.settings import HttpTimes
from owactors.connector.memory.provider import MemoryMessaging
from owactors.connector.port import Record
from owactors.connector.topics import TopicConfig
from owactors.message.topic import Write
from owactors.rest.invokeroute import InvokeRoute
from owactors.store.recentids import RecentIds
from tests.connector.httpworld import SEAL, Served

OWN, ANSWERS = "invoker0", "completed0"
CONFIG = TopicConfig(3_600_000)
TIMES = HttpTimes(connect=20, accept=20, patience=5, rest=0.2)


class Pair:
    """A controller and an invoker with the broker between them, and a server for the invoker's door."""

    def __init__(self, most: int = 10, **controller: Any) -> None:
        self.broker = MemoryMessaging()
        self.controller = HttpFirstMessaging(self.broker, SEAL, ANSWERS, **{"times": TIMES, **controller})
        self.invoker = HttpFirstMessaging(self.broker, SEAL)
        self.confirmed: list[str] = []
        self.door = FrontDoor(OWN, self.invoker, RecentIds(), most, self.confirmed.append)

    async def start(self) -> None:
        for messaging, topic in ((self.invoker, OWN), (self.controller, ANSWERS)):
            await messaging.ensure_topic(topic, CONFIG)
        self.server = Served(self._answer)
        self.controller.learn(OWN, "127.0.0.1", self.server.port)
        self.producer = self.controller.producer()
        self.work = self.invoker.consumer(OWN, OWN)
        self.acks = self.controller.consumer(ANSWERS, ANSWERS)

    async def _answer(self, scope: Any, receive: Any, send: Any) -> None:
        await InvokeRoute(self.door, SEAL, 100_000)(scope, receive, send)

    async def send(self, activation_id: str) -> int:
        return (await self.producer.send(OWN, message(activation_id))).partition

    def acknowledge(self, activation_id: str, value: Any, *, last: bool = True) -> bool:
        write = Write(ANSWERS, value, "an acknowledgement", keep=True, token=activation_id)
        return self.door.acknowledge(activation_id, write, last=last)

    async def at_broker(self, topic: str) -> list[bytes]:
        """What is on the broker's own topic."""
        return [record.payload for record in self.broker.log(topic).records]


def message(activation_id: str) -> bytes:
    return orjson.dumps({"activationId": activation_id, "content": {"a": 1}})


@asynccontextmanager
async def playing(pair: Pair) -> AsyncIterator[Pair]:
    await pair.start()
    try:
        yield pair
    finally:
        await pair.server.close()
        await pair.controller.close()
        await pair.invoker.close()


def play(act: Callable[[Pair], Awaitable[None]], pair: Pair | None = None) -> None:
    async def whole() -> None:
        async with asyncio.timeout(60), playing(pair or Pair()) as ready:
            await act(ready)

    asyncio.run(whole())


async def some(consumer: Any) -> list[Record]:
    """The next records, committed."""
    while not (records := await consumer.peek(timeout=1.0)):
        pass
    await consumer.commit()
    return list(records)


async def until(holds: Callable[[], Any]) -> None:
    while not holds():
        await asyncio.sleep(0.01)
