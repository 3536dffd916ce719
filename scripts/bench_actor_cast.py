"""The actors of the suite `actors`; importable from every process of every base."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from typing import Any

from thespian.actors import Actor, ActorAddress

PAYLOAD = "x" * 300
NEAR = {"colocate": True}


@dataclass
class Run:
    """Start a measurement: `count` exchanges with `target`, `in_flight` of them on their way."""

    target: ActorAddress
    count: int
    in_flight: int = 1
    size: int = 0


@dataclass
class Ball:
    """Goes along `path` and back. A ball without path is a plain tuple."""

    payload: Any
    path: list[ActorAddress]
    at: int = 0
    back: bool = False


@dataclass
class Flood:
    payload: bytes
    last: bool


@dataclass
class Make:
    """Create actors of this kind: "echo", "driver" or "host"; `near` in this process."""

    kind: str
    near: bool
    count: int = 1


@dataclass
class Made:
    addresses: list[ActorAddress]
    seconds: float
    memory: int
    """Growth of this process, bytes."""


@dataclass
class Took:
    seconds: float


class Echo(Actor):  # type: ignore[misc]
    """Sends balls on along their path, or back; counts floods."""

    flooded = 0

    def receiveMessage(self, message: Any, sender: ActorAddress) -> None:
        if isinstance(message, tuple):
            self.send(sender, message)
        elif isinstance(message, Ball):
            self.pass_on(message)
        elif isinstance(message, Flood):
            self.flooded += 1
            if message.last:
                self.send(sender, Took(self.flooded))
                self.flooded = 0

    def pass_on(self, ball: Ball) -> None:
        if not ball.back and ball.at == len(ball.path) - 1:
            ball = Ball(ball.payload, ball.path, ball.at, back=True)
        step = ball.at - 1 if ball.back else ball.at + 1
        self.send(ball.path[step], Ball(ball.payload, ball.path, step, ball.back))


class Driver(Echo):
    """Keeps balls on their way and reports the time of all exchanges."""

    def receiveMessage(self, message: Any, sender: ActorAddress) -> None:
        if isinstance(message, tuple):
            self.came_back(message[1])
        elif isinstance(message, Ball):
            self.came_back(message.payload)
        elif isinstance(message, Run):
            self.begin(message, sender)
        elif isinstance(message, Took):
            self.send(self.asker, Took(time.perf_counter() - self.started))

    def begin(self, run: Run, asker: ActorAddress) -> None:
        self.run, self.asker, self.sent, self.back = run, asker, 0, 0
        self.started = time.perf_counter()
        if run.in_flight == 0:
            payload = bytes(run.size)
            for number in range(run.count):
                self.send(run.target, Flood(payload, number == run.count - 1))
            return
        payload = bytes(run.size) if run.size else PAYLOAD
        for _ in range(run.in_flight):
            self.throw(payload)

    def throw(self, payload: Any) -> None:
        self.sent += 1
        if isinstance(self.run.target, list):
            self.send(self.run.target[1], Ball(payload, self.run.target, 1))
        else:
            self.send(self.run.target, (self.sent, payload))

    def came_back(self, payload: Any) -> None:
        self.back += 1
        if self.sent < self.run.count:
            self.throw(payload)
        if self.back == self.run.count:
            self.send(self.asker, Took(time.perf_counter() - self.started))


class Host(Actor):  # type: ignore[misc]
    """Makes others, beside itself or in processes of their own, and answers when they live."""

    def receiveMessage(self, message: Any, sender: ActorAddress) -> None:
        if isinstance(message, Make):
            self.make(message, sender)
        elif isinstance(message, tuple):
            self.waiting -= 1
            if not self.waiting:
                seconds = time.perf_counter() - self.started
                self.send(self.asker, Made(self.made, seconds, resident() - self.before))

    def make(self, order: Make, sender: ActorAddress) -> None:
        kind = {"echo": Echo, "driver": Driver, "host": Host}[order.kind]
        self.asker, self.before, self.waiting = sender, resident(), order.count
        self.started = time.perf_counter()
        self.made = [self.createActor(kind, NEAR if order.near else None) for _ in range(order.count)]
        seconds = time.perf_counter() - self.started
        if order.kind == "echo" and not order.near:
            for each in self.made:
                self.send(each, ("alive?",))
        else:
            self.send(sender, Made(self.made, seconds, resident() - self.before))


def resident() -> int:
    """Memory of this process, bytes."""
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
