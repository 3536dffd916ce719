"""A bench for one IoActor without Thespian: messages in, what it sent out, I/O and time completed by hand.

bench = Bench(ContainerProxy)
bench.give(Start(...), sender="pool")
bench.work("create_container").complete(container) # the spawned coroutine "answers"
assert bench.sent_to("pool") == [NeedWork(...)]
bench.fire("idle")                                 # the named timer is due
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from attrs import define, field, frozen
from thespian.actors import Actor, ActorAddress, ActorExitRequest, ChildActorExited

from owactors.actor.io import IoActor


@frozen(eq=False)
class Sent:
    to: ActorAddress
    message: Any


@frozen(eq=False)
class Created:
    """A child that the actor asked for; `address` is what it got."""

    cls: type[Actor]
    requirements: dict[str, Any] | None
    address: ActorAddress


@define(eq=False)
class Work:
    """A spawned coroutine. It does not run unless `run()` is called."""

    coroutine: Coroutine[Any, Any, Any]
    _finish: Callable[[Any, BaseException | None], None]
    cancelled: bool = False
    ended: bool = False

    @property
    def name(self) -> str:
        return self.coroutine.__qualname__

    @property
    def arguments(self) -> dict[str, Any]:
        """The local variables of the coroutine before its first step: its arguments."""
        frame = self.coroutine.cr_frame
        return dict(frame.f_locals) if frame is not None else {}

    def complete(self, result: Any = None) -> None:
        """The coroutine ended with this result, without running."""
        self._end()
        self._finish(result, None)

    def fail(self, failure: BaseException) -> None:
        """The coroutine ended with this exception, without running."""
        self._end()
        self._finish(None, failure)

    def run(self) -> None:
        """Really run the coroutine, in a loop of its own, and deliver its outcome."""
        self.ended = True
        try:
            result = asyncio.run(self._await())
        except Exception as failure:
            self._finish(None, failure)
        else:
            self._finish(result, None)

    async def _await(self) -> Any:
        return await self.coroutine

    def _end(self) -> None:
        if self.ended or self.cancelled:
            raise AssertionError(f"{self.name} has already ended")
        self.ended = True
        self.coroutine.close()

    def cancel(self) -> None:
        self.cancelled = True
        self.coroutine.close()


@define(eq=False)
class Alarm:
    """A timer that was started: fired by the bench, not by time."""

    seconds: float
    fire: Callable[[], None]
    cancelled: bool = False

    def cancel(self) -> None:
        self.cancelled = True


@define(eq=False)
class HandEngine:
    """The engine of a bench: lists that the test completes by hand."""

    watching: Any = None
    works: list[Work] = field(factory=list)
    alarms: list[Alarm] = field(factory=list)
    closed: bool = False

    def spawn(self, coroutine: Coroutine[Any, Any, Any], finish: Callable[..., None]) -> Work:
        self.works.append(Work(coroutine, finish))
        return self.works[-1]

    def after(self, seconds: float, fire: Callable[[], None]) -> Alarm:
        self.alarms.append(Alarm(seconds, fire))
        return self.alarms[-1]

    async def room(self, address: ActorAddress) -> None:
        """There is always room."""

    def wake(self, payload: object) -> None:
        raise AssertionError("a bench knows no wakeups")

    def close(self) -> None:
        self.closed = True


class Reference:
    """Stands in for Thespian's actor manager: records what the actor asks of it."""

    globalName = ""

    def __init__(self) -> None:
        self.address = ActorAddress("self")
        self.sent: list[Sent] = []
        self.created: list[Created] = []

    def actor_send(self, to: ActorAddress, message: Any) -> None:
        self.sent.append(Sent(to, message))

    def createActor(
        self, cls: type[Actor], requirements: Any, global_name: Any = None, source_hash: Any = None
    ) -> ActorAddress:
        address = ActorAddress(f"{cls.__name__}-{len(self.created)}")
        self.created.append(Created(cls, requirements, address))
        return address


class Bench:
    """One actor under test. Addresses may be given as names: equal names are equal addresses.

    `sent` and `created` grow; `take()` empties `sent`. The actor's own address is "self".
    """

    def __init__(self, cls: type[IoActor], *args: Any, **kwargs: Any) -> None:
        self.actor = cls(*args, **kwargs)
        self.engine = HandEngine()
        self.reference = Reference()
        self.sent, self.created = self.reference.sent, self.reference.created
        self.actor._myRef = self.reference
        self.actor._engine = self.engine

    # -- what the test does

    def give(self, message: Any, sender: ActorAddress | str = "stranger") -> None:
        """Deliver a message."""
        self.actor.receiveMessage(message, named(sender))

    def give_own(self) -> None:
        """Deliver the messages that the actor sent to itself, until there are none."""
        while own := [sent for sent in self.sent if sent.to == self.reference.address]:
            self.sent.remove(own[0])
            self.give(own[0].message, self.reference.address)

    def exit(self) -> None:
        self.give(ActorExitRequest())

    def child_exited(self, child: Created | ActorAddress) -> None:
        self.give(ChildActorExited(child.address if isinstance(child, Created) else child))

    def fire(self, name: str) -> None:
        """The named timer is due. KeyError if it was not started, or cancelled."""
        self.actor._timers[name].fire()

    # -- what the test looks at

    @property
    def timers(self) -> dict[str, float]:
        """Seconds of every timer that is running."""
        return {name: alarm.seconds for name, alarm in self.actor._timers.items()}

    @property
    def works(self) -> list[Work]:
        """Coroutines that run beside the actor, oldest first."""
        return [work for work in self.engine.works if not (work.ended or work.cancelled)]

    def work(self, name: str) -> Work:
        """The only running coroutine whose qualified name ends with this."""
        found = [work for work in self.works if work.name.endswith(name)]
        assert len(found) == 1, f"{len(found)} coroutines {name!r} among {[w.name for w in self.works]}"
        return found[0]

    def messages(self, kind: type | tuple[type, ...] = object) -> list[Any]:
        """What was sent, to anybody, of this class."""
        return [sent.message for sent in self.sent if isinstance(sent.message, kind)]

    def sent_to(self, to: ActorAddress | str) -> list[Any]:
        return [sent.message for sent in self.sent if sent.to == named(to)]

    def take(self) -> list[Any]:
        """All messages sent so far, and forget them."""
        messages = [sent.message for sent in self.sent]
        self.sent.clear()
        return messages


def named(address: ActorAddress | str) -> ActorAddress:
    """The address of this name."""
    return ActorAddress(address) if isinstance(address, str) else address
