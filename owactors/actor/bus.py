"""What the hubs of all controllers are together: asked one by one, or all that have a topic.

Each controller has a hub with its own topics: what it sends to invokers, what they acknowledge to it. What all
controllers must hear goes to every hub. So the loss of a controller costs only what was its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from attrs import frozen

from owactors.connector.port import BrokerUnavailable, ConnectorError, NoSuchTopic
from owactors.connector.topics import TopicConfig, Topics
from owactors.entity.instance import ControllerInstanceId
from owactors.message.bus import EnsureTopic

Ask = Callable[..., Awaitable[Any]]
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


class Bus:
    """See the module's text; the postman attaches itself and tells which hubs there are."""

    def __init__(self, settings: BusSettings) -> None:
        self.settings = settings
        self.hubs: dict[str, Any] = {}
        #: why whoever was asked last has no bus to join
        self.refused = ""
        self._ask: Ask | None = None
        self._changed = asyncio.Event()
        self._configs: dict[str, TopicConfig] = {}

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

    def refuse(self, reason: str) -> None:
        """Whoever was asked has no bus."""
        if reason != self.refused:
            self.refused = reason
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

    # -- topics

    async def ensure_topic(self, topic: str, config: TopicConfig) -> None:
        """On each hub that should have it, also on those that come later. BrokerUnavailable: there is none at all."""
        self._configs[topic] = config
        deadline = asyncio.get_running_loop().time() + FIRST_HUB
        while not (self.hubs and self._ask):
            remaining = deadline - asyncio.get_running_loop().time()
            if remaining <= 0 or self.refused:
                raise BrokerUnavailable(self.refused or f"no controller answers at {self.settings.shown}")
            await self.changed(remaining)
        await self.on_hubs(topic, lambda hub: self.made(hub, topic))

    async def made(self, hub: Any, topic: str) -> None:
        """The topic is on this hub. NoSuchTopic: this process has not ensured it, so it cannot make it."""
        config = self._configs.get(topic)
        if config is None:
            raise NoSuchTopic(f"there is no topic {topic}")
        await self.ask(hub, partial(EnsureTopic, topic=topic, config=config))

    def of_topic(self, topic: str) -> dict[str, Any]:
        """The hubs on which a message for this topic belongs. BrokerUnavailable: the one that must be is not there."""
        topics, own = self.settings.topics, self.settings.controller
        for controller, hub in self.hubs.items():
            instance = ControllerInstanceId(controller)
            if topic in (topics.completed(instance).name, topics.log_lines(instance).name):
                return {controller: hub}
        if topic.startswith((f"{topics.prefix}completed", f"{topics.prefix}logLines")):
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
