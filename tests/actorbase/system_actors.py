"""Actors of the system tests; importable from every process."""

from __future__ import annotations

import asyncio
import os
import resource
import time
from typing import Any

from attrs import frozen
from thespian.actors import (
    Actor,
    ActorAddress,
    ActorExitRequest,
    ActorSystemConventionUpdate,
    ChildActorExited,
    DeadEnvelope,
    PoisonMessage,
)


@frozen
class Call:
    """Call the method of this name."""

    what: str
    argument: Any = None


@frozen
class Place:
    pid: int
    address: ActorAddress


@frozen
class Seen:
    what: list[Any]


class Unpicklable:
    def __reduce__(self) -> Any:
        raise TypeError("stays here")


class Subject(Actor):
    """Answers calls; remembers what else comes."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[Any] = []
        self.children: list[ActorAddress] = []

    def receiveMessage(self, message: Any, sender: ActorAddress) -> None:
        if isinstance(message, Call):
            getattr(self, f"do_{message.what}")(message.argument, sender)
        elif isinstance(message, ChildActorExited):
            self.seen.append(["exited", message.childAddress in self.children])
        elif isinstance(message, PoisonMessage):
            self.seen.append(["poison", type(message.poisonMessage).__name__])
        elif isinstance(message, DeadEnvelope):
            self.seen.append(["dead", message.deadMessage])
        elif isinstance(message, ActorSystemConventionUpdate):
            self.seen.append(["system", message.remoteAdded])
        elif not isinstance(message, ActorExitRequest):
            self.seen.append(message)

    def do_where(self, _: Any, sender: ActorAddress) -> None:
        self.send(sender, Place(os.getpid(), self.myAddress))

    def do_echo(self, value: Any, sender: ActorAddress) -> None:
        self.send(sender, value)

    def do_length(self, value: bytes, sender: ActorAddress) -> None:
        self.send(sender, len(value))

    def do_seen(self, _: Any, sender: ActorAddress) -> None:
        self.send(sender, Seen(list(self.seen)))

    def do_create(self, requirements: dict[str, Any] | None, sender: ActorAddress) -> None:
        child = self.createActor(Subject, requirements)
        self.children.append(child)
        self.send(sender, child)

    def do_create_special(self, _: Any, sender: ActorAddress) -> None:
        """Wherever there is the capability Special; answers with the address once it is known."""
        child = self.createActor(Special)
        self.children.append(child)
        self.send(child, Call("announce", sender))

    def do_announce(self, asker: ActorAddress, sender: ActorAddress) -> None:
        self.send(asker, self.myAddress)

    def do_create_special_only(self, _: Any, sender: ActorAddress) -> None:
        self.children.append(self.createActor(Special))
        self.send(sender, "asked")

    def do_watch_systems(self, _: Any, sender: ActorAddress) -> None:
        self.notifyOnSystemRegistrationChanges()
        self.send(sender, "watching")

    def do_count(self, argument: tuple[ActorAddress, int], sender: ActorAddress) -> None:
        """Send so many numbers."""
        for number in range(argument[1]):
            self.send(argument[0], number)
        self.send(sender, "sent")

    def do_broken(self, requirements: dict[str, Any] | None, sender: ActorAddress) -> None:
        self.children.append(self.createActor(Broken, requirements))
        self.send(sender, "created")

    def do_forward(self, argument: tuple[ActorAddress, Any], sender: ActorAddress) -> None:
        self.send(*argument)

    def do_burst(self, argument: tuple[ActorAddress, int], sender: ActorAddress) -> None:
        for number in range(argument[1]):
            self.send(argument[0], number)
        self.send(argument[0], Call("report", sender))

    def do_report(self, asker: ActorAddress, sender: ActorAddress) -> None:
        self.send(asker, Seen(list(self.seen)))

    def do_unpicklable(self, target: ActorAddress, sender: ActorAddress) -> None:
        self.send(target, Unpicklable())

    def do_give_list(self, target: ActorAddress, sender: ActorAddress) -> None:
        self.mine: list[int] = []
        self.send(target, self.mine)

    def do_extend_list(self, _: Any, sender: ActorAddress) -> None:
        self.mine.append(1)
        self.send(sender, self.mine)

    def do_send_bytes(self, argument: tuple[ActorAddress, int], sender: ActorAddress) -> None:
        self.send(argument[0], bytes(argument[1]))

    def do_raise(self, _: Any, sender: ActorAddress) -> None:
        self.seen.append("raising")
        raise ValueError("on purpose")

    def do_task(self, _: Any, sender: ActorAddress) -> None:
        self.task = asyncio.get_running_loop().create_task(self.answer_later(sender))

    async def answer_later(self, asker: ActorAddress) -> None:
        await asyncio.sleep(0.01)
        self.send(asker, "from a task")

    def do_dead_letters(self, _: Any, sender: ActorAddress) -> None:
        self.handleDeadLetters()
        self.send(sender, "handling")

    def do_block(self, seconds: float, sender: ActorAddress) -> None:
        time.sleep(seconds)

    def do_slow_echo(self, value: Any, sender: ActorAddress) -> None:
        time.sleep(0.02)
        self.send(sender, value)

    def do_wait_for(self, path: str, sender: ActorAddress) -> None:
        """Blocks until somebody has made this file."""
        deadline = time.monotonic() + 15
        while not os.path.exists(path) and time.monotonic() < deadline:
            time.sleep(0.01)
        self.send(sender, os.path.exists(path))

    def do_descriptors(self, _: Any, sender: ActorAddress) -> None:
        kinds = []
        for name in os.listdir("/proc/self/fd"):
            try:
                kinds.append(os.readlink(f"/proc/self/fd/{name}"))
            except OSError:
                pass  # of the listing itself
        self.send(sender, Seen(sorted(kinds)))


class Broken(Actor):
    def __init__(self) -> None:
        raise RuntimeError("cannot be made")


class Cleaner(Subject):
    """Leaves a mark when it exits."""

    def do_mark(self, path: str, sender: ActorAddress) -> None:
        self.path = path
        self.send(sender, "marked")

    def receiveMessage(self, message: Any, sender: ActorAddress) -> None:
        super().receiveMessage(message, sender)
        if isinstance(message, ActorExitRequest):
            with open(self.path, "a", encoding="ascii") as file:
                file.write("exit\n")


class Special(Subject):
    """Lives only on a system with the capability Special."""

    @staticmethod
    def actorSystemCapabilityCheck(capabilities: dict[str, Any], requirements: Any) -> bool:
        return bool(capabilities.get("Special"))


class Crowded(Subject):
    """Has no descriptors left when it wants a child of its own."""

    def do_crowd(self, _: Any, sender: ActorAddress) -> None:
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
        self.children.append(self.createActor(Subject))
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        self.send(sender, "crowded")
