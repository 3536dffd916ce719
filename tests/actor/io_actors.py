"""Actors and messages of the IoActor contract suite; importable from every process of a system."""

from __future__ import annotations

import asyncio
import os

from attrs import frozen
from thespian.actors import ActorAddress, ActorExitRequest

from owactors.actor.io import Failed, IoActor, Spawned, on


@frozen
class Do:
    """Do this by name and tell the sender the outcome."""

    what: str


@frozen
class Beat:
    """Let a child append to this file, again and again, until it exits."""

    path: str
    child: bool = True


@frozen
class Told:
    what: str
    value: object = None


@frozen
class Number:
    value: int


@frozen
class Refused:
    cause: str

    @classmethod
    def of(cls, cause: BaseException) -> Refused:
        return cls(str(cause))


async def double(number: int, seconds: float = 0.01) -> int:
    await asyncio.sleep(seconds)
    return number * 2


async def refuse() -> int:
    await asyncio.sleep(0.01)
    raise OSError("refused")


async def beat(path: str) -> None:
    while True:
        with open(path, "a", encoding="ascii") as file:
            file.write("x")
        await asyncio.sleep(0.01)


class Subject(IoActor):
    """Does what the contract asks for."""

    def __init__(self) -> None:
        super().__init__()
        self.asker: ActorAddress | None = None
        self.closed = False
        self.heard: list[str] = []
        self.endless: Spawned | None = None

    @on(Do)
    def do(self, message: Do, sender: ActorAddress) -> None:
        if self.closed and message.what != "open":
            self.stash()
            return
        self.asker = sender
        getattr(self, f"do_{message.what}", self.hear)(message.what)

    def hear(self, what: str) -> None:
        self.heard.append(what)

    def do_report(self, what: str) -> None:
        self.tell(self.asker, Told("report", list(self.heard)))

    def do_double(self, what: str) -> None:
        self.spawn(double(21), done=Number)

    def do_refuse(self, what: str) -> None:
        self.spawn(refuse(), done=Number, failed=Refused.of)

    def do_fail(self, what: str) -> None:
        self.spawn(refuse(), done=Number)

    def do_room(self, what: str) -> None:
        self.spawn(self.wait_for_room(), done=Number)

    async def wait_for_room(self) -> int:
        await self.room(self.asker)
        return 1

    def do_cancel(self, what: str) -> None:
        self.spawn(double(1, 0.05), done=Number).cancel()
        self.start_timer("after", 0.2, Told("cancelled"))

    def do_timer(self, what: str) -> None:
        self.start_timer("one", 0.05, Told("first"))
        self.start_timer("one", 0.1, Told("second"))
        self.start_timer("gone", 0.01, Told("never"))
        self.cancel_timer("gone")

    def do_close(self, what: str) -> None:
        self.closed = True

    def do_open(self, what: str) -> None:
        self.closed = False
        self.unstash_all()

    def do_raise(self, what: str) -> None:
        self.heard.append("raising")
        raise ValueError("a handler fails")

    def do_child(self, what: str) -> None:
        child = self.create(Subject)
        self.tell(child, Do("greet"))

    def do_lonely(self, what: str) -> None:
        child = self.create(Subject, colocate=False)
        self.tell(child, Do("greet"))

    def do_greet(self, what: str) -> None:
        self.tell(self.asker, Told("greeted", os.getpid()))

    def do_leave(self, what: str) -> None:
        child = self.create(Subject)
        self.tell(child, Do("quit"))

    @on(Beat)
    def begin_beat(self, message: Beat, sender: ActorAddress) -> None:
        if message.child:
            self.beating = self.create(Subject)
            self.tell(self.beating, Beat(message.path, child=False))
        else:
            self.spawn(beat(message.path))

    def do_end_beat(self, what: str) -> None:
        self.tell(self.beating, ActorExitRequest())

    def do_quit(self, what: str) -> None:
        self.stop()

    @on(Number, Refused, Failed)
    def outcome(self, message: object, sender: ActorAddress) -> None:
        if isinstance(message, Failed):
            message = Refused.of(message.cause)
        self.tell(self.asker, Told("outcome", message))

    @on(Told)
    def told(self, message: Told, sender: ActorAddress) -> None:
        self.tell(self.asker, message)

    def on_failure(self, failure: Exception) -> None:
        self.heard.append(f"failed: {failure}")

    def on_child_exited(self, address: ActorAddress) -> None:
        self.tell(self.asker, Told("gone"))
