"""The way of a process to the hubs of all controllers: futures in, messages out."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from itertools import count
from typing import Any

from attrs import field, frozen
from thespian.actors import ActorAddress

from owactors.actor.busmessaging import BusMessaging
from owactors.actor.io import on
from owactors.actor.messaging import MESSAGING
from owactors.actor.turns import TurnTaker
from owactors.connector import port
from owactors.connector.port import BrokerUnavailable, ConnectorError
from owactors.core.loadbalancer.knownhubs import KnownHubs
from owactors.message.bus import BusAnswer, BusQuestion, BusRefused, HubPlace, Hubs, JoinBus

JOIN_SECONDS = 1.0
#: beyond what a question itself may take
PATIENCE = 5.0


@frozen(eq=False)
class PostmanSetup:
    """The first message. `entrances` are the first actors of controllers' processes, of which one must be there.

    A controller gives its id and place, and shares `known` with this actor of its process.
    """

    messaging: Any
    entrances: tuple[Any, ...]
    controller: str = ""
    place: HubPlace | None = None
    known: KnownHubs = field(factory=KnownHubs)


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
        messaging.hubs.update(self._own())
        messaging.attach(self.ask)
        self._join(_JoinAgain(), sender)

    def _own(self) -> dict[str, Any]:
        """The hub of this process, if it is a controller's."""
        place = self._setup.place
        return {self._setup.controller: place.hub} if place is not None else {}

    @on(_JoinAgain)
    def _join(self, message: _JoinAgain, sender: ActorAddress) -> None:
        """Every controller that is known is asked, so that the one that was joined first may go."""
        self.start_timer("join", JOIN_SECONDS, message)
        setup = self._setup
        known = [place.entrance for place, _ in self._learn().values()]
        own = setup.place.entrance if setup.place is not None else None
        for entrance in dict.fromkeys([*setup.entrances, *known]):
            if entrance != own:
                self.tell(entrance, JoinBus(setup.controller, setup.place))

    @on(Hubs)
    def hubs(self, message: Hubs, sender: ActorAddress) -> None:
        others = {name: known for name, known in message.hubs.items() if name != self._setup.controller}
        self._setup.known.told(others, time.monotonic())
        self._messaging.refuse(message.refused)
        self._learn()

    def _learn(self) -> dict[str, tuple[HubPlace, float]]:
        there = self._setup.known.there(time.monotonic())
        self._messaging.learn({**{name: place.hub for name, (place, _) in there.items()}, **self._own()})
        return there

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
