"""An actor that sends from a coroutine and waits for room; importable from every process."""

from __future__ import annotations

from typing import Any

from attrs import frozen
from thespian.actors import ActorAddress

from owactors.actor.io import IoActor, on
from tests.actorbase.system_actors import Call, Subject


@frozen
class Pump:
    target: ActorAddress
    count: int


@frozen
class Pumped:
    """How many were sent by now; as a question, any number."""

    count: int


class Pumper(IoActor):
    """Sends numbers, each when there is room."""

    sent = 0

    @on(Pump)
    def pump(self, message: Pump, sender: ActorAddress) -> None:
        self.spawn(self.send_all(message))

    async def send_all(self, order: Pump) -> None:
        for number in range(order.count):
            await self.room(order.target)
            self.tell(order.target, number)
            self.sent += 1

    @on(Pumped)
    def say(self, message: Pumped, sender: ActorAddress) -> None:
        self.tell(sender, Pumped(self.sent))

    @on(Call)
    def near(self, message: Any, sender: ActorAddress) -> None:
        self.tell(sender, self.create(Subject))
