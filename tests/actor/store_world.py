"""Actors that talk to each other in one asyncio loop, as on our base, with each message pickled on its way."""

from __future__ import annotations

import asyncio
import pickle
from collections.abc import Callable
from typing import Any

from thespian.actors import Actor, ActorAddress, ActorExitRequest

from owactors.actor.beside import LoopEngine
from owactors.actor.io import IoActor
from owactors.message.store import StoreAnswer, StoreRequest


class _Reference:
    globalName = ""

    def __init__(self, world: World, address: ActorAddress) -> None:
        self.world, self.address = world, address

    def actor_send(self, to: ActorAddress, message: Any) -> None:
        self.world.send(self.address, to, message)

    def createActor(self, cls: type[Actor], *_: Any) -> ActorAddress:
        raise AssertionError(f"no {cls.__name__} is made here")


class World:
    """`add` actors, `send` messages. What is sent to a name without actor is in `received`."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.actors: dict[str, IoActor] = {}
        self.received: list[Any] = []
        #: every message, before it is delivered; False: it is lost
        self.passes: Callable[[Any], bool] = lambda message: True
        self.log: list[Any] = []

    def address(self, name: str) -> ActorAddress:
        """Of the actor of this name."""
        return ActorAddress(name)

    def add(self, name: str, actor: IoActor) -> ActorAddress:
        address = ActorAddress(name)
        actor._myRef = _Reference(self, address)
        actor._engine = LoopEngine(self.loop)
        self.actors[str(address)] = actor
        return address

    def send(self, sender: ActorAddress, to: ActorAddress, message: Any) -> None:
        if isinstance(message, StoreRequest | StoreAnswer):
            message = pickle.loads(pickle.dumps(message))
        self.log.append(message)
        if self.passes(message):
            self.loop.call_soon(self._deliver, sender, to, message)

    def _deliver(self, sender: ActorAddress, to: ActorAddress, message: Any) -> None:
        if str(to) in self.actors:
            self.actors[str(to)].receiveMessage(message, sender)
        else:
            self.received.append(message)

    def tell(self, to: ActorAddress, message: Any) -> None:
        """From outside."""
        self.send(ActorAddress("outside"), to, message)

    def sent(self, kind: type) -> list[Any]:
        return [message for message in self.log if isinstance(message, kind)]

    async def until(self, condition: Callable[[], object]) -> None:
        async with asyncio.timeout(30):
            while True:
                if condition():
                    return
                await asyncio.sleep(0.002)

    def close(self) -> None:
        for actor in self.actors.values():
            actor.receiveMessage(ActorExitRequest(), ActorAddress("outside"))
