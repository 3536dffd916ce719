"""The way of a process to the hubs of all controllers: futures in, messages out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import count
from typing import Any

from attrs import frozen
from thespian.actors import ActorAddress

from owactors.actor.busmessaging import BusMessaging
from owactors.actor.io import on
from owactors.actor.messaging import MESSAGING
from owactors.actor.turns import TurnTaker
from owactors.connector import port
from owactors.connector.port import BrokerUnavailable, ConnectorError
from owactors.message.bus import BusAnswer, BusQuestion, BusRefused, Hubs, JoinBus

JOIN_SECONDS = 1.0
#: beyond what a question itself may take
PATIENCE = 5.0


@frozen(eq=False)
class PostmanSetup:
    """The first message. `entrances` are the first actors of controllers' processes, of which one must be there.

    A controller gives its id and hub.
    """

    messaging: Any
    entrances: tuple[Any, ...]
    controller: str = ""
    hub: Any = None


@frozen
class _JoinAgain:
    """To self."""


class Postman(TurnTaker):
    """See the module's text. One per process that has no broker."""

    def __init__(self) -> None:
        super().__init__()
        self._numbers = count(1)
        self._waiting: dict[int, asyncio.Future[Any]] = {}

    @on(PostmanSetup)
    def setup(self, message: PostmanSetup, sender: ActorAddress) -> None:
        self.take_turns()
        self._setup = message
        messaging = MESSAGING.get(message.messaging)
        assert isinstance(messaging, BusMessaging)
        self._messaging = messaging
        if message.hub is not None:
            messaging.hubs[message.controller] = message.hub
        messaging.attach(self.ask)
        self._join(_JoinAgain(), sender)

    @on(_JoinAgain)
    def _join(self, message: _JoinAgain, sender: ActorAddress) -> None:
        self.start_timer("join", JOIN_SECONDS, message)
        for entrance in self._setup.entrances:
            self.tell(entrance, JoinBus(self._setup.controller, self._setup.hub))

    @on(Hubs)
    def hubs(self, message: Hubs, sender: ActorAddress) -> None:
        own = {self._setup.controller: self._setup.hub} if self._setup.hub is not None else {}
        self._messaging.learn({**message.hubs, **own})

    async def ask(self, hub: Any, make: Callable[[int], BusQuestion], seconds: float = 0.0) -> Any:
        """The answer of a hub. The port's errors; BrokerUnavailable without an answer."""
        number = next(self._numbers)
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting[number] = future
        self.into_turn(lambda: self.tell(hub, make(number)))
        try:
            async with asyncio.timeout(PATIENCE + seconds):
                return await future
        except TimeoutError:
            raise BrokerUnavailable("the hub of a controller does not answer") from None
        finally:
            del self._waiting[number]

    @on(BusAnswer)
    def answered(self, message: BusAnswer, sender: ActorAddress) -> None:
        future = self._waiting.get(message.request)
        if future is not None and not future.done():
            future.set_result(message.value)

    @on(BusRefused)
    def refused(self, message: BusRefused, sender: ActorAddress) -> None:
        future = self._waiting.get(message.request)
        if future is not None and not future.done():
            error: type[ConnectorError] = getattr(port, message.error, ConnectorError)
            future.set_exception(error(message.reason))
