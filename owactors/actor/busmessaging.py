"""The bus as a messaging provider: a cluster without Kafka. (See `owactors.connector.port`.)

Each controller has a hub with its own topics: what it sends to invokers, what they acknowledge to it. What all
controllers must hear goes to every hub. So the loss of a controller costs only what was its own.
"""

from __future__ import annotations

import asyncio
import uuid
from collections import deque
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from attrs import define, frozen

from owactors.connector.port import (
    DEFAULT_MAX_REQUEST_SIZE,
    BrokerUnavailable,
    ConnectorClosed,
    ConnectorError,
    FencedInstance,
    MessageTooLarge,
    NoSuchTopic,
    Record,
    Sent,
)
from owactors.connector.topics import TopicConfig, Topics
from owactors.entity.instance import ControllerInstanceId
from owactors.message.bus import Append, BusCommit, BusLag, BusPeek, CloseReader, EnsureTopic

Ask = Callable[..., Awaitable[Any]]
#: a peek at a hub waits so long, and after trouble with it this long passes
LONG_POLL, REST = 1.0, 0.2
#: a process waits so long for the first hub
FIRST_HUB = 20.0


@frozen
class BusSettings:
    """`entrances`: the first actors of controllers' processes. `controller`: the id of the one in this process, if any.

    `shown` is where the entrances are, for messages.
    """

    topics: Topics
    entrances: tuple[Any, ...] = ()
    controller: str = ""
    shown: str = "any address (none is given)"


class BusMessaging:
    """See the module's text; the postman attaches itself and tells which hubs there are."""

    def __init__(self, settings: BusSettings) -> None:
        self.settings = settings
        self.hubs: dict[str, Any] = {}
        self._ask: Ask | None = None
        self._changed = asyncio.Event()
        self._configs: dict[str, TopicConfig] = {}
        self._consumers: list[BusConsumer] = []

    # -- the postman

    def attach(self, ask: Ask) -> None:
        """Questions can be asked from now on."""
        self._ask = ask
        self._wake()

    def learn(self, hubs: dict[str, Any]) -> None:
        """These are the hubs."""
        if hubs != self.hubs:
            self.hubs = hubs
            self._wake()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    async def changed(self, seconds: float) -> None:
        """Returns when the hubs are others, or after so long."""
        try:
            async with asyncio.timeout(seconds):
                await self._changed.wait()
        except TimeoutError:
            pass

    async def ask(self, hub: Any, make: Callable[[int], Any], seconds: float = 0.0) -> Any:
        """As the postman."""
        if self._ask is None:
            raise BrokerUnavailable("the bus is not there yet")
        return await self._ask(hub, make, seconds)

    # -- the port

    async def ensure_topic(self, topic: str, config: TopicConfig) -> None:
        """On each hub that should have it, also on those that come later. BrokerUnavailable: there is none at all."""
        self._configs[topic] = config
        deadline = asyncio.get_running_loop().time() + FIRST_HUB
        while not (self.hubs and self._ask):
            remaining = deadline - asyncio.get_running_loop().time()
            if remaining <= 0:
                raise BrokerUnavailable(f"no controller answers at {self.settings.shown}")
            await self.changed(remaining)
        await self.on_hubs(topic, lambda hub: self.made(hub, topic))

    async def made(self, hub: Any, topic: str) -> None:
        """The topic is on this hub. NoSuchTopic: this process has not ensured it, so it cannot make it."""
        config = self._configs.get(topic)
        if config is None:
            raise NoSuchTopic(f"there is no topic {topic}")
        await self.ask(hub, partial(EnsureTopic, topic=topic, config=config))

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

    # -- which hub has which topic

    def of_topic(self, topic: str) -> dict[str, Any]:
        """The hubs on which a message for this topic belongs. BrokerUnavailable: the one that must be is not there."""
        topics, own = self.settings.topics, self.settings.controller
        for controller, hub in self.hubs.items():
            if topic == topics.completed(ControllerInstanceId(controller)).name:
                return {controller: hub}
        if topic.startswith(f"{topics.prefix}completed"):
            raise BrokerUnavailable(f"the controller of topic {topic} is not there")
        if own and topic.startswith(f"{topics.prefix}invoker"):
            return {own: self.hubs[own]}
        return dict(self.hubs)

    async def on_hubs(self, topic: str, do: Callable[[Any], Awaitable[Any]]) -> Any:
        """Does it on each hub of the topic; good if one is. What one of them answered."""
        hubs = self.of_topic(topic).values()
        outcomes = await asyncio.gather(*(do(hub) for hub in hubs), return_exceptions=True)
        good = [outcome for outcome in outcomes if not isinstance(outcome, BaseException)]
        if good:
            return good[0]
        raise next(
            (each for each in outcomes if isinstance(each, ConnectorError)), BrokerUnavailable("there is no hub")
        )


class BusProducer:
    """See `owactors.connector.port.Producer`."""

    def __init__(self, messaging: BusMessaging, max_request_size: int) -> None:
        self._messaging, self._most, self._closed = messaging, max_request_size, False

    async def send(self, topic: str, payload: bytes) -> Sent:
        """Returns when a hub has it, of several hubs one."""
        if self._closed:
            raise ConnectorClosed("the producer is closed")
        if len(payload) > self._most:
            raise MessageTooLarge(f"{len(payload)} bytes are too many for a request of {self._most}")
        return Sent(topic, 0, await self._messaging.on_hubs(topic, lambda hub: self._append(hub, topic, payload)))

    async def _append(self, hub: Any, topic: str, payload: bytes) -> int:
        """A hub of a controller that was started again has the topic not yet."""
        messaging, question = self._messaging, partial(Append, topic=topic, payload=payload)
        try:
            offset: int = await messaging.ask(hub, question)
        except NoSuchTopic:
            await messaging.made(hub, topic)  # the hub is new
            offset = await messaging.ask(hub, question)
        return offset

    async def close(self) -> None:
        """Sends no more."""
        self._closed = True


@define(eq=False)
class _Source:
    """One hub, this consumer's name there, and the task that reads."""

    hub: Any
    reader: str
    task: asyncio.Task[None] | None = None


class BusConsumer:
    """See `owactors.connector.port.Consumer`. Reads the topic on all hubs that have it."""

    def __init__(self, messaging: BusMessaging, topic: str, group: str, max_peek: int, instance: str | None) -> None:
        self.topic, self.group, self.max_peek, self.instance = topic, group, max_peek, instance
        self._messaging = messaging
        self._sources: dict[str, _Source] = {}
        #: read and waiting; handed out and not committed
        self._came: deque[tuple[_Source, Record]] = deque()
        self._handed: deque[tuple[_Source, Record]] = deque()
        self._news = asyncio.Event()
        self._fenced: FencedInstance | None = None
        self._missing: NoSuchTopic | None = None
        self._closed = False

    async def peek(self, max_records: int | None = None, timeout: float = 0.5) -> list[Record]:
        """Whatever hub they come from."""
        self._check()
        self._follow()
        if not self._came:
            self._news.clear()
            try:
                async with asyncio.timeout(timeout):
                    await self._news.wait()
            except TimeoutError:
                pass
            self._check()
        count = min(max_records or self.max_peek, self.max_peek, len(self._came))
        taken = [self._came.popleft() for _ in range(count)]
        self._handed.extend(taken)
        return [record for _, record in taken]

    async def commit(self, upto: Record | None = None) -> None:
        """On each hub of which something was handed out. One that does not answer has lost its topics anyway."""
        self._check()
        last: dict[str, tuple[_Source, int]] = {}
        while self._handed:
            source, record = self._handed.popleft()
            last[source.reader] = (source, record.offset)
            if record is upto:
                break
        for source, offset in last.values():
            await self._commit(source, offset)

    async def _commit(self, source: _Source, offset: int) -> None:
        question = partial(BusCommit, topic=self.topic, reader=source.reader, offset=offset)
        try:
            await self._messaging.ask(source.hub, question)
        except BrokerUnavailable:
            pass

    async def lag(self) -> int:
        """Of all hubs together."""
        self._check()
        self._follow(reading=False)
        lags = [await self._lag(source) for source in self._sources.values()]
        return sum(lags) + len(self._came)

    async def _lag(self, source: _Source) -> int:
        who: dict[str, Any] = {"reader": source.reader, "group": self.group, "instance": self.instance}
        question = partial(BusLag, topic=self.topic, **who)
        count: int = await self._messaging.ask(source.hub, question)
        return count

    async def close(self) -> None:
        """Leaves the groups."""
        self._closed = True
        self._news.set()
        for source in self._sources.values():
            if source.task is not None:
                source.task.cancel()
            question = partial(CloseReader, topic=self.topic, reader=source.reader)
            try:
                async with asyncio.timeout(1):
                    await self._messaging.ask(source.hub, question)
            except (TimeoutError, ConnectorError):
                pass

    def _check(self) -> None:
        if self._closed:
            raise ConnectorClosed(f"the consumer of {self.topic} is closed")
        if self._fenced is not None:
            raise self._fenced
        missing, self._missing = self._missing, None
        if missing is not None:
            raise missing

    # -- one task per hub

    def _follow(self, *, reading: bool = True) -> None:
        """Reads from every hub there is, and from none that is gone."""
        own = self._messaging.settings.controller
        hubs = {own: self._messaging.hubs[own]} if own in self._messaging.hubs else self._messaging.hubs
        for name in [name for name, source in self._sources.items() if hubs.get(name) != source.hub]:
            gone = self._sources.pop(name)
            if gone.task is not None:
                gone.task.cancel()
        for name, hub in hubs.items():
            source = self._sources.setdefault(name, _Source(hub, uuid.uuid4().hex))
            if reading and (source.task is None or source.task.done()):
                source.task = asyncio.get_running_loop().create_task(self._read(source))

    async def _read(self, source: _Source) -> None:
        while not self._closed:
            if len(self._came) >= self.max_peek:
                await asyncio.sleep(0.01)
                continue
            try:
                await self._read_once(source)
            except FencedInstance as fenced:
                self._fenced = fenced
                self._news.set()
                return
            except NoSuchTopic as missing:
                await self._make(source, missing)
            except ConnectorError:
                await asyncio.sleep(REST)

    async def _make(self, source: _Source, missing: NoSuchTopic) -> None:
        """A hub that is new has the topic not yet; if nobody ensured it, the reader is told."""
        try:
            await self._messaging.made(source.hub, self.topic)
        except NoSuchTopic:
            self._missing = missing
            self._news.set()
            await asyncio.sleep(REST)
        except ConnectorError:
            await asyncio.sleep(REST)

    async def _read_once(self, source: _Source) -> None:
        who: dict[str, Any] = {"reader": source.reader, "group": self.group, "instance": self.instance}
        question = partial(BusPeek, topic=self.topic, max_records=self.max_peek, timeout=LONG_POLL, **who)
        for offset, sent, payload in await self._messaging.ask(source.hub, question, LONG_POLL):
            self._came.append((source, Record(self.topic, 0, offset, sent, payload)))
        if self._came:
            self._news.set()
